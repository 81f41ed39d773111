"""Messages of one run that wait for their turn: in lines, one for each kind and name, each in the order they came.

What holds up the first of a line holds up those behind it, so nobody has to look at them; a thousand updates behind a
slow handler cost no more than one. Knows nothing of what a message means.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from typing import Final

from perdure.stores.store import Letter
from perdure.values import JSON

Line = tuple[str, str]
"""(kind, name)"""
_NAMED_BY: Final = {"signal": "signal", "update": "update", "event": "event"}


def line_of(letter: Letter, body: JSON) -> Line:
    """The line a message waits in; one whose kind has no names, as answers, in a single line."""
    return letter.kind, body[_NAMED_BY[letter.kind]] if letter.kind in _NAMED_BY else ""


class Deferred:
    """The lines of one run. `busy` while somebody goes through them."""

    __slots__ = ("busy", "lines")

    def __init__(self) -> None:
        self.lines: dict[Line, deque[tuple[Letter, JSON]]] = {}
        self.busy = False

    def __bool__(self) -> bool:
        return bool(self.lines)

    def __contains__(self, line: Line) -> bool:
        return line in self.lines

    def append(self, letter: Letter, body: JSON) -> None:
        self.lines.setdefault(line_of(letter, body), deque()).append((letter, body))

    def first(self, without: Collection[Line]) -> tuple[Line, Letter, JSON] | None:
        """The oldest message of all lines but these."""
        heads = [(line, *waiting[0]) for line, waiting in self.lines.items() if line not in without]
        return min(heads, key=lambda head: head[1].key, default=None)

    def pop(self, line: Line) -> None:
        """Take the first of a line away."""
        self.lines[line].popleft()
        if not self.lines[line]:
            del self.lines[line]

    def names(self, kind: str, before: int) -> Iterator[str]:
        """The names under which messages of a kind wait that are older than the letter with this key."""
        return (line[1] for line, waiting in self.lines.items() if line[0] == kind and waiting[0][0].key < before)

    def take(self, line: Line, keys: Collection[int]) -> None:
        """Take these letters out of the middle of a line."""
        kept = deque(entry for entry in self.lines.get(line, ()) if entry[0].key not in keys)
        if kept:
            self.lines[line] = kept
        else:
            self.lines.pop(line, None)

    def waiting(self, line: Line) -> list[tuple[Letter, JSON]]:
        return list(self.lines.get(line, ()))
