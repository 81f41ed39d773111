"""Diagnostics as text for people and for other programs: text, concise, json, jsonl, yaml, github; `reports` has more.

Every format takes the diagnostics and the lines of the files they speak of. Knows nothing of how they
were found; control characters of a source never reach the terminal.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Final

from perdure.definition.diagnostics import Diagnostic
from perdure.definition.reports import as_gitlab, as_junit, as_rdjson, as_sarif

Lines = Mapping[str, Sequence[str]]
"""Each file's lines, by the file's name in the diagnostics; a file may be absent."""

_WIDEST: Final = 120
"""Columns of a source line shown at once; longer lines are cut around the problem."""
_COLOURS: Final = {"error": "31", "warning": "33", "info": "36", "off": "2"}
_COMMANDS: Final = {"error": "error", "warning": "warning", "info": "notice", "off": "notice"}
_UNSHOWABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def as_text(diagnostics: Iterable[Diagnostic], lines: Lines | None = None, *, colour: bool = False) -> str:
    """Each problem with its source line, a caret under it, and what to do."""
    return "\n".join(_paragraph(found, lines or {}, colour) for found in diagnostics)


def as_concise(diagnostics: Iterable[Diagnostic], lines: Lines | None = None, *, colour: bool = False) -> str:
    """One line a problem."""
    return "".join(f"{_header(found, colour)}{_hint(found)}\n" for found in diagnostics)


def as_json(diagnostics: Iterable[Diagnostic], lines: Lines | None = None, *, colour: bool = False) -> str:
    """One JSON object with `format_version` and the list of diagnostics."""
    document = {"format_version": 1, "diagnostics": [asdict(found) for found in diagnostics]}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def as_jsonl(diagnostics: Iterable[Diagnostic], lines: Lines | None = None, *, colour: bool = False) -> str:
    """One JSON object a problem, each on its line and with `format_version`."""
    documents = ({"format_version": 1, **asdict(found)} for found in diagnostics)
    return "".join(f"{json.dumps(document, ensure_ascii=False)}\n" for document in documents)


def as_yaml(diagnostics: Iterable[Diagnostic], lines: Lines | None = None, *, colour: bool = False) -> str:
    """The document of `json` as YAML."""
    import yaml

    text: str = yaml.safe_dump(json.loads(as_json(diagnostics)), allow_unicode=True, sort_keys=False, width=100)
    return text


def as_github(diagnostics: Iterable[Diagnostic], lines: Lines | None = None, *, colour: bool = False) -> str:
    """Workflow commands that GitHub turns into annotations (docs.github.com, "Workflow commands")."""
    return "".join(_command(found) for found in diagnostics)


FORMATS: Final[Mapping[str, Callable[..., str]]] = {
    "text": as_text,
    "concise": as_concise,
    "json": as_json,
    "jsonl": as_jsonl,
    "yaml": as_yaml,
    "github": as_github,
    "sarif": as_sarif,
    "gitlab": as_gitlab,
    "rdjson": as_rdjson,
    "junit": as_junit,
}
"""The formats by the name a user asks for."""


def _paragraph(found: Diagnostic, lines: Lines, colour: bool) -> str:
    place = found.place
    parts = [_header(found, colour)]
    source = lines.get(place.file, ())
    if 0 < place.line <= len(source):
        last = place.end_column if place.end_line == place.line else len(source[place.line - 1]) + 1
        shown, before, under = _excerpt(source[place.line - 1], place.column - 1, max(last - 1, place.column))
        margin = " " * len(str(place.line))
        caret = _painted("^" * under, _COLOURS[found.severity], colour)
        parts += [f"{margin} |", f"{place.line} | {shown}", f"{margin} | {' ' * before}{caret}"]
    parts += [f"  note: {related.place}: {related.message}" for related in found.related]
    if found.hint:
        parts.append(f"  hint: {found.hint}")
    return "\n".join(parts) + "\n"


def _header(found: Diagnostic, colour: bool) -> str:
    place = _painted(_showable(str(found.place)), "1", colour)
    name = _painted(f"{found.code} {found.name}", _COLOURS[found.severity], colour)
    return f"{place}: {name}: {found.message}"


def _hint(found: Diagnostic) -> str:
    return f"; {found.hint}" if found.hint else ""


def _excerpt(line: str, first: int, last: int) -> tuple[str, int, int]:
    """The part of a line around a problem, the columns before the caret, and the carets."""
    first = min(first, len(line))
    last = min(max(last, first), len(line))
    left = 0 if len(line) <= _WIDEST or first < _WIDEST // 2 else first - _WIDEST // 2
    right = min(len(line), left + _WIDEST)
    start, end = ("…" if left else ""), ("…" if right < len(line) else "")
    before = _width(start + _showable(line[left:first]))
    under = max(1, _width(_showable(line[first : min(last, right)])))
    return start + _showable(line[left:right]) + end, before, under


def _showable(text: str) -> str:
    return _UNSHOWABLE.sub("�", text.replace("\t", " "))


def _width(text: str) -> int:
    """Columns in a terminal: wide East Asian characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def _painted(text: str, codes: str, colour: bool) -> str:
    return f"\x1b[{codes}m{text}\x1b[0m" if colour else text


def _command(found: Diagnostic) -> str:
    place = found.place
    properties = {
        "file": place.file,
        "line": place.line,
        "endLine": place.end_line,
        "col": place.column,
        "endColumn": place.end_column,
        "title": f"{found.code} {found.name}",
    }
    if place.end_line != place.line:  # GitHub takes columns only within one line
        del properties["col"], properties["endColumn"]
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{_COMMANDS[found.severity]} {listed}::{_payload(found.message + _hint(found))}\n"


def _payload(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _payload(text).replace(":", "%3A").replace(",", "%2C")
