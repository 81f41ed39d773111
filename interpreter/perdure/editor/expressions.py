"""Expressions as they are typed: which one an index stands in, which name, and what could go on from there.

Works on the characters, since what is being typed does not parse. Knows the syntax of paths, filters and tests, and no
definition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

_TEXT: Final = r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\""
_SUBSCRIPT: Final = r"\[\s*(?:'[^'\]]*'|\"[^\"\]]*\"|-?\d+)\s*\]"
_KEYS: Final = rf"(?:\s*\.\s*\w+|\s*{_SUBSCRIPT})"
_TOKEN: Final = re.compile(rf"(?P<text>{_TEXT})|(?P<root>[A-Za-z_]\w*)(?P<keys>{_KEYS}*)", re.DOTALL)
_KEY: Final = re.compile(r"\s*(?:\.\s*(\w+)|\[\s*(?:'([^'\]]*)'|\"([^\"\]]*)\"|(-?\d+))\s*\])")
_MEMBER: Final = re.compile(
    rf"(?:^|[^\w.\])])(?P<root>[A-Za-z_]\w*)(?P<keys>{_KEYS}{{0,20}})(?P<dot>\s*\.\s*)(?P<word>[\w-]*)\Z"
)
_OPENED: Final = re.compile(
    rf"(?:^|[^\w.\])])(?P<root>[A-Za-z_]\w*)(?P<keys>{_KEYS}{{0,20}})\s*\[\s*(?P<quote>[\"'])(?P<word>[^\"'\]]*)\Z"
)
_FILTER: Final = re.compile(r"\|\s*(?P<word>\w*)\Z")
_TEST: Final = re.compile(r"\bis(?:\s+not)?\s+(?P<word>\w*)\Z")
_NAME: Final = re.compile(r"(?:^|[^\w.'\"])(?P<word>(?:[A-Za-z_]\w*)?)\Z")
_NEAR: Final = 40
"""Characters around a name that tell what it is used as."""
LONGEST: Final = 2_000
"""Characters before an index that are looked at."""

Sort = Literal["member", "subscript", "filter", "test", "name"]


@dataclass(frozen=True, slots=True)
class Begun:
    """What is being typed in an expression: a name, or a key behind `root` and `keys`. `word` is there already;
    `cut` characters before the index would be replaced, with the dot where it is a member."""

    sort: Sort
    word: str
    cut: int
    root: str = ""
    keys: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Name:
    """A path that is written in an expression: where its root stands, and each of its keys with its stretch."""

    root: str
    start: int
    keys: tuple[tuple[str | int, int, int], ...]
    role: Literal["name", "filter", "test", "call"] = "name"

    @property
    def end(self) -> int:
        """Behind the root."""
        return self.start + len(self.root)

    def until(self, offset: int) -> tuple[str | int, ...]:
        """The keys up to the one that an offset stands at; none at the root."""
        return tuple(key for key, start, _ in self.keys if start <= offset)


def holes(text: str) -> Iterator[tuple[int, int]]:
    """The stretches between braces; one that is not closed goes to the end."""
    at = text.find("{{")
    while at >= 0:
        end = text.find("}}", at + 2)
        yield at + 2, len(text) if end < 0 else end
        at = -1 if end < 0 else text.find("{{", end + 2)


def stretch_around(text: str, offset: int, *, bare: bool) -> tuple[int, int] | None:
    """The expression that an offset stands in; in a bare one all of it, unless it is written in braces."""
    found = None
    for found in holes(text):
        if found[0] <= offset <= found[1]:
            return found
    return (0, len(text)) if bare and found is None else None


def begun(before: str) -> Begun | None:
    """What the text before an index begins; None inside a text in quotes, and where only an operator could stand."""
    before = before[-LONGEST:]
    opened = _OPENED.search(before)
    if opened is not None:
        keys = tuple(key for key, _, _ in _keys(opened["keys"], 0))
        return Begun("subscript", opened["word"], len(opened["word"]), opened["root"], keys)
    if _in_text(before):
        return None
    member = _MEMBER.search(before)
    if member is not None:
        keys = tuple(key for key, _, _ in _keys(member["keys"], 0))
        cut = len(before) - member.start("dot")
        return Begun("member", member["word"], cut, member["root"], keys)
    for sort, pattern in (("filter", _FILTER), ("test", _TEST), ("name", _NAME)):
        found = pattern.search(before)
        if found is not None:
            return Begun(sort, found["word"], len(found["word"]))  # type: ignore[arg-type]
    return None


def names(text: str, start: int, end: int) -> Iterator[Name]:
    """The names in a stretch of a text, in order; texts in quotes are passed over."""
    for found in _TOKEN.finditer(text, start, end):
        if found["root"] is None:
            continue
        before = text[max(start, found.start() - _NEAR) : found.start()].rstrip()
        behind = text[found.end("root") : min(end, found.end("root") + _NEAR)].lstrip()
        if before.endswith("."):
            continue
        role: Literal["name", "filter", "test", "call"] = "name"
        if before.endswith("|"):
            role = "filter"
        elif re.search(r"\bis(?:\s+not)?\Z", before):
            role = "test"
        elif behind.startswith("(") and not found["keys"]:
            role = "call"
        yield Name(found["root"], found.start("root"), tuple(_keys(found["keys"], found.start("keys"))), role)


def name_at(text: str, offset: int, *, bare: bool) -> Name | None:
    """The name whose characters an offset stands at."""
    around = stretch_around(text, offset, bare=bare)
    if around is None:
        return None
    for name in names(text, *around):
        last = name.keys[-1][2] if name.keys else name.end
        if name.start <= offset <= last:
            return name
    return None


def _keys(text: str, start: int) -> Iterator[tuple[str | int, int, int]]:
    at = 0
    while (found := _KEY.match(text, at)) is not None:
        group = found.lastindex or 0
        key: str | int = int(found[group][:20]) if group == 4 else found[group]
        yield key, start + found.start(group), start + found.end(group)
        at = found.end()


def _in_text(before: str) -> bool:
    """Whether quotes that open before an index are not closed there."""
    open_with = ""
    escaped = False
    for letter in before:
        if escaped:
            escaped = False
        elif open_with and letter == "\\":
            escaped = True
        elif open_with:
            open_with = "" if letter == open_with else open_with
        elif letter in "\"'":
            open_with = letter
    return bool(open_with)
