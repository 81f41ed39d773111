"""A definition as a tree of lines, for terminals."""

from __future__ import annotations

from perdure.pictures.layout import States
from perdure.pictures.outline import Box


def text(root: Box, states: States | None = None) -> str:
    """One line per step, indented by what it stands in; lanes that have a label stand on a line of their own."""
    lines: list[str] = []
    waiting: list[tuple[str, str, Box | str]] = [("", "", root)]
    while waiting:
        lead, indent, found = waiting.pop()
        if isinstance(found, str):
            lines.append(f"{lead}[{found}]")
            continue
        lines.append(lead + _line(found, (states or {}).get(found.address)))
        waiting.extend(reversed(_inside(found, indent)))
    return "\n".join(lines) + "\n"


def _inside(box: Box, indent: str) -> list[tuple[str, str, Box | str]]:
    rows: list[tuple[str, str, Box | str]] = []
    for number, lane in enumerate(box.lanes):
        last_lane = number == len(box.lanes) - 1
        around = indent
        if lane.label:
            rows.append((indent + ("└─ " if last_lane else "├─ "), "", lane.label))
            around = indent + ("   " if last_lane else "│  ")
        for place, inner in enumerate(lane.boxes):
            last = place == len(lane.boxes) - 1 and (bool(lane.label) or last_lane)
            rows.append((around + ("└─ " if last else "├─ "), around + ("   " if last else "│  "), inner))
    return rows


def _line(box: Box, state: str | None) -> str:
    deed = " ".join(filter(None, (box.kind, box.title)))
    named = f"{box.name}: {deed}" if box.name else deed
    notes = f" ({'; '.join(box.notes)})" if box.notes else ""
    return named + notes + (f" [{state}]" if state else "")
