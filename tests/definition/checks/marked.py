"""Definitions whose expected diagnostics stand as comments on their lines: `# WF301 fetchh`, the token behind the code.

Several on one line are separated by ` & `. A token that spans lines is given by its first line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from perdure.definition import Diagnostic

EXPECTED = re.compile(r"\s# (WF\d{3} .*)$")

Marked = tuple[str, int, str, str]
"""File, line, code and token of a diagnostic."""

Inspected = Callable[..., list[Diagnostic]]
Holds = Callable[..., None]


def expected(files: Mapping[str, str]) -> list[Marked]:
    found = []
    for name, text in files.items():
        for number, line in enumerate(text.splitlines(), 1):
            comment = EXPECTED.search(line)
            for mark in comment[1].split(" & ") if comment else ():
                code, token = mark.split(" ", 1)
                found.append((name, number, code, token))
    return sorted(found)


def actual(files: Mapping[str, str], diagnostics: list[Diagnostic]) -> list[Marked]:
    found = []
    for diagnostic in diagnostics:
        place = diagnostic.place
        name = Path(place.file).name
        line = files[name].splitlines()[place.line - 1]
        end = place.end_column - 1 if place.end_line == place.line else len(EXPECTED.sub("", line))
        found.append((name, place.line, diagnostic.code, line[place.column - 1 : end]))
    return sorted(found)
