"""What is answered to an editor, in indexes of the text; the server puts it into the protocol's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Sort = Literal[
    "key", "value", "activity", "workflow", "step", "field", "function", "filter", "fragment", "name", "file"
]


SymbolSort = Literal["step", "section", "variable", "fragment", "case", "block"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A way to go on. `insert` replaces the text from `start` to `end`; those of lower `rank` come first."""

    label: str
    insert: str
    start: int
    end: int
    sort: Sort
    about: str = ""
    detail: str = ""
    rank: int = 0
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What a hover shows, as Markdown, and the stretch it is about."""

    markdown: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Target:
    """A stretch of a file to which something leads; a file of Python is named by its line alone."""

    file: Path
    start: int = 0
    end: int = 0
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """A stretch of a file, and what is to stand there instead."""

    file: Path
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that an author may choose; `prefers` marks the one that mends the problem."""

    title: str
    edits: Sequence[Edit]
    code: str
    prefers: bool = False


@dataclass(frozen=True, slots=True)
class Symbol:
    """Something with a name, where it stands, and what is inside it."""

    name: str
    detail: str
    sort: SymbolSort
    start: int
    end: int
    name_start: int
    name_end: int
    inside: Sequence[Symbol] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something cannot be done, in an author's words."""

    reason: str
