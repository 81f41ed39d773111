"""Ordinary expressions cut into tokens exactly as Jinja2's lexer cuts them, in a fraction of its time.

Judges nothing: whatever is out of the ordinary, wrong or not, is left to that lexer (see `syntax`).
"""

from __future__ import annotations

import re
from typing import Final

from jinja2.lexer import TOKEN_INTEGER, TOKEN_NAME, TOKEN_STRING, Token, operators

DEEPEST_BRACKETS: Final = 40
"""The parser uses a dozen Python frames a bracket; this stays clear of the interpreter's own limit."""

_TOKEN: Final = re.compile(
    r"\s*(?:([A-Za-z_]\w*)"
    r"|(//|\*\*|[=!<>]=|[-+*/%~<>=.,:;|()\[\]])"
    r"|('[^'\\\r]*'|\"[^\"\\\r]*\")"
    r"|((?:0|[1-9][0-9]{0,17})(?![\w.])))",
    re.ASCII,
)
"""A name, an operator that is no brace, a text without escapes, a whole number in plain digits."""
_NAME, _OPERATOR, _TEXT = 1, 2, 3
_CLOSING: Final = {"(": ")", "[": "]"}


def plain_tokens(text: str) -> list[Token] | None:
    """The tokens of an expression; None where there is anything but ASCII and the commonest tokens, or a bracket that
    is never closed or never opened."""
    if not text.isascii():
        return None
    tokens: list[Token] = []
    expected: list[str] = []
    end = 0
    for found in _TOKEN.finditer(text):
        if found.start() != end:
            return None
        end, kind = found.end(), found.lastindex or 0
        offset, piece = found.start(kind), found[kind]
        if kind == _NAME:
            tokens.append(Token(offset, TOKEN_NAME, piece))
        elif kind == _OPERATOR:
            if piece in _CLOSING:
                expected.append(_CLOSING[piece])
                if len(expected) > DEEPEST_BRACKETS:
                    return None
            elif piece in (")", "]") and (not expected or expected.pop() != piece):
                return None
            tokens.append(Token(offset, operators[piece], piece))
        elif kind == _TEXT:
            tokens.append(Token(offset, TOKEN_STRING, piece[1:-1]))
        else:
            tokens.append(Token(offset, TOKEN_INTEGER, int(piece)))  # type: ignore[arg-type]
    return None if expected or text[end:].strip() else tokens
