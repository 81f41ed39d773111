"""Taking secrets out of what an attempt hands back, in every spelling in which they are likely to come.

Spellings are the text itself, as JSON, Python, HTML and URLs write it, in base64 (at any place in a longer text) and in
hexadecimal. What an activity does beyond that, such as reversing it, cannot be recognised.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote, quote_plus

from perdure.values import JSON
from perdure.vault import MASK

SHORTEST: Final = 4
"""Characters below which a text cannot be told from others that merely contain it."""
_CUT: Final = re.compile(r"…|\.\.\.|\Z")
_BASE64: Final = "[A-Za-z0-9+/_-]"


class Redaction:
    """The secrets of one attempt, as patterns."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spellings = dict.fromkeys(spelling for secret in secrets for spelling in _spellings(secret))
        encoded = dict.fromkeys(pattern for secret in secrets for pattern in _in_base64(secret))
        longest_first = sorted(spellings, key=len, reverse=True)
        patterns = [*(re.escape(spelling) for spelling in longest_first), *sorted(encoded, key=len, reverse=True)]
        self._whole = re.compile("|".join(patterns))
        self._spellings = longest_first

    def text(self, text: str) -> str:
        """The text with every secret masked."""
        return self._whole.sub(MASK, text)

    def told(self, text: str) -> str:
        """The text of a message: what is left of a secret where the message was cut is masked too."""
        text = self.text(text)
        for spelling in self._spellings:
            if spelling[:SHORTEST] in text or spelling[-SHORTEST:] in text:
                text = _without_rest(text, spelling)
        return text

    def value(self, value: JSON) -> JSON:
        """A copy of a value with every secret masked, in keys too."""
        match value:
            case str():
                return self.text(value)
            case bool() | None:
                return value
            case int() | float():
                return MASK if self._whole.fullmatch(str(value)) else value
            case dict():
                return {self.text(key): self.value(item) for key, item in value.items()}
            case _:
                return [self.value(item) for item in value]

    def error(self, error: JSON) -> Any:
        """A copy of an error; all its texts are messages."""
        match error:
            case str():
                return self.told(error)
            case dict():
                return {self.told(key): self.error(item) for key, item in error.items()}
            case list():
                return [self.error(item) for item in error]
            case _:
                return self.value(error)


def _spellings(secret: str) -> Iterator[str]:
    yield secret
    for ascii_only in (True, False):
        inner = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield inner
        yield json.dumps(inner, ensure_ascii=ascii_only)[1:-1]
    yield repr(secret)[1:-1]
    yield html.escape(secret)
    for quoted in (quote(secret), quote(secret, safe=""), quote_plus(secret)):
        yield quoted
        yield re.sub("%..", lambda found: found[0].lower(), quoted)
    digits = secret.encode().hex()
    yield digits
    yield digits.upper()
    yield b64encode(secret.encode()).decode().rstrip("=")


def _in_base64(secret: str) -> Iterator[str]:
    """Patterns of a secret inside something longer in base64: its characters depend on where in a group it begins, and
    those at its ends are shared with what stands beside it."""
    content = secret.encode()
    for before in range(3):
        coded = b64encode(bytes(before) + content).decode()
        first, last = (0, 2, 3)[before], (before + len(content)) * 8 // 6
        start = f"{_BASE64}?" if before else ""
        end = f"(?:{_BASE64}={{0,2}})?" if (before + len(content)) % 3 else ""
        for alphabet in (coded, coded.replace("+", "-").replace("/", "_")):
            yield start + re.escape(alphabet[first:last]) + end


def _without_rest(text: str, secret: str) -> str:
    """The text without the beginning of a secret before a cut, and without the end of one behind it."""
    pieces: list[str] = []
    at = 0
    for cut in _CUT.finditer(text):
        part = text[at : cut.start()]
        lengths = range(min(len(part), len(secret) - 1), SHORTEST - 1, -1)
        rest = next((length for length in lengths if at and part.startswith(secret[-length:])), 0)
        part = MASK + part[rest:] if rest else part
        begun = next((length for length in lengths if part.endswith(secret[:length])), 0)
        pieces.append((part[: len(part) - begun] + MASK if begun else part) + cut[0])
        at = cut.end()
    return "".join(pieces)
