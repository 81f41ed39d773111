"""The types of errors that `catch` and `retry` name: those that no step fails with, and those that are misspelt.

Activities may choose any type, so a type that nobody names elsewhere is suspected only where it is nearly one that is
known: raised by the engine, by a `fail` of the document, or, as its documentation says, by an activity called there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import digits
from typing import Any, Final

from perdure.definition.checks.findings import Findings, suggested
from perdure.definition.checks.spaces import Spaces
from perdure.definition.diagnostics import quoted
from perdure.definition.error_types import CATCHABLE, UNCATCHABLE
from perdure.definition.models import Path, Step
from perdure.values import JSON

EDITS: Final = 2
"""Slips of the pen that a misspelt type may have; in a word of fewer than eight letters one."""

_DIGITS: Final = dict.fromkeys(map(ord, digits))
"""Types that differ in a number alone are siblings, no slips."""
Catalogue = Mapping[str, Mapping[str, Any]]


def check_errors(spaces: Spaces, catalogue: Catalogue, findings: Findings) -> None:
    """The types in all catches, retries and defaults."""
    named = [(type, space.file, (*placed.path, *path))
             for space in spaces.all for placed in space.placed for type, path in _named(placed.step.keys)]  # fmt: skip
    for pattern, keys in (spaces.main.keys.get("defaults") or {}).items():
        named += [(type, spaces.main.file, ("defaults", pattern, *path)) for type, path in _named(keys)]
    unknown = [found for found in named if found[0] not in CATCHABLE and "*" not in found[0]]
    if unknown:  # what activities say is read only where somebody asks
        chosen = {type for space in spaces.all for placed in space.steps() for type in _raised(placed.step, catalogue)}
        known = sorted({*CATCHABLE, *chosen})
        for type, file, path in unknown:
            if type not in chosen:
                _check_type(type, file, path, known, findings)


def _raised(step: Step, catalogue: Catalogue) -> Iterator[str]:
    """The types that a step is known to fail with."""
    if step.kind == "activity":
        yield from catalogue.get(step.keys["activity"], {}).get("errors", ())
    elif step.kind == "fail":
        type = step.keys["fail"].get("type")
        if isinstance(type, str) and "{{" not in type:
            yield type


def _named(keys: Mapping[str, JSON]) -> Iterator[tuple[str, Path]]:
    """The types that a step names, with the path from the step."""
    retry = keys.get("retry")
    lists: list[tuple[JSON, Path]] = []
    if isinstance(retry, dict):
        lists += [(retry.get(key), ("retry", key)) for key in ("on", "except")]
    catch = keys.get("catch")
    if isinstance(catch, list):
        lists += [(arm.get("errors"), ("catch", index, "errors")) for index, arm in enumerate(catch)]
    for found, path in lists:
        if isinstance(found, str):
            yield found, path
        elif isinstance(found, list):
            yield from ((type, (*path, index)) for index, type in enumerate(found))


def _check_type(type: str, file: str, path: Path, known: list[str], findings: Findings) -> None:
    if type in UNCATCHABLE:
        findings.add("WF423", f"no step fails with {quoted(type)}: {UNCATCHABLE[type]}", file, path)
        return
    near = findings.nearest(type, known, EDITS if len(type) >= 8 else 1)
    if near is not None and near.translate(_DIGITS) != type.translate(_DIGITS):
        findings.add("WF423", f"nothing is known to fail with {quoted(type)}", file, path, suggested(near))
