"""Values in brackets, and single values, of a text that may be half written.

Brackets that are never closed end where they are told to. Knows no lines and no indentation: see `tolerant`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from perdure.definition.marks import Point, Spot
from perdure.definition.scalars import resolve
from perdure.values import JSON

DEEPEST: Final = 200
"""Brackets inside each other; a value of a definition may be half as deep."""

_SPACE: Final = re.compile(r"[\s\x85\u2028\u2029]+")
_COMMENT: Final = re.compile(r"#[^\n\r]*")
_COLON: Final = re.compile(r"\s*:(?=[\s,\[\]{}\"']|$)")
_QUOTED_COLON: Final = re.compile(r"\s*:")
_PLAIN_END: Final = re.compile(r"[ \t]+#|[ \t]*:(?=[ \t]|$)|[\n\r\x85\u2028\u2029]")
_FLOW_END: Final = re.compile(r"[ \t]+#|[ \t]*:(?=[\s,\[\]{}]|$)|[,\[\]{}\n\r\x85\u2028\u2029]")
_HOLE_END: Final = re.compile(r"\}\}|[\n\r\x85\u2028\u2029]")
_QUOTED: Final = {'"': re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL), "'": re.compile(r"[^']*(?:''[^']*)*'")}
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_LETTERS: Final = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b", "\n": ""}


def quoted_end(text: str, at: int, end: int) -> int:
    """Behind the closing quote of the text that opens here; behind `end` where there is none."""
    found = _QUOTED[text[at]].match(text, at + 1, end)
    return end + 1 if found is None else found.end()


def plain_end(text: str, at: int, end: int, brackets: str) -> int:
    """Where a text without quotes ends: at a comment, a colon, the line's end, or inside brackets at their signs."""
    pattern = _FLOW_END if brackets else _PLAIN_END
    while True:
        found = pattern.search(text, at, end)
        stop = end if found is None else found.start()
        hole = text.find("{{", at, min(stop + 2, end))
        if hole < 0:
            return stop
        closing = _HOLE_END.search(text, hole, end)  # an expression without quotes, which is refused, but meant
        if closing is None or closing[0] != "}}":
            return end if closing is None else closing.start()
        at = closing.end()


def scalar(text: str, at: int, end: int) -> JSON:
    """The value of a single value that stands here; the opening quote may lack its partner."""
    quote = text[at] if at < end and text[at] in "\"'" else ""
    if not quote:
        try:
            return resolve(text[at:end].rstrip())
        except ValueError:
            return text[at:end].rstrip()
    inside = text[at + 1 : end - 1] if end - at > 1 and text[end - 1] == quote else text[at + 1 : end]
    folded = _SPACE.sub(" ", inside) if "\n" in inside or "\r" in inside else inside
    return folded.replace("''", "'") if quote == "'" else _ESCAPE.sub(_letter, folded)


def _letter(found: re.Match[str]) -> str:
    code = found[1] or found[2] or found[3]
    if not code:
        return _LETTERS.get(found[4], found[4])
    return chr(number) if (number := int(code, 16)) < 0x110000 and not 0xD800 <= number < 0xE000 else "?"


class _Open:
    __slots__ = ("key", "single", "spot", "value")

    def __init__(self, value: JSON, spot: Spot, single: bool) -> None:
        self.value = value
        self.spot = spot
        self.single = single
        self.key: str | None = None


class Flow:
    """Reads one value in brackets; `point` places an index."""

    def __init__(self, text: str, point: Callable[[int], Point]) -> None:
        self.text = text
        self.point = point
        self.stack: list[_Open] = []

    def read(self, at: int, limit: int) -> tuple[JSON, Spot, int]:
        """The value that opens here, where it stands, and the index behind it, `limit` at most."""
        first = self.opened(at, self.text[at] == "[")
        at += 1
        while at < limit and self.stack:
            at = self.next(at, limit)
        for left in self.stack:
            left.spot.end = self.point(min(at, limit))
        return first.value, first.spot, min(at, limit)

    def next(self, at: int, limit: int) -> int:
        letter = self.text[at]
        space = _SPACE.match(self.text, at, limit)
        if space is not None:
            at = space.end()
            comment = _COMMENT.match(self.text, at, limit)
            return at if comment is None else comment.end()
        if letter in "]},":
            self.end_single(at)
        if letter in "]}":
            self.stack.pop().spot.end = self.point(at + 1)
        elif letter == ",":
            self.stack[-1].key = None
        elif letter in "[{" and not self.text.startswith("{{", at):
            if len(self.stack) >= DEEPEST:
                return limit
            self.opened(at, letter == "[")
        elif letter != ":":
            return self.single(at, limit)
        return at + 1

    def single(self, at: int, limit: int) -> int:
        """A key with its colon, or a value."""
        text, top = self.text, self.stack[-1]
        quote = text[at] if text[at] in "\"'" else ""
        end = quoted_end(text, at, limit) if quote else plain_end(text, at, limit, "[]")
        if end > limit:
            end = plain_end(text, at, limit, "[]")
        end = max(end, at + 1)
        spot = Spot(self.point(at), self.point(end))
        colon = (_QUOTED_COLON if quote else _COLON).match(text, end, limit)
        if isinstance(top.value, list) and colon is not None:
            top = self.opened(at, False, single=True)
        if isinstance(top.value, dict) and top.key is None:
            name = str(scalar(text, at, end)) if quote else text[at:end].rstrip()
            behind = end if colon is None else colon.end()
            top.spot.keys[name] = spot  # type: ignore[index]
            top.key = None if colon is None else name
            self.put(None, Spot(self.point(behind), self.point(behind)), name)
            return behind
        value = scalar(text, at, end)
        spot.value, spot.style = value if isinstance(value, str) else text[at:end], quote
        self.put(value, spot, top.key)
        return end

    def opened(self, at: int, is_list: bool, *, single: bool = False) -> _Open:
        """A list or mapping that begins here; a `single` one is a pair in a list that has no braces of its own."""
        value: JSON = [] if is_list else {}
        spot = Spot(self.point(at), self.point(at + 1))
        spot.children = [] if is_list else {}
        spot.keys = None if is_list else {}
        if self.stack:
            self.put(value, spot, self.stack[-1].key)
        self.stack.append(_Open(value, spot, single))
        return self.stack[-1]

    def end_single(self, at: int) -> None:
        if self.stack[-1].single:
            self.stack.pop().spot.end = self.point(at)

    def put(self, value: JSON, spot: Spot, key: str | None) -> None:
        top = self.stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
            top.spot.children.append(spot)  # type: ignore[union-attr]
        elif key is not None:
            top.value[key] = value
            top.spot.children[key] = spot  # type: ignore[index,call-overload]
