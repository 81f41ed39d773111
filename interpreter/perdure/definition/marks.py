"""Where each value and key of a document was written.

A tree of spots beside the tree of values, walked only when a place is asked for. Knows the text and the
spots; how they came to be is the reader's business.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from perdure.definition.folding import BREAK, offsets
from perdure.record import record
from perdure.values import JSON

Path = Sequence[str | int]
"""Keys and indexes from the root of the document, such as `("steps", 0, "id")`."""


@record
class Mark:
    """A stretch of text; lines and columns count from 1, the end is the first position behind it."""

    line: int
    column: int
    end_line: int
    end_column: int


class Spot:
    """Where one value stands: 0-based line, column and index of its start and end, and what it holds."""

    __slots__ = ("children", "end", "keys", "start", "style", "value")

    def __init__(self, start: Point, end: Point, style: str = "") -> None:
        self.start = start
        self.end = end
        self.style = style
        self.value = ""
        self.children: dict[str, Spot] | list[Spot] | None = None
        self.keys: dict[str, Spot] | None = None


Point = tuple[int, int, int]
"""0-based line, column and index into the text."""

NOWHERE: Final = Spot((0, 0, 0), (0, 0, 0))


class Marks:
    """The places of a document's values and keys, by path.

    A path that does not exist gives the place of its nearest ancestor that does. What came through an
    alias or a merge key stands where it was written, at the anchor.
    """

    def __init__(self, text: str, root: Spot = NOWHERE) -> None:
        self._text = text
        self.root = root
        self._written: _Written | None = None

    def value(self, path: Path = ()) -> Mark:
        """Where the value stands."""
        return _mark(self._find(path)[0])

    def key(self, path: Path) -> Mark:
        """Where the last key of the path stands; a list's item has no key and gives its own place."""
        return _mark(self._key(path))

    def spot(self, path: Path, *, key: bool = False) -> Spot:
        """The spot of a value, or of its key."""
        return self._key(path) if key else self._find(path)[0]

    def _key(self, path: Path) -> Spot:
        spot, left = self._find(path[:-1])
        if left or not path:
            return spot
        last = path[-1]
        if spot.keys is not None and isinstance(last, str) and last in spot.keys:
            return spot.keys[last]
        return self._find(path)[0]

    def inside(self, path: Path, offset: int) -> Mark:
        """Where the character at `offset` of a text value was written, through escapes and folding."""
        spot, left = self._find(path)
        if left or spot.children is not None or spot is NOWHERE:
            return _mark(spot)
        if self._written is None or self._written.spot is not spot:  # one text may have a thousand problems
            self._written = _Written(self._text, spot)
        line, column = self._written.point(offset)
        return Mark(line + 1, column + 1, line + 1, column + 2)

    def spelling(self, path: Path) -> str:
        """The value's own text in the file, as written; empty where the path does not exist."""
        spot, left = self._find(path)
        return "" if left else self._text[spot.start[2] : spot.end[2]]

    def scalars(self) -> list[tuple[int, int]]:
        """The stretches of text, as indexes, that scalars cover; a comment never starts inside one."""
        found, waiting = [], [self.root]
        seen: set[int] = set()
        while waiting:
            spot = waiting.pop()
            if id(spot) in seen:
                continue
            seen.add(id(spot))
            waiting.extend(spot.keys.values() if spot.keys else ())
            children = spot.children.values() if isinstance(spot.children, dict) else spot.children
            if children is None:
                found.append((spot.start[2], spot.end[2]))
            else:
                waiting.extend(children)
        return found

    def _find(self, path: Path) -> tuple[Spot, Path]:
        spot = self.root
        for depth, part in enumerate(path):
            children = spot.children
            inner: Spot | None = None
            if isinstance(children, dict) and isinstance(part, str):
                inner = children.get(part)
            elif isinstance(children, list) and isinstance(part, int) and -1 < part < len(children):
                inner = children[part]
            if inner is None:
                return spot, path[depth:]
            spot = inner
        return spot, ()


class _Written:
    """A text value as it was written: where each of its characters stands, and each of its lines begins."""

    def __init__(self, text: str, spot: Spot) -> None:
        start, end = spot.start[2], spot.end[2]
        self.spot = spot
        self._places = array("I", offsets(text, start, end, spot.style, spot.value))
        self._lines = array("I", (found.end() for found in BREAK.finditer(text, start, end)))

    def point(self, offset: int) -> tuple[int, int]:
        """The 0-based line and column of the character at `offset` of the value."""
        line, column, start = self.spot.start
        index = max(self._places[min(max(offset, 0), len(self._places) - 1)], start)
        breaks = bisect_right(self._lines, index)
        return (line + breaks, index - self._lines[breaks - 1]) if breaks else (line, column + index - start)


def _mark(spot: Spot) -> Mark:
    return Mark(spot.start[0] + 1, spot.start[1] + 1, spot.end[0] + 1, spot.end[1] + 1)


def at(value: JSON, path: Path) -> JSON:
    """What a path leads to; None where it leads nowhere."""
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value
