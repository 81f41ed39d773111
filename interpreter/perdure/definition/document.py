"""Parser events become a value and, beside it, the spots where its parts were written.

One loop over an explicit stack, so depth costs no recursion. Keeps the budgets of depth, nodes and
aliases, and refuses what YAML allows and a definition does not: duplicate keys, tags, odd keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from perdure.definition.diagnostics import Diagnostic, Place, Related, quoted, report
from perdure.definition.events import complaint, open_braces, stream
from perdure.definition.folding import BREAK
from perdure.definition.marks import Point, Spot
from perdure.definition.scalars import AMBIGUOUS_STARTS, ambiguity, resolve
from perdure.values import JSON

DEEPEST: Final = 10_000
"""Values inside values: some thousand blocks in each other. Plain data in it may be `values.DEEPEST` deep."""

MOST_NODES: Final = 100_000
"""Values in a document, those that aliases repeat counted each time."""

MOST_PROBLEMS: Final = 1_000
"""Problems told of one document."""

MOST_WORK: Final = 500_000_000
"""Depths of all values together: the parser's time grows with it, some three seconds at most."""

_PROPERTIES: Final = re.compile(r"(?:[&!]\S*(?:\s+(?:#.*\s+)*|$))+")
"""Anchor and tag before a value, with the white space and comments behind them."""

_SKIP: Final = "\0skip"


class UnreadableError(Exception):
    """The document cannot be read further; a diagnostic says why."""


def build(text: str, file: str, diagnostics: list[Diagnostic], above: int = 0) -> tuple[JSON, Spot]:
    """The value and the spots of the one document in `text`, which has `above` lines of its file above it.

    Problems are added to `diagnostics`; raises UnreadableError where no value can be given.
    """
    builder = _Builder(text, file, diagnostics, above)
    try:
        return builder.document()
    except yaml.YAMLError as problem:
        builder.refuse_syntax(problem)
    except (ValueError, OverflowError):  # the Python parser, on an escape such as "\UFFFFFFFF"
        builder.refuse("WF101", "an escape of a character that does not exist", (above, 0, 0))


class _Frame:
    """A list or mapping that is not closed yet."""

    __slots__ = ("anchor", "counted", "flow", "height", "key", "merges", "merging", "spot", "value")

    def __init__(self, value: JSON, spot: Spot, anchor: str | None, counted: int, flow: bool) -> None:
        self.value = value
        self.spot = spot
        self.anchor = anchor
        self.counted = counted
        self.flow = flow
        self.height = 1
        self.key: tuple[str, Spot] | None = None
        self.merges: list[tuple[JSON, Spot]] = []
        self.merging: Spot | None = None


