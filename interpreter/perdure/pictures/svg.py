"""A definition as SVG: no script, no font and no picture from elsewhere; light or dark as the reader's screen is."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from perdure.pictures.layout import GAP, LINE, PADDING, LanePlace, Place, States, layout, walk
from perdure.pictures.outline import Box

MARGIN: Final = 16
GROUPS: Final = {
    "activity": "call", "workflow": "call", "use": "call",
    "wait": "wait", "ask": "wait", "select": "wait", "receive": "wait",
    "send": "say", "emit": "say", "publish": "say", "cancel": "say",
    "return": "end", "fail": "end", "restart": "end", "rollback": "end",
}  # fmt: skip
"""Kind → the group whose colour it has; the others are plain."""

_STYLE: Final = files("perdure.pictures").joinpath("picture.css").read_text(encoding="utf-8")
_ARROW: Final = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>'
)


def svg(root: Box, states: States | None = None) -> str:
    """The picture; with `states` each step that has one is marked by it."""
    place = layout(root)
    width, height = place.width + 2 * MARGIN, place.height + 2 * MARGIN
    area = f'x="{-MARGIN}" y="{-MARGIN}" width="{width:.0f}" height="{height:.0f}"'
    parts = [
        f"<svg {_head(root, width, height)}>",
        f"<style>{_STYLE}</style>",
        _ARROW,
        f'<rect class="paper" {area}/>',
    ]
    for found in walk(place):
        parts.extend(_box(found, (states or {}).get(found.box.address)))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _head(root: Box, width: float, height: float) -> str:
    return (
        f'xmlns="http://www.w3.org/2000/svg" class="perdure" role="img" aria-label={quoteattr(root.name or "")} '
        f'width="{width:.0f}" height="{height:.0f}" viewBox="{-MARGIN} {-MARGIN} {width:.0f} {height:.0f}"'
    )


def _box(place: Place, state: str | None) -> Iterator[str]:
    box = place.box
    group = GROUPS.get(box.kind, "plain")
    yield f"<g><title>{escape(box.address or box.kind)}</title>"
    yield f'<rect class="box {state or ""}" rx="6" {_rectangle(place)}/>'
    bar = f'x="{place.x:.1f}" y="{place.y + 6:.1f}" width="3" height="{LINE * len(place.words):.1f}"'
    yield f'<rect class="mark {group}" rx="2" {bar}/>'
    for number, word in enumerate(place.words):
        name = "name" if number == 0 else ""
        yield _text(place.x + PADDING, place.y + LINE * (number + 1), word, name)
    if state is not None:
        yield _text(place.x + place.width - PADDING, place.y + LINE, state, state, anchor="end")
    yield "</g>"
    for lane in place.lanes:
        yield from _lane(lane)


def _lane(lane: LanePlace) -> Iterator[str]:
    beside = " beside" if lane.lane.beside else ""
    yield f'<rect class="lane{beside}" rx="5" {_rectangle(lane)}/>'
    if lane.lane.label:
        yield _text(lane.x + PADDING / 2, lane.y + 14, lane.lane.label, "label")
    for place in lane.places[1:]:
        x = place.x + place.width / 2
        yield f'<path class="arrow" d="M{x:.1f} {place.y - GAP + 1:.1f} V{place.y - 2:.1f}"/>'


def _rectangle(found: Place | LanePlace) -> str:
    return f'x="{found.x:.1f}" y="{found.y:.1f}" width="{found.width:.1f}" height="{found.height:.1f}"'


def _text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    end = ' text-anchor="end"' if anchor == "end" else ""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{end}>{escape(words)}</text>'
