"""What people read of tests: each failure with its place, a diff and the path taken, and coverage as a table.

Plain text; colours and files are the business of whoever prints it.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from perdure.testing.declared.coverage import Coverage
from perdure.testing.declared.failure import Failure
from perdure.testing.declared.running import Result
from perdure.testing.declared.session import Session
from perdure.testing.matching import ABSENT

LONGEST_DIFF: Final = 60
"""Lines of a diff that are shown."""

LONGEST_PATH: Final = 60
"""Steps of a path that are shown."""

LONGEST_LINE: Final = 200
WIDEST: Final = 70
_TURN: Final = re.compile(r"\[\d+\]")


def failed(result: Result) -> str:
    """Everything about a case that does not hold."""
    lines = [f"{result.case.source.file}:{result.case.line}: {result.case.name}"]
    for failure in result.failures:
        lines += [f"  {line}" for line in _told(failure)]
    lines.append(f"  path: {path(result)}")
    return "\n".join(lines) + "\n"


def path(result: Result) -> str:
    """The steps in the order they began, with how each ended where it is not as usual; a step that began several times
    in a row, also in one turn of a loop after the other, once."""
    shown: list[str] = []
    for (_, status), alike in groupby(result.path, key=lambda one: (_TURN.sub("", one[0]), one[1])):
        labels = [label for label, _ in alike]
        label = labels[0] if len(set(labels)) == 1 else _TURN.sub("[…]", labels[0])
        told = label if status == "completed" else f"{label} ({status})"
        shown.append(told if len(labels) == 1 else f"{told} ×{len(labels)}")
    if len(shown) > LONGEST_PATH:
        left = len(shown) - LONGEST_PATH
        shown = [*shown[: LONGEST_PATH // 2], f"… {left} more …", *shown[-LONGEST_PATH // 2 :]]
    return " → ".join(shown) or "no step began"


def coverage(found: Coverage) -> str:
    """One definition's share, and what its tests have not reached."""
    lines = [f"{found.program.name}: {found.percent:g}% ({found.hits} of {len(found.points)})"]
    lines += [f"  {point.position.file}:{point.position.line}: {point.about}: never" for point in found.missing()]
    return "\n".join(lines) + "\n"


def summary(session: Session) -> str:
    """The last line."""
    held = len(session.results) - len(session.failed)
    told = [f"{held} hold" if held != 1 else "1 holds"]
    if session.failed:
        told.append(f"{len(session.failed)} fail" if len(session.failed) != 1 else "1 fails")
    if session.broken:
        count = len(session.broken)
        told.append(f"{count} files cannot be used" if count != 1 else "1 file cannot be used")
    return f"{_plural(len(session.suites), 'file')}, {_plural(len(session.results), 'case')}: {', '.join(told)}"


def _told(failure: Failure) -> Iterator[str]:
    place = f"{failure.place.file}:{failure.place.line}"
    if not failure.compares:
        yield f"{place}: {failure.what}" + (f"; {failure.reason}" if failure.reason else "")
        return
    yield f"{place}: {failure.what}" + (f": {failure.reason}" if failure.reason else "")
    yield from (f"  {line}" for line in difference(failure.expected, failure.found))


def difference(expected: object, found: object) -> list[str]:
    """What was expected and what was found: side by side where both are short, else line by line."""
    one, other = _written(expected), _written(found)
    if len(one) <= 1 and len(other) <= 1:
        return [f"expected {_cut(one[0])}", f"found    {_cut(other[0])}"]
    lines = [line for line in difflib.ndiff(one, other) if not line.startswith("?")]
    shown = [_cut(line.rstrip()) for line in lines[:LONGEST_DIFF]]
    return ["- expected, + found", *shown, *(["…"] if len(lines) > LONGEST_DIFF else [])]


def _written(value: object) -> Sequence[str]:
    if value is ABSENT:
        return ["nothing"]
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if len(text) <= WIDEST or not isinstance(value, dict | list):
        return [text]
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2).split("\n")[: LONGEST_DIFF * 20]


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
