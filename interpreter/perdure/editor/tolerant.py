"""Any text becomes a tree with marks: what `reader` makes of a good document, guessed where the text is half written.

Goes by indentation, line after line; what cannot be understood is passed over, never refused. One loop over an
explicit stack, each character looked at a few times, so garbage costs no more than a document. Values in brackets stand
in `flow`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Any, Final

from perdure.definition.folding import BREAK
from perdure.definition.marks import NOWHERE, Marks, Point, Spot
from perdure.definition.source import Source
from perdure.editor.flow import Flow, plain_end, quoted_end, scalar
from perdure.values import JSON

_BLOCK: Final = re.compile(r"[|>][-+0-9]{0,3}[ \t]*(?:#.*)?$")
_PROPERTY: Final = re.compile(r"[&!][^\s,\[\]{}]*[ \t]*")
_APART: Final = re.compile(r"(?:---|\.\.\.|%)")
_COLON: Final = re.compile(r":(?=[ \t]|$)")

DEEPEST: Final = 1_000
"""Lists and mappings inside each other; what stands deeper is passed over."""


def read_anyhow(text: str, file: str) -> Source:
    """The source of a text of which some may be missing or wrong; it has no diagnostics."""
    return _Reader(text).source(file)


class _Frame:
    """A list or mapping that further lines may add to; `free` while its last place holds nothing yet."""

    __slots__ = ("free", "indent", "key", "spot", "value")

    def __init__(self, indent: int, value: JSON, spot: Spot) -> None:
        self.indent = indent
        self.value = value
        self.spot = spot
        self.key = ""
        self.free = False

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, list)

    @property
    def place(self) -> Any:
        """The last index or key."""
        return len(self.value) - 1 if self.is_list else self.key


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(found.end() for found in BREAK.finditer(text))]
        self.ends = [found.start() for found in BREAK.finditer(text)] + [len(text)]
        self.row = 0
        self.frames: list[_Frame] = []
        self.value: JSON = None
        self.root = NOWHERE

    def source(self, file: str) -> Source:
        while self.row < len(self.starts):
            start, end = self.starts[self.row], self.ends[self.row]
            self.row += 1
            content = self.text[start:end].lstrip(" \t")
            column = end - start - len(content)
            if content.strip() and content[0] != "#" and not (column == 0 and _APART.match(content)):
                self.line(start + column, end, column)
        while self.frames:
            self.pop()
        return Source(file, self.text, self.value, Marks(self.text, self.root))

    def line(self, at: int, end: int, column: int) -> None:
        while len(self.frames) < DEEPEST or self.frames[-1].indent >= column:
            if self.text[at] == "-" and (at + 1 == end or self.text[at + 1] in " \t"):
                self.item(column, at)
                behind = self.skip(at + 1, end)
                if behind >= end or self.text[behind] == "#":
                    return
                at, column = behind, column + behind - at
                continue
            key = self.key(at, end)
            if key is None:
                self.loose(at, end, column)
                return
            name, stop, behind = key
            self.entry(column, name, at, stop, behind)
            behind = self.skip(behind, end)
            if behind < end and self.text[behind] != "#":
                self.put(behind, end)
            return

    def key(self, at: int, end: int) -> tuple[str, int, int] | None:
        """A key that starts here: its name, its end, and the place behind its colon."""
        if self.text[at] in "\"'":
            stop = quoted_end(self.text, at, end)
            colon = _COLON.match(self.text, self.skip(stop, end), end) if stop <= end else None
            return None if colon is None else (str(scalar(self.text, at, stop)), stop, colon.end())
        if self.text[at] in "[]{},#|>%@`":
            return None
        stop = plain_end(self.text, at, end, "")
        colon = _COLON.match(self.text, stop, end)
        return None if colon is None else (self.text[at:stop].rstrip(), stop, colon.end())

    def item(self, column: int, at: int) -> None:
        self.leave(column)
        top = self.frames[-1] if self.frames else None
        under = self.frames[-2] if len(self.frames) > 1 else None
        if top is not None and not top.is_list and under is not None and under.is_list and under.indent == column:
            self.pop()
            top = under
        if top is None or not (top.is_list and top.indent == column):
            top = self.open(column, [], at)
        top.value.append(None)
        top.spot.children.append(self.spot(at + 1, at + 1))  # type: ignore[union-attr]
        top.free = True
        self.reach(at + 1)

    def entry(self, column: int, name: str, at: int, stop: int, behind: int) -> None:
        self.leave(column)
        if self.frames and self.frames[-1].is_list and self.frames[-1].indent == column and len(self.frames) > 1:
            self.pop()
        top = self.frames[-1] if self.frames else None
        if top is None or top.is_list or (top.indent < column and top.free):
            top = self.open(column, {}, at)
        top.key = name
        top.value[name] = None
        top.spot.keys[name] = self.spot(at, stop)  # type: ignore[index]
        top.spot.children[name] = self.spot(behind, behind)  # type: ignore[index,call-overload]
        top.free = True
        self.reach(behind)

    def loose(self, at: int, end: int, column: int) -> None:
        """Words on a line of their own: a value, a key that has no colon yet, or the rest of a text."""
        self.leave(column)
        top = self.frames[-1] if self.frames else None
        if top is None or (top.free and column > top.indent):
            self.put(at, end)
        elif column == top.indent and not top.is_list:
            stop = plain_end(self.text, at, end, "")
            self.entry(column, self.text[at:stop].rstrip(), at, stop, stop)
        elif column == top.indent:
            top.value.append(None)
            top.spot.children.append(self.spot(at, at))  # type: ignore[union-attr]
            self.put(at, end)
        else:
            self.go_on(top, at, end)

    def go_on(self, top: _Frame, at: int, end: int) -> None:
        """A plain text goes on in the next line."""
        place = top.place
        last: Spot = top.spot.children[place]  # type: ignore[index]
        if last.children is None and not last.style and isinstance(top.value[place], str):
            stop = plain_end(self.text, at, end, "")
            last.value = top.value[place] = f"{last.value} {self.text[at:stop].rstrip()}"
            last.end = self.point(stop)
            self.reach(stop)

    def put(self, at: int, end: int) -> None:
        """The value that starts here."""
        while (found := _PROPERTY.match(self.text, at, end)) is not None:
            at = found.end()
        if at >= end or self.text[at] == "#":
            return
        indent = self.frames[-1].indent if self.frames else -1
        first = self.text[at]
        if first in "|>" and _BLOCK.match(self.text, at, end):
            self.place(*self.block(at, indent))
        elif first in "[{" and not self.text.startswith("{{", at):
            value, spot, stop = Flow(self.text, self.point).read(at, self.extent(indent))
            self.place(value, spot)
            self.go_behind(stop)
        else:
            stop = self.single(at, end, indent)
            value = scalar(self.text, at, stop)
            spot = self.spot(at, stop)
            spot.value = value if isinstance(value, str) else self.text[at:stop]
            spot.style = first if first in "\"'" else ""
            self.place(value, spot)
            self.go_behind(stop)

    def single(self, at: int, end: int, indent: int) -> int:
        """The end of a value that is one text; quotes that are never closed end with their line."""
        if self.text[at] not in "\"'":
            return max(plain_end(self.text, at, end, ""), at + 1)
        stop = quoted_end(self.text, at, end)
        if stop > end:
            further = self.extent(indent)
            stop = quoted_end(self.text, at, further)
            return stop if stop <= further else end
        return stop

    def block(self, at: int, indent: int) -> tuple[str, Spot]:
        """A literal or folded text: the lines below that are empty or stand further in."""
        lines: list[str] = []
        last = self.ends[self.row - 1]
        while self.row < len(self.starts):
            line = self.text[self.starts[self.row] : self.ends[self.row]]
            if line.strip() and len(line) - len(line.lstrip(" ")) <= indent:
                break
            lines.append(line)
            last = self.ends[self.row] if line.strip() else last
            self.row += 1
        while lines and not lines[-1].strip():
            lines.pop()
        margin = min((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), default=0)
        cut = [line[margin:] for line in lines]
        folded = self.text[at] == ">"
        value = (" " if folded else "\n").join(cut) + ("\n" if cut else "")
        spot = self.spot(at, last)
        spot.style, spot.value = self.text[at], value
        return value, spot

    def extent(self, indent: int) -> int:
        """How far a value that began in this line may reach: to the next line that stands no further in."""
        row = self.row
        while row < len(self.starts):
            line = self.text[self.starts[row] : self.ends[row]]
            content = line.lstrip(" \t")
            if content and len(line) - len(content) <= indent and content[0] not in "]}":
                break
            row += 1
        return self.ends[row - 1]

    def open(self, column: int, value: JSON, at: int) -> _Frame:
        spot = self.spot(at, at)
        spot.children = [] if isinstance(value, list) else {}
        spot.keys = None if isinstance(value, list) else {}
        self.place(value, spot)
        frame = _Frame(column, value, spot)
        self.frames.append(frame)
        return frame

    def place(self, value: JSON, spot: Spot) -> None:
        """Puts a value where the innermost open mapping or list waits for one, else outermost."""
        if not self.frames:
            if self.root is NOWHERE or self.root.children is None:
                self.value, self.root = value, spot
            return
        top = self.frames[-1]
        top.value[top.place] = value
        top.spot.children[top.place] = spot  # type: ignore[index]
        top.free = False
        self.reach(spot.end[2])

    def leave(self, column: int) -> None:
        """Ends what stands further in than a line; the outermost stays open whatever comes."""
        while len(self.frames) > 1 and self.frames[-1].indent > column:
            self.pop()

    def reach(self, index: int) -> None:
        """The innermost that is open reaches this far at least; those around it learn of it when it is left."""
        if self.frames and self.frames[-1].spot.end[2] < index:
            self.frames[-1].spot.end = self.point(index)

    def pop(self) -> None:
        left = self.frames.pop().spot
        if self.frames and self.frames[-1].spot.end[2] < left.end[2]:
            self.frames[-1].spot.end = left.end

    def go_behind(self, index: int) -> None:
        """Goes on with the line behind an index; what else stands in its line is passed over."""
        self.row = max(self.row, bisect_right(self.starts, max(index - 1, 0)))

    def skip(self, at: int, end: int) -> int:
        while at < end and self.text[at] in " \t":
            at += 1
        return at

    def spot(self, start: int, end: int) -> Spot:
        return Spot(self.point(start), self.point(end))

    def point(self, index: int) -> Point:
        row = bisect_right(self.starts, index) - 1
        return row, index - self.starts[row], index
