"""Texts become expressions, or diagnostics at the token that is wrong.

A text of several `{{ }}` is looked at hole by hole, so that a broken one does not hide the others. Knows the
refusals of the expression compiler by their words, and no names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from perdure.definition.checks.findings import Findings
from perdure.definition.models import Path
from perdure.errors import ExpressionError
from perdure.expressions import Expression, Template, compile_expression, compile_template
from perdure.expressions.syntax import MOST_EXPRESSIONS, Hole, split
from perdure.expressions.template import compile_hole
from perdure.values import DEEPEST, JSON

Read = tuple[Path, str, int, Expression]
"""Where a text stands, the text, the offset at which the expression's own text begins in it, and the expression."""

_CODES: Final = (
    (re.compile(r"unknown (filter|test) "), "WF305"),
    (re.compile(r"unknown function |.* is a method; |only functions can be called"), "WF306"),
    (re.compile(r"\{% … %\} is not supported"), "WF308"),
    (re.compile(r".*(nested too deep|is longer than|(nested|has|have|holds?|needs) more than"
                r"|is too (long|large))"), "WF309"),
)  # fmt: skip
"""The refusals of the compiler that have a rule of their own; any other is a matter of syntax."""

_QUOTED: Final = re.compile(r"[\"']([^\"']+)[\"']")
_METHOD: Final = re.compile(r"(\w+)\(…\) is a method")
_WORD: Final = re.compile(r"\w+")


def read_templates(value: JSON, file: str, path: Path, findings: Findings) -> Iterator[Read]:
    """The expressions in the texts of a nested value; what does not compile is reported."""
    waiting: list[tuple[Path, JSON]] = [(path, value)]
    while waiting:
        at, part = waiting.pop()
        if isinstance(part, str):
            if "{{" in part or "{%" in part:
                yield from _holes(part, file, at, findings)
        elif isinstance(part, dict | list) and len(at) - len(path) < DEEPEST:
            items = part.items() if isinstance(part, dict) else enumerate(part)
            waiting.extend([((*at, key), item) for key, item in items])


@lru_cache(maxsize=4_096)
def compiled(text: str) -> Template:
    """A text with its expressions; raises ExpressionError. One definition is looked at from several sides."""
    return compile_template(text)


def only_expression(text: str) -> Expression | None:
    """The expression whose value a text has; None where the text is more than that. Raises ExpressionError."""
    template = compiled(text)
    if len(template.expressions) != 1:
        return None
    (_, expression), offset = template.expressions[0], template.offsets[0]
    before, after = text[:offset].strip(), text[offset + len(expression.text) :].strip()
    return expression if before.rstrip("-+") == "{{" and after.lstrip("-+") == "}}" else None


def read_expression(text: str, file: str, path: Path, findings: Findings) -> Expression | None:
    """A bare expression, or one in braces; None and a diagnostic when it does not compile."""
    try:
        return compile_expression(text)
    except ExpressionError as error:
        refuse(error, text, 0, file, path, findings)
        return None


def refuse(
    error: ExpressionError,
    text: str,
    start: int,
    file: str,
    path: Path,
    findings: Findings,
    otherwise: str = "WF310",
) -> None:
    """Report a refusal whose offset counts from `start` in the text; `otherwise` is the code of what has no own."""
    code = next((code for pattern, code in _CODES if pattern.match(error.message)), otherwise)
    if error.offset is None:
        findings.add(code, error.message, file, path, error.hint)
        return
    offset = min(start + error.offset, max(len(text) - 1, 0))
    findings.add_inside(code, error.message, file, path, _token(error, text, offset), error.hint)


def _holes(text: str, file: str, path: Path, findings: Findings) -> Iterator[Read]:
    """The expressions of one text."""
    try:
        template = compiled(text)
    except ExpressionError:
        yield from _sound_holes(text, file, path, findings)
    else:
        yield from _offsets(template.expressions, template.offsets, text, 0, path)


def _sound_holes(text: str, file: str, path: Path, findings: Findings) -> Iterator[Read]:
    """Those of a text in which something is broken; behind what cannot be read the search goes on after closing braces,
    as often as a text may hold expressions."""
    start = 0
    for _ in range(MOST_EXPRESSIONS):
        rest = text[start:]
        try:
            parts = split(rest)
        except ExpressionError as error:
            refuse(error, text, start, file, path, findings)
            if error.offset is None or rest.startswith("{%", error.offset):
                return
            opening = rest.rfind("{{", 0, error.offset + 2)
            yield from _compiled(rest[: max(opening, 0)], text, start, path)
            closing = rest.find("}}", error.offset)
            if closing < 0:
                return
            start += closing + 2
        else:
            yield from _each(parts, text, start, file, path, findings)
            return


def _each(parts: list[str | Hole], text: str, start: int, file: str, path: Path, findings: Findings) -> Iterator[Read]:
    for hole in (part for part in parts if isinstance(part, Hole)):
        try:
            yield path, text, start + hole.offset, compile_hole(hole)
        except ExpressionError as error:
            refuse(error, text, start, file, path, findings)


def _compiled(part: str, text: str, start: int, path: Path) -> Iterator[Read]:
    """The expressions of the part of a text before a broken one."""
    try:
        template = compiled(part)
    except ExpressionError:
        return
    yield from _offsets(template.expressions, template.offsets, text, start, path)


def _offsets(
    expressions: tuple[tuple[Path, Expression], ...],
    offsets: tuple[int, ...],
    text: str,
    start: int,
    path: Path,
) -> Iterator[Read]:
    for (_, expression), offset in zip(expressions, offsets, strict=True):
        yield path, text, start + offset, expression


def _token(error: ExpressionError, text: str, offset: int) -> tuple[int, int]:
    """The stretch of the word that the message is about, else of the word at the offset."""
    named = _QUOTED.search(error.message)
    if named is not None:
        at = text.find(named[1], offset)
        if 0 <= at <= offset + 20:
            return at, at + len(named[1])
    method = _METHOD.match(error.message)
    if method is not None and text.endswith(method[1], 0, offset):
        return offset - len(method[1]), offset
    word = _WORD.match(text, offset)
    return (offset, word.end()) if word is not None else (offset, offset + 1)
