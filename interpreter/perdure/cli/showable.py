"""Text from runs, files and errors, made safe for a terminal: no control character reaches it.

What a run holds may come from anybody: an escape sequence in it must not move the cursor or set a title.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_CONTROL: Final = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_DECEPTIVE: Final = "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff"
"""Characters that hide text or turn its direction (Unicode Technical Report 36), line separators, surrogates."""

_UNSHOWABLE: Final = re.compile(f"[{_CONTROL}{_DECEPTIVE}]")
_ESCAPED: Final = re.compile(f"[\x7f-\x9f{_DECEPTIVE}]")


def showable(text: object) -> str:
    """The text with each such character replaced; line breaks and tabs stay."""
    return _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", str(text).replace("\r\n", "\n"))


def one_line(text: object, longest: int = 200) -> str:
    """The text on one line, cut."""
    line = " ".join(showable(str(text)[: longest * 4]).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def escaped(json_text: str) -> str:
    r"""JSON text with such characters as `\u` escapes: they can only stand inside its texts."""
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json_text)


def width(text: str) -> int:
    """Columns in a terminal: wide East Asian characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )
