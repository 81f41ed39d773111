"""Text becomes a layout: parser events give the values, what stands between them gives comments and blank lines.

Takes only text that the reader has read without an error, so it judges nothing. `comments` says whose a comment is.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, Final

from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from perdure.definition.events import stream
from perdure.definition.folding import BREAK
from perdure.formatting.comments import Comments
from perdure.formatting.layout import Collection, Entry, Layout, Scalar, Value

DEEPEST: Final = 200
"""Values inside values; deeper ones cannot be laid out so that anybody could read them."""

_ANCHOR: Final = re.compile(r"&[^\s,\[\]{}]+")
_HEADER: Final = re.compile(r"([|>])([0-9+-]*)[ \t]*(#[^\n\r]*)?")


class TooDeepError(Exception):
    """Values are nested more than `DEEPEST` deep."""


def parse(text: str) -> Layout:
    """The layout of the one document in `text`; TooDeepError, yaml.YAMLError."""
    return _Parser(text).document()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.next = stream(text)
        self.comments = Comments(text)
        self.root = Entry(None, Scalar([""]))
        self.open: list[tuple[Collection, Entry]] = []
        self.marked = False
        self.preface: list[str] = []

    def document(self) -> Layout:
        while True:
            event: Any = self.next()
            match event:
                case StreamEndEvent():
                    break
                case StreamStartEvent():
                    continue
                case DocumentStartEvent():
                    self.begin(event)
                case DocumentEndEvent():
                    self.comments.reach(len(self.text))
                case MappingEndEvent() | SequenceEndEvent():
                    self.close(event)
                case ScalarEvent() | AliasEvent():
                    self.scalar(event)
                case _:
                    self.collection(event)
        self.comments.finish(self.root)
        return Layout(self.root, self.preface, self.marked)

    def begin(self, event: Any) -> None:
        if event.explicit:
            self.marked = True
            self.preface = self.comments.preface(event.end_mark.index)

    def scalar(self, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        entry, is_key = self.holder(event)
        anchor = ""
        if isinstance(event, AliasEvent):
            found = Scalar([self.text[start:end]], "*")
        else:
            anchor, start = self.anchor(event, start, entry)
            found, end = self.spelled(event, start, entry)
        found.anchor = anchor
        found.below = BREAK.search(self.text, self.comments.reached, start) is not None
        self.comments.reach(start)
        if not is_key:
            self.comments.lift(entry)
        self.comments.passed(end, entry)
        self.put(entry, found, is_key)

    def anchor(self, event: Any, start: int, entry: Entry) -> tuple[str, int]:
        """The anchor written at `start`, and where the value behind it starts."""
        if event.anchor is None:
            return "", start
        found = _ANCHOR.match(self.text, start)
        assert found is not None
        self.comments.reach(start)
        self.comments.passed(found.end(), entry)
        return found[0], self.comments.skip(found.end(), event.end_mark.index)

    def spelled(self, event: Any, start: int, entry: Entry) -> tuple[Scalar, int]:
        style, end = event.style or "", event.end_mark.index
        if style in ("|", ">") and style:
            return self.block(event, start, entry)
        lines = [self.text[start:end]] if end > start else [""]
        if "\n" in lines[0] or "\r" in lines[0]:
            lines = _folded(lines[0], style)
        elif style == "'" and '"' not in event.value and "\\" not in event.value and event.value.isprintable():
            lines, style = [f'"{event.value}"'], '"'
        return Scalar(lines, style, event.value), end

    def block(self, event: Any, start: int, entry: Entry) -> tuple[Scalar, int]:
        """A block scalar, its lines without their indentation, and where it ends."""
        header = _HEADER.match(self.text, start)
        assert header is not None
        if header[3]:
            self.comments.beside(entry, header[3], header.start(3))
        spans = self.spans(start, event.end_mark.index)
        indent = _indentation([self.text[a:b] for a, b in spans], event.value)
        keeps = "+" in header[2]
        while spans and not keeps and not self.text[spans[-1][0] + indent : spans[-1][1]]:
            spans.pop()
        lines = [self.text[a + indent : b] for a, b in spans]
        if event.value and not event.value.endswith("\n"):  # also where the file ends without a line feed
            sign, keeps = "-", False
        else:
            sign = "+" if keeps else "-" if "-" in header[2] else ""
        digit = "2" if any(mark.isdigit() for mark in header[2]) else ""
        end = event.end_mark.index if keeps else spans[-1][1] if spans else header.end()
        return Scalar([f"{header[1]}{digit}{sign}", *lines], header[1], event.value), end

    def spans(self, start: int, end: int) -> list[tuple[int, int]]:
        """Where the lines behind the first are; the last may be cut off by the end of the file."""
        ends = [(found.start(), found.end()) for found in BREAK.finditer(self.text, start, end)]
        spans = [(behind, before) for (_, behind), (before, _) in pairwise(ends)]
        if ends and ends[-1][1] < end and (end == len(self.text) or self.text[ends[-1][1] : end].strip()):
            spans.append((ends[-1][1], end))
        return spans

    def collection(self, event: Any) -> None:
        entry, _ = self.holder(event)
        start, flow = event.start_mark.index, bool(event.flow_style)
        anchor, _ = self.anchor(event, start, entry)
        found = Collection(isinstance(event, MappingStartEvent), flow, event.start_mark.column, anchor)
        if anchor:
            found.column = -1
        self.put(entry, found, is_key=False)
        if flow:
            bracket = event.end_mark.index - 1
            opens = bracket >= start and self.text[bracket] in "[{"
            found.bare = not opens
            self.comments.reach(bracket if opens else start)
            self.comments.lift(entry)
            self.comments.passed(bracket + 1 if opens else start, entry)
        self.open.append((found, entry))
        if len(self.open) > DEEPEST:
            raise TooDeepError

    def close(self, event: Any) -> None:
        found, entry = self.open.pop()
        if not found.flow:
            self.comments.closed.append(found)
            return
        end = event.end_mark.index
        closes = self.text[end - 1 : end] in ("]", "}") and end > event.start_mark.index
        self.comments.reach(end - 1 if closes else event.start_mark.index)
        if closes:
            self.comments.rest(found, entry)
            self.comments.passed(end, entry)

    def holder(self, event: Any) -> tuple[Entry, bool]:
        """The entry that the event's value belongs to, and whether it is its key; a new one where one begins."""
        if not self.open:
            return self.root, False
        parent, _ = self.open[-1]
        if parent.mapping and parent.entries and parent.entries[-1].value is _MISSING:
            return parent.entries[-1], False
        start = event.start_mark
        self.comments.reach(start.index)
        if parent.column < 0:
            parent.column = start.column if parent.mapping else self.comments.dash(start.index)
        entry = Entry(None, _MISSING)
        self.comments.settle(parent, entry)
        parent.entries.append(entry)
        return entry, parent.mapping

    def put(self, entry: Entry, value: Value, is_key: bool) -> None:
        if is_key:
            assert isinstance(value, Scalar)
            entry.key = value
        else:
            entry.value = value


_MISSING: Final = Scalar([""])


def _folded(text: str, style: str) -> list[str]:
    """The lines of a plain or quoted text, without the white space that folding drops."""
    lines = BREAK.split(text)
    kept = []
    for number, line in enumerate(lines):
        stripped = line if number == len(lines) - 1 else _without_end(line, style)
        kept.append(stripped if number == 0 else stripped.lstrip(" \t"))
    return kept


def _without_end(line: str, style: str) -> str:
    """Without white space at the end, of which an escape may hold the first."""
    stripped = line.rstrip(" \t")
    escaped = style == '"' and (len(stripped) - len(stripped.rstrip("\\"))) % 2 == 1 and stripped != line
    return stripped + line[len(stripped)] if escaped else stripped


def _indentation(lines: list[str], value: str) -> int:
    """Columns that a block scalar's lines have before their content."""
    content = next((part for part in BREAK.split(value) if part.strip(" ")), "")
    first = next((line for line in lines if line.strip(" ")), "")
    return max(0, (len(first) - len(first.lstrip(" "))) - (len(content) - len(content.lstrip(" "))))
