"""Diagnostics as reports that other programs show: SARIF, GitLab's code quality, reviewdog's rdjson, JUnit.

Every format takes the diagnostics and the lines of all files that were looked at. Knows nothing of how they were
found; `render` offers these formats beside its own.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

from perdure.definition.diagnostics import Diagnostic, Place
from perdure.definition.rules import RULES

Lines = Mapping[str, Sequence[str]]

SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"

_LEVELS: Final = {"error": "error", "warning": "warning", "info": "note", "off": "none"}
_GITLAB: Final = {"error": "major", "warning": "minor", "info": "info", "off": "info"}
_RDJSON: Final = {"error": "ERROR", "warning": "WARNING", "info": "INFO", "off": "INFO"}
_NOT_XML: Final = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 cannot hold, not even escaped. A class of all that it can hold takes 4 ms to compile."""


def as_sarif(diagnostics: Iterable[Diagnostic], lines: Lines | None = None, *, colour: bool = False) -> str:
    """One SARIF 2.1.0 log with one run; columns count code points."""
    from importlib.metadata import version

    found = list(diagnostics)
    codes = sorted({one.code for one in found})
    driver = {"name": "perdure", "semanticVersion": version("perdure"), "rules": [_sarif_rule(code) for code in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [
            _sarif_result(one, codes.index(one.code), mark) for one, mark in zip(found, _marks(found), strict=True)
        ],
    }
    return _json({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]})


def as_gitlab(diagnostics: Iterable[Diagnostic], lines: Lines | None = None, *, colour: bool = False) -> str:
    """The list of GitLab's code quality report; a fingerprint stays when lines move."""
    found = list(diagnostics)
    return _json(
        [
            {
                "description": f"{one.code} {one.name}: {_words(one)}",
                "check_name": one.code,
                "fingerprint": mark,
                "severity": _GITLAB[one.severity],
                "location": {"path": _path(one.place), "lines": {"begin": one.place.line, "end": one.place.end_line}},
            }
            for one, mark in zip(found, _marks(found), strict=True)
        ]
    )


def as_rdjson(diagnostics: Iterable[Diagnostic], lines: Lines | None = None, *, colour: bool = False) -> str:
    """reviewdog's DiagnosticResult; its columns count bytes of UTF-8."""
    known = lines or {}
    return _json(
        {
            "source": {"name": "perdure"},
            "diagnostics": [
                {
                    "message": _words(one),
                    "location": _rd_location(one.place, known),
                    "severity": _RDJSON[one.severity],
                    "code": {"value": one.code},
                    "related_locations": [
                        {"message": other.message, "location": _rd_location(other.place, known)}
                        for other in one.related
                    ],
                }
                for one in diagnostics
            ],
        }
    )


def as_junit(diagnostics: Iterable[Diagnostic], lines: Lines | None = None, *, colour: bool = False) -> str:
    """A suite a file: each problem is a failed case, and a file without problems one that passed."""
    by_file: dict[str, list[Diagnostic]] = {file: [] for file in lines or {}}
    total = 0
    for one in diagnostics:
        by_file.setdefault(one.place.file, []).append(one)
        total += 1
    suites = "".join(_suite(file, found) for file, found in by_file.items())
    tests = sum(max(1, len(found)) for found in by_file.values())
    head = f'<testsuites name="perdure validate" tests="{tests}" failures="{total}" errors="0" time="0">'
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}\n{suites}</testsuites>\n'


def _sarif_rule(code: str) -> dict[str, Any]:
    rule = RULES[code]
    level = _LEVELS[rule.severity]
    return {
        "id": code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.why}\n\nInstead of\n\n{rule.bad}\n\nwrite\n\n{rule.good}"},
        "defaultConfiguration": {"level": level, "enabled": rule.severity != "off"},
        "properties": {"tags": [rule.group]},
    }


def _sarif_result(one: Diagnostic, index: int, mark: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": one.code,
        "ruleIndex": index,
        "level": _LEVELS[one.severity],
        "message": {"text": _words(one)},
        "locations": [_sarif_location(one.place)],
        "partialFingerprints": {"perdure/v1": mark},
    }
    if one.related:
        result["relatedLocations"] = [
            {**_sarif_location(other.place), "id": number, "message": {"text": other.message}}
            for number, other in enumerate(one.related)
        ]
    return result


def _sarif_location(place: Place) -> dict[str, Any]:
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }
    path = _path(place)
    uri = f"file://{quote(path)}" if path.startswith("/") else quote(path)
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}


def _rd_location(place: Place, lines: Lines) -> dict[str, Any]:
    ends = ((place.line, place.column), (place.end_line, place.end_column))
    start, end = ({"line": line, "column": _bytes(place.file, line, column, lines)} for line, column in ends)
    return {"path": _path(place), "range": {"start": start, "end": end}}


def _bytes(file: str, line: int, column: int, lines: Lines) -> int:
    source = lines.get(file, ())
    if not 0 < line <= len(source):
        return column
    before = source[line - 1][: column - 1]
    return column + len(before.encode("utf-8", "replace")) - len(before)


def _suite(file: str, found: list[Diagnostic]) -> str:
    cases = "".join(_failed(one) for one in found) or f"    <testcase{_named('no problems', file)}/>\n"
    counted = f'tests="{max(1, len(found))}" failures="{len(found)}" errors="0" time="0"'
    return f"  <testsuite name={_attribute(file)} {counted}>\n{cases}  </testsuite>\n"


def _failed(one: Diagnostic) -> str:
    name = f"{one.code} {one.name} at {one.place.line}:{one.place.column}"
    kind = f'type="{one.severity}" message={_attribute(one.message)}'
    from xml.sax.saxutils import escape  # brings urllib with it, which few commands need

    text = escape(_NOT_XML.sub("�", str(one)))
    return f"    <testcase{_named(name, one.place.file)}>\n      <failure {kind}>{text}</failure>\n    </testcase>\n"


def _named(name: str, file: str) -> str:
    return f' name={_attribute(name)} classname={_attribute(file)} time="0"'


def _attribute(text: str) -> str:
    from xml.sax.saxutils import quoteattr

    return quoteattr(_NOT_XML.sub("�", text))


def _marks(found: Iterable[Diagnostic]) -> list[str]:
    """What tells problems apart over time: file, rule and message, and how many alike stand above; no line."""
    seen: Counter[str] = Counter()
    marks = []
    for one in found:
        said = "\n".join((_path(one.place), one.code, one.message))
        seen[said] += 1
        marks.append(sha256(f"{said}\n{seen[said]}".encode("utf-8", "replace")).hexdigest())
    return marks


def _path(place: Place) -> str:
    return posixpath.normpath(place.file.replace("\\", "/"))


def _words(one: Diagnostic) -> str:
    return f"{one.message}; {one.hint}" if one.hint else one.message


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
