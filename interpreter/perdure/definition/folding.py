"""From a scalar's value back to its text: through quotes, escapes, indentation and folded lines.

Walks the written text and the value side by side. Used only to place a problem inside an expression,
so it may be slow; where the two cannot be matched it stays at the last place that could.
"""

from __future__ import annotations

import re
from typing import Final

BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What the YAML parser counts as the end of a line."""

_BREAKS: Final = "\n\r\x85\u2028\u2029"
_ESCAPE: Final = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)


def offsets(text: str, start: int, end: int, style: str, value: str) -> list[int]:
    """For each character of `value`, and for its end, the index in `text` where it was written."""
    if style == "|" or style == ">":
        return _block(text, start, end, value, folded=style == ">")
    return _flow(text, start, end, style, value)


def _flow(text: str, start: int, end: int, style: str, value: str) -> list[int]:
    quoted = bool(style)
    at, stop = (start + 1, end - 1) if quoted else (start, end)
    found: list[int] = []
    while len(found) < len(value) and at < stop:
        broken = _fold(text, at, stop)
        if broken > at:
            gap = _gap(value, len(found))
            found.extend([at] * gap)
            at = broken
            continue
        found.append(at)
        escape = _ESCAPE.match(text, at, stop) if style == '"' else None
        if escape is not None and escape[0][1:] in ("\n", "\r"):
            found.pop()
            at = _skip(text, escape.end(), stop)
        elif escape is not None:
            at = escape.end()
        elif style == "'" and text.startswith("''", at):
            at += 2
        else:
            at += 1
    return found + [min(at, stop)] * (len(value) + 1 - len(found))


def _fold(text: str, at: int, stop: int) -> int:
    """Behind the white space around line breaks that starts here; `at` where there is no break."""
    behind = at
    while behind < stop and text[behind] in " \t":
        behind += 1
    if behind >= stop or text[behind] not in _BREAKS:
        return at
    return _skip(text, behind, stop)


def _skip(text: str, at: int, stop: int) -> int:
    while at < stop and (text[at] in " \t" or text[at] in _BREAKS):
        at += 1
    return at


def _gap(value: str, at: int) -> int:
    """Characters of the value that a folded break stands for: one space, or all of its line breaks."""
    behind = at
    while behind < len(value) and value[behind] in _BREAKS:
        behind += 1
    return behind - at or (1 if value[at] == " " else 0)


def _block(text: str, start: int, end: int, value: str, *, folded: bool) -> list[int]:
    lines = _lines(text, start, end)[1:]
    found: list[int] = []
    indent = _indentation([text[first:last] for first, last in lines], value)
    for number, (first, last) in enumerate(lines):
        left = value[len(found) :]
        content = text[first + indent : last]
        if not left:
            break
        if not content:
            take = 1 if left[0] == "\n" else 0
        elif left.startswith(content):
            found.extend(range(first + indent, last))
            follows = left[len(content) : len(content) + 1]
            blank = folded and follows == "\n" and _blank_follows(text, lines, number, indent)
            take = 0 if blank or follows == "" else 1
        else:
            break
        found.extend([last] * take)
    behind = found[-1] + 1 if found else (lines[0][0] + indent if lines else end)
    return found + [min(behind, end)] * (len(value) + 1 - len(found))


def _blank_follows(text: str, lines: list[tuple[int, int]], number: int, indent: int) -> bool:
    """Whether a folded line's break is dropped: blank lines behind it give the line feeds instead."""
    if number + 1 >= len(lines):
        return False
    first, last = lines[number + 1]
    here = text[lines[number][0] + indent : lines[number][1]]
    following = next((text[a + indent : b] for a, b in lines[number + 1 :] if text[a + indent : b]), "")
    return not text[first + indent : last] and bool(following) and here[:1] not in " \t" and following[:1] not in " \t"


def _lines(text: str, start: int, end: int) -> list[tuple[int, int]]:
    lines, first = [], start
    for match in BREAK.finditer(text, start, end):
        lines.append((first, match.start()))
        first = match.end()
    if first < end:
        lines.append((first, end))
    return lines


def _indentation(lines: list[str], value: str) -> int:
    """Columns cut from every line: what the first line with content has more than its value."""
    content = next((part for part in value.split("\n") if part.strip()), "")
    for line in lines:
        if line.strip():
            whole = len(line) - len(line.lstrip(" "))
            return max(0, whole - (len(content) - len(content.lstrip(" "))))
    return 0
