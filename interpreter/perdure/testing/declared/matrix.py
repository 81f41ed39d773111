"""One case over several sets of parameters: `{{ matrix.name }}` filled in, a case for each set.

The filled-in document keeps the paths of the written one, so that what is wrong with a value is told where it stands.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Final

from perdure.definition.diagnostics import Diagnostic
from perdure.definition.source import Source
from perdure.errors import ExpressionError
from perdure.expressions import compile_template
from perdure.values import JSON, check, encode

MOST_SETS: Final = 1_000
"""Sets of parameters of one case: more is a property test, which is written in Python."""


@dataclass(frozen=True, slots=True)
class Row:
    """One case with one set of parameters, and the document it stands in."""

    index: int
    name: str
    written: Mapping[str, JSON]
    parameters: Mapping[str, JSON]
    document: JSON


@dataclass(slots=True)
class Expansion:
    """The rows, in order; `rounds` are sources that hold each filled-in case once, and a stand-in where a case has no
    more sets."""

    rows: list[Row] = field(default_factory=list)
    rounds: list[Source] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def expand(source: Source) -> Expansion:
    """All cases of a document of any shape; what has no sets to fill in stays as it is."""
    expansion = Expansion()
    document = source.value
    cases = document.get("cases") if isinstance(document, dict) else None
    if not isinstance(cases, list):
        expansion.rounds.append(source)
        return expansion
    filled = [_filled(source, index, case, expansion) for index, case in enumerate(cases)]
    for number in range(max((len(each) for each in filled), default=1) or 1):
        values = [each[number][0] if number < len(each) else {"name": each[0][0].get("name")} for each in filled]
        expansion.rounds.append(replace(source, value={**document, "cases": values}))
    for index, each in enumerate(filled):
        for number, (case, parameters) in enumerate(each):
            if isinstance(case, dict):
                name = _named(str(case.get("name")), parameters, cases[index])
                expansion.rows.append(Row(index, name, case, parameters, expansion.rounds[number].value))
    return expansion


def _filled(source: Source, index: int, case: JSON, expansion: Expansion) -> list[tuple[JSON, Mapping[str, JSON]]]:
    """The case for each of its sets, with the set; itself where it has none that can be used."""
    sets = _sets(source, index, case, expansion.diagnostics)
    if not sets or _is_too_deep(case):
        return [(case, {})]
    found: list[tuple[JSON, Mapping[str, JSON]]] = []
    for parameters in sets:
        told: list[Diagnostic] = []
        inner = {
            key: value if key == "matrix" else _fill(source, value, ("cases", index, key), parameters, told)
            for key, value in case.items()
        }
        expansion.diagnostics += told
        found.append((inner, parameters))
    return found


def _sets(source: Source, index: int, case: JSON, told: list[Diagnostic]) -> list[Mapping[str, JSON]]:
    matrix = case.get("matrix") if isinstance(case, dict) else None
    path = ("cases", index, "matrix")
    if isinstance(matrix, dict) and matrix and all(isinstance(values, list) for values in matrix.values()):
        if math.prod(len(values) for values in matrix.values()) > MOST_SETS:
            told.append(source.report("WF231", f"the matrix has more than {MOST_SETS:,} sets", path, key=True))
            return []
        return [dict(zip(matrix, values, strict=True)) for values in product(*matrix.values())]
    if not isinstance(matrix, list) or not all(isinstance(row, dict) for row in matrix):
        return []
    if len(matrix) > MOST_SETS:
        told.append(source.report("WF231", f"the matrix has more than {MOST_SETS:,} sets", path, key=True))
        return []
    for number, row in enumerate(matrix):
        for name in matrix[0].keys() ^ row.keys():
            message = f'only some sets of the matrix have "{name[:40]}"'
            told.append(source.report("WF231", message, (*path, number)))
    return matrix


def _fill(
    source: Source, value: JSON, path: tuple[str | int, ...], parameters: Mapping[str, JSON], told: list[Diagnostic]
) -> JSON:
    if isinstance(value, dict):
        return {key: _fill(source, inner, (*path, key), parameters, told) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill(source, inner, (*path, number), parameters, told) for number, inner in enumerate(value)]
    if not isinstance(value, str) or "{{" not in value:
        return value
    try:
        return compile_template(value).evaluate({"matrix": dict(parameters)}, _Still())
    except ExpressionError as problem:
        told.append(source.report("WF332", problem.message, path, problem.hint))
        return value


def _is_too_deep(case: JSON) -> bool:
    """What is nested too deep is refused by the check of shapes."""
    try:
        check(case)
    except ValueError:
        return True
    return False


def _named(name: str, parameters: Mapping[str, JSON], written: JSON) -> str:
    """The case's name on one line, with its parameters unless it says them itself."""
    name = " ".join(name.split())
    if not parameters or "{{" in str(written.get("name")):
        return name
    return f"{name} [{', '.join(_shown(parameters))}]"


def _shown(parameters: Mapping[str, JSON]) -> Iterator[str]:
    for key, value in parameters.items():
        text = value if isinstance(value, str) else encode(value).decode()
        yield f"{key}={text if len(text) <= 40 else text[:39] + '…'}"


class _Still:
    """The ambient of parameters: nothing that differs from run to run."""

    def now(self) -> int:
        raise ExpressionError("a test has no now(); the clock starts at `clock.start`")

    def random(self) -> float:
        raise ExpressionError("a test has no random()")

    def uuid(self) -> str:
        raise ExpressionError("a test has no uuid()")
