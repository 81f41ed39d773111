"""An outline as nested groups and edges: what Mermaid and DOT both draw.

A box that holds lanes is a group; a lane with a label is a group within it. Edges join the boxes of a lane in order,
from and to the box itself where it is a leaf, else from its last and to its first leaf.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from perdure.pictures.outline import Box, Lane


@dataclass(frozen=True, slots=True)
class Edge:
    start: str
    end: str


@dataclass(slots=True)
class Flow:
    """`lines` are (depth, open | leaf | end, node's name, box or a lane's label), in the order they are written."""

    lines: list[tuple[int, str, str, Box | str]] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)


def flow(root: Box) -> Flow:
    """Every box once; names are n0, n1, … for boxes and their lanes."""
    drawn, names = Flow(), _names(root)
    waiting: list[tuple[int, str, str, Box | str, Lane | None]] = [(0, "box", names[id(root)], root, None)]
    while waiting:
        depth, kind, name, found, lane = waiting.pop()
        if kind == "end":
            drawn.lines.append((depth, "end", name, found))
        elif isinstance(found, str):
            assert lane is not None
            drawn.lines.append((depth, "open", name, found))
            waiting.append((depth, "end", name, found, None))
            waiting.extend((depth + 1, "box", names[id(box)], box, None) for box in reversed(lane.boxes))
        elif not _holds(found):
            drawn.lines.append((depth, "leaf", name, found))
        else:
            drawn.lines.append((depth, "open", name, found))
            waiting.append((depth, "end", name, found, None))
            waiting.extend(reversed(_inside(found, name, depth + 1, names)))
    drawn.edges = [edge for box in root.walk() for lane in box.lanes for edge in _edges(lane, names)]
    return drawn


def _names(root: Box) -> dict[int, str]:
    return {id(box): f"n{number}" for number, box in enumerate(root.walk())}


def _holds(box: Box) -> bool:
    return any(lane.boxes for lane in box.lanes)


def _inside(
    box: Box, name: str, depth: int, names: dict[int, str]
) -> list[tuple[int, str, str, Box | str, Lane | None]]:
    rows: list[tuple[int, str, str, Box | str, Lane | None]] = []
    for number, lane in enumerate(box.lanes):
        if not lane.boxes:
            continue
        if lane.label:
            rows.append((depth, "lane", f"{name}l{number}", lane.label, lane))
        else:
            rows.extend((depth, "box", names[id(inner)], inner, None) for inner in lane.boxes)
    return rows


def _edges(lane: Lane, names: dict[int, str]) -> list[Edge]:
    return [
        Edge(names[id(_leaf(before, -1))], names[id(_leaf(after, 0))])
        for before, after in zip(lane.boxes, lane.boxes[1:], strict=False)
    ]


def _leaf(box: Box, which: int) -> Box:
    """The first or last leaf inside a box, along the way the step usually goes."""
    while _holds(box):
        usual = [lane for lane in box.lanes if lane.boxes and not lane.beside]
        lanes = usual or [lane for lane in box.lanes if lane.boxes]
        box = lanes[which].boxes[which]
    return box
