"""Text to syntax tree: Jinja2's lexer and parser, with character offsets in place of line numbers.

Only the reading is Jinja2's; nothing is compiled, folded or run by it. Literals are decoded here, because
Jinja2 leaves their size unbounded. What is ordinary is cut by `tokens`. What a node means is the compiler's business.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from copy import copy
from typing import Final

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser

from perdure.expressions.scope import LONGEST_TEXT
from perdure.expressions.tokens import DEEPEST_BRACKETS, plain_tokens
from perdure.expressions.wording import refusal
from perdure.record import record
from perdure.values import WIDEST

LONGEST_EXPRESSION: Final = 16 * 1024
MOST_EXPRESSIONS: Final = 1_000

_ENVIRONMENT: Final = Environment(
    comment_start_string="\ud800#",  # half a surrogate pair never stands in a text, so `{#` is ordinary
    comment_end_string="#\ud800",
    keep_trailing_newline=True,
    autoescape=False,
)
_LEXER: Final = _ENVIRONMENT.lexer
_PARSER: Final = Parser(_ENVIRONMENT, "", state="variable")
"""Copied for each expression: a new one would run the lexer over nothing."""

_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_ESCAPES: Final = {
    "n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "a": "\a", "0": "\0",
    "\\": "\\", "'": "'", '"': '"', "\n": "",
}  # fmt: skip
_HINTS: Final = {
    "&": 'write "and"', "|": 'write "or"', "!": 'write "not"', "?": "write `a if condition else b`",
    "`": "write texts in quotes", "'": "the text is not closed", '"': "the text is not closed",
    "=": "write == to compare", "@": None, "$": None, "\\": None,
}  # fmt: skip

_PHRASES: Final = (
    ("'end of template'", "the end"),
    ("end of template", "end"),
    ("'end of print statement'", "the end"),
    ("expected token ", "expected "),
    ("'name'", "a name"),
)

Lexeme = tuple[int, str, str]
"""Offset, kind and text of a token."""


@record
class Hole:
    """An expression in a text: where its inside begins, and the inside."""

    offset: int
    text: str


def parse(text: str) -> nodes.Expr:
    """The syntax tree of a bare expression; the `lineno` of a node is its offset in the text."""
    if len(text) > LONGEST_EXPRESSION:
        raise refusal(f"the expression is longer than {LONGEST_EXPRESSION:,} characters")
    if not text.strip():
        raise refusal("the expression is empty", offset=0)
    parser = copy(_PARSER)
    try:
        parser.stream = TokenStream(plain_tokens(text) or _tokens(text), None, None)
        tree = parser.parse_expression()
        if not parser.stream.eos:
            parser.fail(f"unexpected {parser.stream.current.value!r}")
    except TemplateSyntaxError as error:
        raise _syntax_refusal(text, error, parser.stream.eos) from None
    except RecursionError:
        raise refusal("the expression is nested too deep") from None
    return tree


def split(text: str) -> list[str | Hole]:
    """A text as its literal parts and its holes, in order; literal parts are never empty."""
    plain = _split_plainly(text)
    return _split(text) if plain is None else plain


def _split_plainly(text: str) -> list[str | Hole] | None:
    """The parts of a text whose holes are ordinary; None where the lexer must judge."""
    if "{%" in text or "\r" in text or (not text.isascii() and not _encodes(text)):
        return None
    parts: list[str | Hole] = []
    end = 0
    while (offset := text.find("{{", end)) >= 0:
        opened, closing = offset + 2, text.find("}}", offset)
        inside = text[opened:closing]
        if closing < 0 or len(inside) > LONGEST_EXPRESSION or len(parts) >= MOST_EXPRESSIONS:
            return None
        if inside.startswith(("-", "+")) or inside.endswith("-") or plain_tokens(inside) is None:
            return None
        parts.extend([text[end:offset]] if offset > end else [])
        parts.append(Hole(opened, inside))
        end = closing + 2
    return [*parts, text[end:]] if text[end:] else parts


def _split(text: str) -> list[str | Hole]:
    parts: list[str | Hole] = []
    end, opened, holes = 0, -1, 0
    lexemes = _lexemes(text, "root") if "{{" in text or "{%" in text else iter(())
    for offset, kind, piece in lexemes:
        if kind in ("block_begin", "raw_begin"):
            raise refusal("{% … %} is not supported", offset=offset, hint="write `a if condition else b`")
        if kind == "variable_begin":
            opened = offset + len(piece)
            trimmed = piece.endswith("-")
            if trimmed and not text[opened : opened + 1].isspace():
                raise refusal(
                    "white space must follow {{-",
                    offset=offset,
                    hint="write {{ -x }} for minus, {{- x }} to trim",
                )
            literal = text[end:offset].rstrip() if trimmed else text[end:offset]
            parts.extend([literal] if literal else [])
        elif kind == "variable_end" and opened >= 0:
            parts.append(Hole(opened, text[opened:offset]))
            end, opened = offset + len(piece), -1
            holes += 1
            if holes > MOST_EXPRESSIONS:
                raise refusal(f"the text holds more than {MOST_EXPRESSIONS:,} expressions")
        elif opened >= 0 and offset - opened > LONGEST_EXPRESSION:
            raise refusal(f"the expression is longer than {LONGEST_EXPRESSION:,} characters", offset=opened)
    if opened >= 0:
        raise refusal("{{ is not closed", offset=max(opened - 2, 0), hint="write {{ '{{' }} for the braces themselves")
    return [*parts, text[end:]] if text[end:] else parts


def _lexemes(text: str, state: str) -> Iterator[Lexeme]:
    if not text.isascii() and not _encodes(text):
        raise refusal("the text holds half a surrogate pair, which is no text")
    position = 0
    try:
        # One space for each \r, since the lexer would rewrite line ends and shift the offsets.
        for _, kind, piece in _LEXER.tokeniter(text.replace("\r", " "), None, state=state):
            if kind == "variable_begin":
                position = text.index("{{", position)
            yield position, kind, text[position : position + len(piece)]
            position += len(piece)
    except TemplateSyntaxError as error:
        raise _syntax_refusal(text, error, False, position) from None


def _tokens(text: str) -> Iterator[Token]:
    depth = 0
    for offset, kind, piece in _lexemes(text, "variable"):
        if kind == "string":
            yield Token(offset, kind, _unescaped(piece[1:-1], offset))
        elif kind == "integer":
            yield Token(offset, kind, _integer(piece, offset))  # type: ignore[arg-type]
        elif kind == "float":
            yield Token(offset, kind, _float(piece, offset))  # type: ignore[arg-type]
        else:
            depth += (piece in ("(", "[", "{")) - (piece in (")", "]", "}"))
            if depth > DEEPEST_BRACKETS:
                raise refusal("the expression is nested too deep", offset=offset)
            yield from _LEXER.wrap([(offset, kind, piece)])


def _unescaped(text: str, offset: int) -> str:
    if len(text) > LONGEST_TEXT:
        raise refusal("the text is too long", offset=offset)
    if "\\" not in text:
        return text
    try:
        plain = _ESCAPE.sub(_character, text)
        return plain if _encodes(plain) else plain.encode("utf-16", "surrogatepass").decode("utf-16")
    except ValueError:
        raise refusal("the text holds an escape that is no character", offset=offset) from None


def _character(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code:
        return chr(int(code, 16))
    return _ESCAPES.get(match[4], match[0])


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _integer(text: str, offset: int) -> int:
    digits = text.replace("_", "")
    number = int(digits, 0) if len(digits) <= WIDEST // 3 else 1 << WIDEST
    if number.bit_length() > WIDEST:
        raise refusal(f"the number has more than {WIDEST:,} bits", offset=offset)
    return number


def _float(text: str, offset: int) -> float:
    number = float(text.replace("_", ""))
    if not math.isfinite(number):
        raise refusal("the number is too large", offset=offset)
    return number


def _syntax_refusal(text: str, error: TemplateSyntaxError, at_end: bool, offset: int | None = None) -> Exception:
    offset = len(text) if at_end else error.lineno if offset is None else offset
    message = (error.message or "cannot be read").rstrip(".")
    for jinja, ours in _PHRASES:
        message = message.replace(jinja, ours)
    if message.startswith("unexpected char "):
        message = f"unexpected character {text[offset]!r}"
    hint = _HINTS.get(text[offset : offset + 1])
    return refusal(message[:1].lower() + message[1:], offset=offset, hint=hint)
