"""Where every box of an outline stands: sizes from the inside out, then places from the outside in, each box once.

Lengths are pixels. A box is as wide as its words and what it holds; lanes stand side by side and go on in a further row
where they would become wider than `WIDEST`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from perdure.pictures.outline import Box, Lane

PADDING: Final = 12
GAP: Final = 22
"""Between two boxes of a lane: room for the arrow."""
LANE_GAP: Final = 14
LINE: Final = 17
LANE_LABEL: Final = 20
LETTER: Final = 7.1
"""The width of a letter at the size of the words, on average; a little more than most fonts need."""
NARROWEST: Final = 132
WIDEST: Final = 1400


@dataclass(slots=True)
class Place:
    """A box with its words, where it stands and how large it is."""

    box: Box
    words: list[str]
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0
    lanes: list[LanePlace] = field(default_factory=list)


@dataclass(slots=True)
class LanePlace:
    lane: Lane
    places: list[Place]
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0


def layout(root: Box) -> Place:
    """The root's place at (0, 0), with the places of all it holds."""
    place = _unplaced(root)
    everything = list(walk(place))
    for inner in reversed(everything):
        _measure(inner)
    for outer in everything:
        _arrange(outer)
    return place


def walk(place: Place) -> Iterator[Place]:
    """A place and all inside it, each before what it holds."""
    waiting = [place]
    while waiting:
        found = waiting.pop()
        yield found
        for lane in reversed(found.lanes):
            waiting.extend(reversed(lane.places))


def words_of(box: Box) -> list[str]:
    """What stands in a box: its name, what it does, its modifiers."""
    deed = " ".join(filter(None, (box.kind, box.title)))
    return [*([box.name] if box.name else []), deed, *box.notes]


def _unplaced(root: Box) -> Place:
    made = Place(root, words_of(root))
    waiting = [made]
    while waiting:
        place = waiting.pop()
        for lane in place.box.lanes:
            inner = [Place(box, words_of(box)) for box in lane.boxes]
            place.lanes.append(LanePlace(lane, inner))
            waiting.extend(inner)
    return made


def _head(place: Place) -> float:
    return PADDING / 2 + LINE * len(place.words) + PADDING / 2


def _measure(place: Place) -> None:
    place.width = max(NARROWEST, *(len(word) * LETTER + 2 * PADDING for word in place.words))
    place.height = _head(place)
    for lane in place.lanes:
        _measure_lane(lane)
    for row in _rows(place):
        place.width = max(place.width, _width(row) + 2 * PADDING)
        place.height += max(lane.height for lane in row) + LANE_GAP


def _measure_lane(lane: LanePlace) -> None:
    label = len(lane.lane.label) * LETTER + PADDING
    lane.width = max(60.0, label, *(place.width for place in lane.places)) + PADDING
    lane.height = (LANE_LABEL if lane.lane.label else 6) + PADDING / 2
    lane.height += sum(place.height for place in lane.places) + GAP * max(0, len(lane.places) - 1)


def _rows(place: Place) -> Iterator[list[LanePlace]]:
    """The lanes, as many side by side as are not too wide."""
    row: list[LanePlace] = []
    for lane in place.lanes:
        if row and _width([*row, lane]) > WIDEST:
            yield row
            row = []
        row.append(lane)
    if row:
        yield row


def _width(row: list[LanePlace]) -> float:
    return sum(lane.width for lane in row) + LANE_GAP * (len(row) - 1)


def _arrange(place: Place) -> None:
    top = place.y + _head(place)
    for row in _rows(place):
        left = place.x + (place.width - _width(row)) / 2
        tallest = max(lane.height for lane in row)
        for lane in row:
            lane.x, lane.y, lane.height = left, top, tallest
            left += lane.width + LANE_GAP
            _arrange_lane(lane)
        top += tallest + LANE_GAP


def _arrange_lane(lane: LanePlace) -> None:
    y = lane.y + (LANE_LABEL if lane.lane.label else 6)
    for place in lane.places:
        place.x, place.y = lane.x + (lane.width - place.width) / 2, y
        y += place.height + GAP


States = Mapping[str, str]
"""Address → how a step stands: running, waiting, done, skipped, failed, cancelled, undone."""
