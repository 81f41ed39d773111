"""Where an index stands in a document: at which key or value, on which path, in which expression.

Looks at the tree of a source, whoever read it. To find out what could be written at a place, a mark is set there
before the text is read: so a word that is only begun, or not even that, has its place in the tree as well.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final, Literal

from perdure.definition.folding import offsets
from perdure.definition.marks import Path, Spot, at
from perdure.definition.source import Source
from perdure.editor.tolerant import read_anyhow
from perdure.values import JSON

Role = Literal["key", "value", "nothing"]

_MARKS: Final = "\ue0ff\ue0fe\ue0fd"
"""Private characters, one of which is set where something is to be completed."""
_WORD: Final = re.compile(r"[\w.-]*\Z")
_COMMENT: Final = re.compile(r"(?:^|\s)#")


@dataclass(frozen=True, slots=True)
class Spotted:
    """What stands at an index: the path to it, whether it is a key or a value, and where it is written."""

    path: Path
    role: Role
    spot: Spot

    @property
    def start(self) -> int:
        return self.spot.start[2]

    @property
    def end(self) -> int:
        return self.spot.end[2]


@dataclass(frozen=True, slots=True)
class Typing:
    """A place at which something is being typed.

    `source` is the text with the mark in it, read anyhow. `before` and `behind` are what stands around the mark in its
    own value; `start` to `end` are the indexes, in the text without the mark, of the value as it is written so far.
    `alone` says that nothing but the value stands in its line, so that it may still become a key, or an item.
    """

    source: Source
    path: Path
    role: Role
    before: str
    behind: str
    start: int
    end: int
    style: str
    alone: bool

    @property
    def owner(self) -> JSON:
        """The mapping or list around the place."""
        return at(self.source.value, self.path[:-1])


def spotted(source: Source, index: int) -> Spotted | None:
    """What stands at an index of a source's text; None between things."""
    spot = source.marks.root
    path: list[str | int] = []
    while spot.children is not None:
        for key, place in (spot.keys or {}).items():
            if place.start[2] <= index <= place.end[2]:
                return Spotted((*path, key), "key", place)
        inner = _around(spot, index)
        if inner is None:
            return Spotted(tuple(path), "nothing", spot)
        path.append(inner[0])
        spot = inner[1]
    if spot.start[2] <= index <= spot.end[2] and spot.end[2] > spot.start[2]:
        return Spotted(tuple(path), "value", spot)
    return None


def _around(spot: Spot, index: int) -> tuple[str | int, Spot] | None:
    """The child that covers an index; the later one where two touch."""
    children = spot.children.items() if isinstance(spot.children, dict) else enumerate(spot.children or ())
    found = None
    for key, child in children:
        if child.start[2] <= index <= child.end[2]:
            found = key, child
    return found


def typing_at(text: str, index: int, file: str) -> Typing | None:
    """What is being typed at an index; None inside a comment, and where nothing could stand."""
    mark = next((letter for letter in _MARKS if letter not in text), None)
    if mark is None:
        return None
    source = read_anyhow(text[:index] + mark + text[index:], file)
    found = _marked(source.marks.root, index)
    if found is None or mark not in found.spot.value + source.text[found.start : found.end]:
        return None
    written = found.spot.value if found.role == "value" else source.text[found.start : found.end]
    if found.role == "key" and written[:1] in ("'", '"'):
        written = written.strip(written[0])
    before, _, behind = written.partition(mark)
    line = source.text[source.text.rfind("\n", 0, found.start) + 1 : found.start]
    alone = not line.strip(" -")
    return Typing(source, found.path, found.role, before, behind, found.start, found.end - 1, found.spot.style, alone)


def _marked(root: Spot, index: int) -> Spotted | None:
    """The key or value that holds the character at an index."""
    spot = root
    path: list[str | int] = []
    while spot.children is not None:
        for key, place in (spot.keys or {}).items():
            if place.start[2] <= index < place.end[2]:
                return Spotted((*path, key), "key", place)
        children = spot.children.items() if isinstance(spot.children, dict) else enumerate(spot.children)
        inner = next(((key, one) for key, one in children if one.start[2] <= index < one.end[2]), None)
        if inner is None:
            return None
        path.append(inner[0])
        spot = inner[1]
    return Spotted(tuple(path), "value", spot) if spot.start[2] <= index < spot.end[2] else None


def offset_in(source: Source, spot: Spot, index: int) -> int:
    """The offset in a text value of the character that is written at an index."""
    places = offsets(source.text, spot.start[2], spot.end[2], spot.style, spot.value)
    return max(0, bisect_right(places, index) - 1)


def written_at(source: Source, spot: Spot, offset: int) -> int:
    """The index at which a character of a text value is written."""
    places = offsets(source.text, spot.start[2], spot.end[2], spot.style, spot.value)
    return places[min(max(offset, 0), len(places) - 1)]


def word_before(text: str) -> str:
    """The name that ends here, with its dots and dashes."""
    found = _WORD.search(text)
    return found[0] if found is not None else ""


def comment_before(line: str) -> str | None:
    """The comment that a line ends in, from its sign; None where there is none. Signs inside quotes are not told."""
    found = _COMMENT.search(line)
    return None if found is None else line[found.start() :].lstrip()
