"""The outline of a file: its sections, and its steps as they stand inside each other; of tests, the cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from perdure.definition.checks.spaces import Placed
from perdure.definition.marks import Path, at
from perdure.definition.models import StepList
from perdure.editor.analysis import Analysis
from perdure.editor.answers import Symbol
from perdure.editor.answers import SymbolSort as Sort
from perdure.editor.names import summed, told

_SECTIONS: Final = ("input", "vars", "labels", "queries", "schedule")
_SHOWN_ROLES: Final = {"when": "when", "case": "case", "else": "else", "branch": "", "catch": "catch",
                       "finally": "finally", "undo": "compensate", "arm": "", "handler": ""}  # fmt: skip
DEEPEST: Final = 100
"""Steps inside each other that an outline shows."""


def outline(analysis: Analysis) -> list[Symbol]:
    """What the file holds, in the order in which it is written."""
    if analysis.is_tests:
        found = list(_cases(analysis))
    else:
        found = [*_sections(analysis), *_steps(analysis)]
    return sorted(found, key=lambda one: one.start)


def _sections(analysis: Analysis) -> Iterator[Symbol]:
    for name in _SECTIONS:
        value = at(analysis.source.value, (name,))
        if value is None:
            continue
        inner = at(value, ("properties",)) if name == "input" else value
        path: Path = (name, "properties") if name == "input" else (name,)
        fields = inner if isinstance(inner, dict) and name != "schedule" else {}
        inside = [
            _symbol(analysis, str(key), told(one) if name == "input" else "", "variable", (*path, key))
            for key, one in fields.items()
        ]
        yield _symbol(analysis, name, "", "section", (name,), inside)


def _steps(analysis: Analysis) -> Iterator[Symbol]:
    for space in analysis.spaces.all if analysis.spaces is not None else ():
        if space.file != analysis.files.main:
            continue
        steps = [symbol for _, children in space.root.children for symbol in _each(analysis, children, 1)]
        if space.name is None:
            yield from steps
        else:
            yield _symbol(analysis, space.name, "fragment", "fragment", space.prefix, steps)


def _each(analysis: Analysis, children: list[Placed], depth: int) -> list[Symbol]:
    return [_step(analysis, placed, depth) for placed in children] if depth < DEEPEST else []


def _step(analysis: Analysis, placed: Placed, depth: int) -> Symbol:
    inside: list[Symbol] = []
    for found, children in placed.children:
        steps = _each(analysis, children, depth + 1)
        label = _label(found)
        if label and steps:
            first, last = steps[0], steps[-1]
            inside.append(Symbol(label, "", "block", first.start, last.end, first.start, first.start, steps))
        else:
            inside += steps
    step = placed.step
    value = step.keys.get(step.kind)
    name = step.id or (f"{step.kind} {value}" if isinstance(value, str) and len(value) < 60 else step.kind)
    spot = analysis.source_of(placed.space).marks.spot(placed.path)
    named = analysis.source_of(placed.space).marks.spot((*placed.path, "id")) if step.id else spot
    start, end = spot.start[2], max([spot.end[2], *(one.end for one in inside)])
    name_start, name_end = (named.start[2], named.end[2]) if step.id else (start, start)
    if not start <= name_start <= name_end <= end:
        name_start = name_end = start
    return Symbol(name, summed(placed), "step", start, end, name_start, name_end, inside)


def _label(found: StepList) -> str:
    """How a list of steps inside a step is called, where the step has others."""
    if found.role not in _SHOWN_ROLES:
        return ""
    said = found.owner.get("when") if found.role == "when" else found.key
    if found.role in ("arm", "handler"):
        said = next((found.owner[key] for key in ("signal", "event", "update") if key in found.owner), "after")
    if found.role in ("catch", "else", "finally", "undo"):
        said = ""
    return f"{_SHOWN_ROLES[found.role]} {said}".strip()[:60]


def _cases(analysis: Analysis) -> Iterator[Symbol]:
    cases = at(analysis.source.value, ("cases",))
    for index, case in enumerate(cases if isinstance(cases, list) else ()):
        name = at(case, ("name",))
        yield _symbol(analysis, name if isinstance(name, str) and name else "case", "", "case", ("cases", index))


def _symbol(
    analysis: Analysis, name: str, detail: str, sort: Sort, path: Path, inside: Sequence[Symbol] = ()
) -> Symbol:
    spot = analysis.source.marks.spot(path)
    key = analysis.source.marks.spot(path, key=True)
    start, end = min(key.start[2], spot.start[2]), max(spot.end[2], key.end[2])
    named = start if isinstance(path[-1], int) else key.end[2]
    return Symbol(name or "?", detail, sort, start, end, min(key.start[2], named), named, inside)
