"""Whose a comment is: of the entry on its line, of the entry below it, or of the collection that ends above it.

Follows `parse` through the text, from value to value. Between two values there are only indicators, white space and
comments.
"""

from __future__ import annotations

import re
from typing import Final

from perdure.definition.folding import BREAK
from perdure.formatting.layout import BLANK, Collection, Comment, Entry, Scalar, trimmed

_TELLING: Final = re.compile(r"[#\n\r]")

NOWHERE: Final = 0
"""The column of a comment behind a dash: it is the next entry's, wherever that stands."""


class Comments:
    """`reached` is the index up to which comments have been taken; `closed` are block collections that have ended since
    the last entry began, the innermost first."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.reached = 0
        self.waiting: list[Comment] = []
        self.closed: list[Collection] = []
        self.owner: Entry | None = None

    def reach(self, index: int) -> None:
        """Takes the comments and blank lines up to `index`."""
        if index <= self.reached:
            return
        between = self.text[self.reached : index]
        if not _TELLING.search(between):
            self.reached = index
            return
        parts = BREAK.split(between)
        begins = self.reached == 0 or self.text[self.reached - 1] in "\n\r"
        for number, part in enumerate(parts):
            own = number > 0 or begins
            before, sign, behind = part.partition("#")
            if sign:
                self._take(own, before, f"#{behind.rstrip()}")
            elif own and not part.strip() and number < len(parts) - 1:
                self.waiting.append(Comment(BLANK, NOWHERE))
        self.reached = index

    def _take(self, own: bool, before: str, text: str) -> None:
        if own or self.owner is None:
            self.waiting.append(Comment(text, NOWHERE if before.strip() else len(before)))
        else:
            at = self.text.rfind("\n", 0, self.reached) + 1
            self.owner.beside.append(Comment(text, self.reached - at + len(before)))

    def beside(self, entry: Entry, text: str, index: int) -> None:
        """A comment that was met on the way, in the header of a block scalar."""
        entry.beside.append(Comment(text.rstrip(), index - self.text.rfind("\n", 0, index) - 1))

    def passed(self, end: int, owner: Entry | None) -> None:
        """A value ends here; what follows on its line is its owner's."""
        self.reached = max(self.reached, end)
        self.owner = owner or self.owner

    def skip(self, start: int, end: int) -> int:
        """Behind white space and comments."""
        while start < end:
            if self.text[start] == "#":
                found = BREAK.search(self.text, start, end)
                start = end if found is None else found.end()
            elif self.text[start].isspace():
                start += 1
            else:
                break
        return start

    def dash(self, index: int) -> int:
        """The column of the first dash in the line of an item."""
        line = max(self.text.rfind("\n", 0, index), self.text.rfind("\r", 0, index)) + 1
        return max(0, self.text.find("-", line, index) - line)

    def preface(self, end: int) -> list[str]:
        """What stands before `---`: comments, directives and blank lines."""
        lines = [part.strip() for part in BREAK.split(self.text[:end])]
        lines.pop()
        self.reached, self.waiting = end, []
        return trimmed([line for number, line in enumerate(lines) if line or (number and lines[number - 1])])

    def settle(self, parent: Collection, entry: Entry) -> None:
        """An entry begins: what waits is above it, but what is indented more is at the foot of what has ended."""
        closed, self.closed = self.closed, []
        if not self.waiting:
            return
        lines, self.waiting = self.waiting, []
        if not parent.flow:
            lines = _feet(lines, closed, parent.column)
        entry.above = _once([line.text for line in lines])

    def lift(self, entry: Entry) -> None:
        """What stands between a key and its value goes above both."""
        found = [line.text for line in self.waiting if line.text]
        entry.above += found
        self.waiting = []

    def rest(self, found: Collection, entry: Entry) -> None:
        """What stands before the closing bracket."""
        lines = trimmed(_once([line.text for line in self.waiting]))
        self.waiting = []
        if found.entries:
            found.foot += lines
        else:
            entry.above += [line for line in lines if line]

    def finish(self, root: Entry) -> None:
        """The document ends: what waits is at the foot of what has ended last."""
        lines, self.waiting = self.waiting, []
        if isinstance(root.value, Scalar):
            return
        left = _feet(lines, self.closed or [root.value], -1)
        root.value.foot = trimmed(_once([*root.value.foot, *(line.text for line in left)]))


def _feet(lines: list[Comment], closed: list[Collection], column: int) -> list[Comment]:
    """Gives comments that are indented more than `column` to the collections that have ended; what is left."""
    level, blanks, before = 0, 0, -1
    outermost_first = closed[::-1]
    deepest = len(outermost_first)
    for number, line in enumerate(lines):
        if line.text == BLANK:
            blanks += 1
            continue
        if line.column <= column or not closed:
            return lines[number - blanks :]
        if line.column != before:  # most comments stand below one another
            level, before = _fitting(outermost_first[:deepest], line.column), line.column
        foot = outermost_first[level].foot
        if blanks:
            foot.append(BLANK)
        foot.append(line.text)
        deepest, blanks = level + 1, 0
    return lines[len(lines) - blanks :] if blanks else []


def _fitting(outermost_first: list[Collection], column: int) -> int:
    """Which of the collections a comment in a column stands in: the one that is indented most of those it reaches."""
    reached = [at for at, one in enumerate(outermost_first) if one.column <= column]
    return max(reached, key=lambda at: (outermost_first[at].column, -at), default=0)


def _once(lines: list[str]) -> list[str]:
    """With one blank line where there were several."""
    return [line for number, line in enumerate(lines) if line or not number or lines[number - 1]]
