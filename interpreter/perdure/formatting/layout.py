"""A document as somebody wrote it: values in their own spelling, and the comments and blank lines between them.

Made by `parse`, arranged by `order`, laid out by `write`. Knows nothing of what the values mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

BLANK: Final = ""
"""Stands among comments for a blank line."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment from its `#` on, and the column where it was written."""

    text: str
    column: int


@dataclass(slots=True)
class Scalar:
    """A text as it is spelled; `style` is that of YAML, or `*` for an alias.

    `lines` are more than one where it is written over several, without the indentation of those behind the first. A
    block scalar's first line is its header. `below` tells that it starts on a line of its own, behind its key.
    """

    lines: list[str]
    style: str = ""
    value: str = ""
    anchor: str = ""
    below: bool = False

    @property
    def keeps(self) -> bool:
        """Whether blank lines behind it belong to it."""
        return self.style in ("|", ">") and "+" in self.lines[0]


@dataclass(slots=True)
class Collection:
    """A mapping or a list; `foot` are comments behind its last entry. A `bare` one is a pair in a list, `[a: 1]`."""

    mapping: bool
    flow: bool
    column: int
    anchor: str = ""
    bare: bool = False
    entries: list[Entry] = field(default_factory=list)
    foot: list[str] = field(default_factory=list)

    def get(self, name: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.name == name), None)


@dataclass(slots=True)
class Entry:
    """A key with its value, or an item of a list; `above` are comments and blank lines, `beside` comments in its
    line.
    """

    key: Scalar | None
    value: Value
    above: list[str] = field(default_factory=list)
    beside: list[Comment] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "" if self.key is None else self.key.value


Value: TypeAlias = "Scalar | Collection"


@dataclass(slots=True)
class Layout:
    """A whole document; `preface` are directives and comments before `---`, where that is written."""

    root: Entry
    preface: list[str]
    marked: bool


def trimmed(lines: list[str]) -> list[str]:
    """Comments without blank lines before the first and behind the last."""
    first, last = 0, len(lines)
    while first < last and lines[first] == BLANK:
        first += 1
    while last > first and lines[last - 1] == BLANK:
        last -= 1
    return lines[first:last]