class _Builder:
    def __init__(self, text: str, file: str, diagnostics: list[Diagnostic], above: int) -> None:
        self.text = text
        self.file = file
        self.above = above
        self.diagnostics = diagnostics
        self.next: Callable[[], Any] = stream(text)
        self.stack: list[_Frame] = []
        self.anchors: dict[str, tuple[JSON, Spot, int, int]] = {}
        self.count = 0
        self.work = 0
        self.braces: Spot | None = None

    def document(self) -> tuple[JSON, Spot]:
        self.next()
        event = self.next()
        if type(event) is not DocumentStartEvent:
            self.refuse("WF110", "the document is empty", self.top, "a definition starts with `workflow:`")
        value, spot = self.root()
        self.next()
        event = self.next()
        if type(event) is not StreamEndEvent:
            self.refuse("WF109", "a second document starts here", self.start(event), "one file holds one definition")
        if spot.children is None and spot.style == "" and spot.value == "":
            self.refuse("WF110", "the document is empty", spot.start, "a definition starts with `workflow:`")
        if not isinstance(value, dict):
            what = "a list" if isinstance(value, list) else "a single value"
            self.refuse("WF111", f"the document is {what}, not a mapping", spot.start)
        return value, spot

    def root(self) -> tuple[JSON, Spot]:
        """The whole document: events until the outermost value is complete."""
        stack, following = self.stack, self.next
        while True:
            event = following()
            kind = type(event)
            if kind is ScalarEvent:
                done = self.scalar(event)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                self.open(event, kind is MappingStartEvent)
                continue
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                done = self.close(event)
            else:
                done = self.alias(event)
            if not stack:
                return done
            self.place(*done)

    def scalar(self, event: ScalarEvent) -> tuple[JSON, Spot]:
        spot = self.spot(event)
        text: str = event.value
        spot.value = text
        self.counted(spot)
        if event.tag is not None:
            self.refuse_tag(event.tag, spot)
        if spot.style:
            value: JSON = text
            if not text.isascii() and not _is_text(text):
                self.note("WF108", "half a surrogate pair is not a character", spot)
        elif text and text[0] not in AMBIGUOUS_STARTS:
            value = text
        else:
            value = self.plain(text, spot)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, spot, 1, 0)
        return value, spot

    def plain(self, text: str, spot: Spot) -> JSON:
        if self.at_key():
            return text
        try:
            value = resolve(text)
        except ValueError as wrong:
            self.note("WF115", f"{wrong}", spot, "put a text in quotes")
            return 1
        old = ambiguity(text)
        if old is not None:
            read = f"the text {text}" if isinstance(value, str) else f"{value}"
            hint = "write true or false, or put it in quotes" if old in ("true", "false") else "put a text in quotes"
            self.note("WF104", f"{text} is read as {read}; older YAML tools read {old}", spot, hint)
        return value

    def open(self, event: Any, mapping: bool) -> None:
        stack = self.stack
        spot = self.spot(event)
        self.counted(spot)
        if len(stack) >= DEEPEST:
            self.refuse("WF113", f"values are nested more than {DEEPEST} deep", spot.start)
        if event.tag is not None:
            self.refuse_tag(event.tag, spot)
        flow = bool(event.flow_style)
        if self.at_key():
            self.odd_key(event, spot, flow and mapping)
            return
        frame = _Frame({} if mapping else [], spot, event.anchor, self.count, flow)
        if mapping:
            spot.keys = {}
        spot.children = {} if mapping else []
        stack.append(frame)

    def odd_key(self, event: Any, spot: Spot, braces: bool) -> None:
        """A list or mapping where a key should be: `{{ x }}` without quotes, or a complex key."""
        frame = self.stack[-1]
        index = spot.start[2]
        if braces and frame.flow and index == frame.spot.start[2] + 1:
            self.braces = frame.spot
            frame.spot.end = self.skip(depth=2)
            self.braces = None
            self.stack.pop()
            first, last = frame.spot.start[2], frame.spot.end[2]
            frame.spot.children, frame.spot.keys = None, None
            text = frame.spot.value = self.text[first:last]
            self.note_braces(frame.spot)
            if not self.stack:
                raise UnreadableError
            self.place(text, frame.spot)
            return
        if braces and self.text.startswith("{{", index):
            self.note_braces(spot)
        else:
            what = "mapping" if isinstance(event, MappingStartEvent) else "list"
            self.note("WF114", f"a {what} cannot be a key", spot, "keys are texts")
        spot.end = self.skip(depth=1)
        frame.key = (_SKIP, spot)

    def skip(self, depth: int) -> Point:
        """Passes over events until `depth` collections have ended; where the last one ended."""
        while True:
            event = self.next()
            kind = type(event)
            self.work += depth
            self.counted(self.spot(event))
            if kind is MappingStartEvent or kind is SequenceStartEvent:
                depth += 1
                if depth > DEEPEST:
                    self.refuse("WF113", f"values are nested more than {DEEPEST} deep", self.start(event))
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                depth -= 1
                if not depth:
                    return self.end(event)

    def close(self, event: Any) -> tuple[JSON, Spot]:
        frame = self.stack.pop()
        value, spot = frame.value, frame.spot
        if frame.flow:
            spot.end = self.end(event)
        elif spot.children:
            last = spot.children[-1] if isinstance(spot.children, list) else next(reversed(spot.children.values()))
            spot.end = max(spot.end, last.end, key=_index) if last.start[2] >= spot.start[2] else spot.end
        if frame.merges:
            self.merge(frame)
        if frame.anchor is not None:
            self.anchors[frame.anchor] = (value, spot, self.count - frame.counted + 1, frame.height)
        if self.stack:
            self.stack[-1].height = max(self.stack[-1].height, frame.height + 1)
        return value, spot

    def alias(self, event: AliasEvent) -> tuple[JSON, Spot]:
        here = self.spot(event)
        self.counted(here)
        name = str(event.anchor)
        found = self.anchors.get(name)
        if found is None:
            inside = any(frame.anchor == name for frame in self.stack)
            why = "stands inside its own anchor" if inside else "has no anchor before it"
            self.note("WF116", f"the alias {quoted('*' + name)} {why}", here)
            return None, here
        value, spot, size, height = found
        self.count += size - 1
        if self.count > MOST_NODES:
            message = f"aliases multiply the document beyond {MOST_NODES:,} values"
            self.refuse("WF105", message, here.start, end=here.end)
        if height and len(self.stack) + height > DEEPEST:
            self.refuse("WF113", f"values are nested more than {DEEPEST} deep", here.start, end=here.end)
        if self.stack:
            self.stack[-1].height = max(self.stack[-1].height, height + 1)
        if self.at_key():
            here.value, here.style, here.children = spot.value, spot.style or "*", spot.children
            return value, here
        return _copy(value), spot

    def at_key(self) -> bool:
        """Whether what comes next is the key of a mapping."""
        return bool(self.stack) and self.stack[-1].key is None and isinstance(self.stack[-1].value, dict)

    def place(self, value: JSON, spot: Spot) -> None:
        """Puts a complete value where it belongs: behind the others of a list, under its key, or as a key."""
        frame = self.stack[-1]
        children: Any = frame.spot.children
        if isinstance(frame.value, list):
            frame.value.append(value)
            children.append(spot)
            return
        if frame.key is None:
            self.key(frame, spot)
            return
        key, key_spot = frame.key
        frame.key = None
        if key is _SKIP:
            return
        if _is_merge(key_spot):
            frame.merging = key_spot
            self.remember_merge(frame, value, spot, key_spot)
            return
        frame.value[key] = value
        children[key] = spot
        keys: Any = frame.spot.keys
        keys[key] = key_spot

    def key(self, frame: _Frame, spot: Spot) -> None:
        key = spot.value
        if spot.children is not None:
            self.note("WF114", "an alias of a list or mapping cannot be a key", spot, "keys are texts")
            frame.key = (_SKIP, spot)
            return
        if not key and not spot.style:
            self.note("WF114", "a key is missing before the ':'", spot)
            frame.key = (_SKIP, spot)
            return
        keys = frame.spot.keys or {}
        if key in keys or (frame.merging is not None and _is_merge(spot)):
            written = keys.get(key) or frame.merging or spot
            first = Related(self.at(written), "the first one is here")
            line = written.start[0] + 1
            hint = "begin the next step with '- '" if key == "id" else None
            message = f"the key {quoted(key)} stands twice, first in line {line}"
            self.note("WF102", message, spot, hint, related=(first,))
            frame.key = (_SKIP, spot)
            return
        frame.key = (key, spot)

    def remember_merge(self, frame: _Frame, value: JSON, spot: Spot, key: Spot) -> None:
        spots = spot.children if isinstance(spot.children, list) else [spot]
        for part, where in zip(value if isinstance(value, list) else [value], spots, strict=False):
            if isinstance(part, dict) and isinstance(where.children, dict):
                frame.merges.append((part, where))
            else:
                self.note("WF117", "<< merges mappings only", key, "write << : *anchor of a mapping")
                return

    def merge(self, frame: _Frame) -> None:
        """Merged keys stand behind the mapping's own, which win; earlier sources win over later ones."""
        children: Any = frame.spot.children
        keys: Any = frame.spot.keys
        for value, spot in frame.merges:
            for key, part in value.items():
                if key not in frame.value and isinstance(spot.children, dict) and spot.keys is not None:
                    frame.value[key] = part
                    children[key] = spot.children[key]
                    keys[key] = spot.keys[key]

    def counted(self, spot: Spot) -> None:
        self.count += 1
        if self.count > MOST_NODES:
            self.refuse("WF112", f"the document holds more than {MOST_NODES:,} values", spot.start)
        self.work += len(self.stack)
        if self.work > MOST_WORK:
            self.refuse("WF112", "the document is too deep for its length", spot.start)

    def note_braces(self, spot: Spot) -> None:
        self.note("WF103", "an expression in {{ }} needs quotes", spot, "write \"{{ … }}\", or '{{ … }}'")

    def note(
        self, code: str, message: str, spot: Spot, hint: str | None = None, related: tuple[Related, ...] = ()
    ) -> None:
        self.diagnostics.append(report(code, message, self.at(spot), hint, related=related))
        if len(self.diagnostics) >= MOST_PROBLEMS:
            self.refuse("WF112", f"the document has {MOST_PROBLEMS:,} problems; what follows is not read", spot.start)

    def at(self, spot: Spot) -> Place:
        return _place(self.file, spot.start, spot.end)

    @property
    def top(self) -> Point:
        return self.above, 0, 0

    def spot(self, event: Any) -> Spot:
        start, end, above = event.start_mark, event.end_mark, self.above
        spot = Spot((start.line + above, start.column, start.index), (end.line + above, end.column, end.index))
        if type(event) is ScalarEvent and (event.anchor is not None or event.tag is not None):
            spot.start = self.behind_properties(spot)
        style = getattr(event, "style", None)
        if style:
            spot.style = style
            if style in "|>":
                spot.end = self.last_line(spot)
        return spot

    def behind_properties(self, spot: Spot) -> Point:
        """Where a scalar's own text starts; the parser counts anchor and tag as part of it."""
        found = _PROPERTIES.match(self.text, spot.start[2], spot.end[2])
        return self.moved(spot.start, found.end()) if found is not None else spot.start

    def moved(self, start: Point, index: int) -> Point:
        """The point at an index behind `start`."""
        breaks = [found.end() for found in BREAK.finditer(self.text, start[2], index)]
        column = index - breaks[-1] if breaks else start[1] + index - start[2]
        return start[0] + len(breaks), column, index

    def last_line(self, spot: Spot) -> Point:
        """The end of a block scalar's last line; the parser counts the empty lines behind it as well."""
        last = len(self.text[spot.start[2] : spot.end[2]].rstrip()) + spot.start[2]
        return self.moved(spot.start, last)

    def start(self, event: Any) -> Point:
        mark = event.start_mark
        return mark.line + self.above, mark.column, mark.index

    def end(self, event: Any) -> Point:
        mark = event.end_mark
        return mark.line + self.above, mark.column, mark.index

    def refuse_tag(self, tag: str, spot: Spot) -> None:
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        self.note("WF106", f"the tag {quoted(shown)} is refused", spot, "values are plain data; quotes make a text")

    def refuse(
        self, code: str, message: str, start: Point, hint: str | None = None, *, end: Point | None = None
    ) -> NoReturn:
        behind = end or (start[0], start[1] + 1, start[2] + 1)
        self.diagnostics.append(report(code, message, _place(self.file, start, behind), hint))
        raise UnreadableError

    def refuse_syntax(self, problem: yaml.YAMLError) -> NoReturn:
        """The parser's error, unless unquoted braces in that line are its reason."""
        message, hint, line, column = complaint(problem, self.text)
        line += self.above
        if self.braces is not None:
            self.note_braces(self.braces)
            raise UnreadableError
        if any(found.code == "WF103" and found.place.line == line + 1 for found in self.diagnostics):
            raise UnreadableError
        braces = open_braces(self.text, line - self.above)
        if braces is not None:
            self.note_braces(Spot((line, braces, 0), (line, braces + 2, 0)))
            raise UnreadableError
        self.refuse("WF101", message, (line, column, 0), hint)


def _is_merge(key: Spot) -> bool:
    return key.value == "<<" and not key.style


def _index(point: Point) -> int:
    return point[2]


def _place(file: str, start: Point, end: Point) -> Place:
    return Place(file, start[0] + 1, start[1] + 1, end[0] + 1, end[1] + 1)


def _is_text(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _copy(value: JSON) -> JSON:
    """A value of its own for each alias, so that nobody's change shows elsewhere."""
    whole: list[JSON] = [value]
    waiting: list[JSON] = [whole]
    while waiting:
        holder = waiting.pop()
        for place, part in holder.items() if isinstance(holder, dict) else enumerate(holder):
            if isinstance(part, dict | list):
                holder[place] = part.copy()
                waiting.append(holder[place])
    return whole[0]
