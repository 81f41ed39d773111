"""Text becomes a tree of JSON values with marks; whatever is wrong becomes diagnostics, never an exception.

YAML 1.2 core scalars, duplicate keys refused, aliases within a budget, no tags. JSON is read as well.
Knows nothing of workflows: any mapping is a good document here (see `shape` for what comes next).
"""

from __future__ import annotations

import codecs
import re
from typing import Final

from perdure.definition.diagnostics import Diagnostic, Place, report
from perdure.definition.document import UnreadableError, build
from perdure.definition.folding import BREAK
from perdure.definition.marks import Marks
from perdure.definition.source import Source
from perdure.values import decode

LARGEST: Final = 1_048_576
"""Bytes of a file: a mebibyte, some 25,000 lines; larger is data in the wrong place, or an attack."""

MOST_DOCUMENTS: Final = 1_000
"""Documents `read_all` takes from one file."""

# All but YAML 1.2, production [1] c-printable, and the byte order mark; a class of the printable takes 4 ms to compile.
_UNPRINTABLE: Final = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_WIDE_MARKS: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SEPARATOR: Final = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
_PREFACE: Final = re.compile(r"(?:[ \t]*(?:#.*)?|%.*)(?:\r\n|\n|\r|\Z)")
_PAIR: Final = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)


def read(text: str | bytes, *, file: str = "<text>") -> Source:
    """The one document of a file."""
    decoded, problem = _decode(text, file)
    if problem is not None:
        return Source(file, decoded, None, Marks(decoded), [problem])
    return _read(decoded, file)


def read_all(text: str | bytes, *, file: str = "<text>") -> list[Source]:
    """The documents of a file that separates them by `---`; lines are counted from the start of the file.

    Each document is read on its own, so a broken one does not hide those behind it.
    """
    decoded, problem = _decode(text, file)
    if problem is not None:
        return [Source(file, decoded, None, Marks(decoded), [problem])]
    starts = [0, *(found.start() for found in _SEPARATOR.finditer(decoded) if found.start())]
    if len(starts) > 1 and _is_preface(decoded[: starts[1]]):
        del starts[1]
    if len(starts) > MOST_DOCUMENTS:
        message = f"the file holds more than {MOST_DOCUMENTS:,} documents"
        wrong = _at(file, decoded, starts[MOST_DOCUMENTS], "WF112", message, "split the file")
        return [Source(file, decoded, None, Marks(decoded), [wrong])]
    sources, above = [], 0
    for first, last in zip(starts, [*starts[1:], len(decoded)], strict=True):
        sources.append(_read(decoded[first:last], file, above))
        above += len(BREAK.findall(decoded, first, last))
    return sources


def _is_preface(text: str) -> bool:
    """Whether there are only comments, directives and empty lines."""
    at = 0
    while at < len(text):
        found = _PREFACE.match(text, at)
        if found is None or found.end() == at:
            return False
        at = found.end()
    return True


def _decode(text: str | bytes, file: str) -> tuple[str, Diagnostic | None]:
    if isinstance(text, str):
        size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        decoded = text
    else:
        size = len(text)
        if text.startswith(_WIDE_MARKS):
            return "", _at(file, "", 0, "WF107", "the file is UTF-16 or UTF-32", "save it as UTF-8")
        try:
            decoded = text[: LARGEST + 1].decode("utf-8")
        except UnicodeDecodeError as wrong:
            if size <= LARGEST:
                return _undecodable(text, wrong, file)
            decoded = ""
    if size > LARGEST:
        message = f"the file is larger than {LARGEST:,} bytes"
        return "", _at(file, "", 0, "WF112", message, "move data into an activity")
    decoded = decoded.removeprefix("\ufeff")
    bad = _UNPRINTABLE.search(decoded)
    if bad is None:
        return decoded, None
    message = f"the character U+{ord(bad[0]):04X} cannot stand in a definition"
    return decoded, _at(file, decoded, bad.start(), "WF108", message, "write it as an escape in double quotes")


def _undecodable(text: bytes, wrong: UnicodeDecodeError, file: str) -> tuple[str, Diagnostic]:
    decoded = text.decode("utf-8", "replace")
    before = len(text[: wrong.start].decode("utf-8", "replace"))
    message = f"the byte 0x{text[wrong.start]:02x} is not UTF-8"
    return decoded, _at(file, decoded, before, "WF107", message, "save the file as UTF-8")


def _at(file: str, text: str, index: int, code: str, message: str, hint: str | None) -> Diagnostic:
    breaks = [found.end() for found in BREAK.finditer(text, 0, index)]
    line, column = len(breaks) + 1, index - (breaks[-1] if breaks else 0) + 1
    return report(code, message, Place(file, line, column, line, column + 1), hint)


def _read(text: str, file: str, above: int = 0) -> Source:
    diagnostics: list[Diagnostic] = []
    parsed = _as_yaml(text)
    try:
        value, root = build(parsed, file, diagnostics, above)
    except UnreadableError:
        return Source(file, text, None, Marks(parsed), diagnostics, above)
    return Source(file, text, value, Marks(parsed, root), diagnostics, above)


def _as_yaml(text: str) -> str:
    """JSON made readable for YAML 1.1 parsers: tabs between tokens, surrogate pairs in escapes."""
    if not text.lstrip().startswith("{") or not ("\t" in text or _PAIR.search(text)):
        return text
    try:
        decode(text)
    except ValueError:
        return text
    return _PAIR.sub(_joined, text.replace("\t", " "))


def _joined(pair: re.Match[str]) -> str:
    high, low = int(pair[1], 16), int(pair[2], 16)
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"
