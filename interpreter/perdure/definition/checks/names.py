"""Every expression of every space: compiled, and each name it reads looked up where it stands.

Goes through the places of `written`, hands texts to `texts`, names to `references`, types to `types` and constant
conditions to `conditions`. Settings in `defaults` are looked at where they apply: in the scope of each step they hold
for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from perdure.definition.checks.conditions import check_collection, check_condition
from perdure.definition.checks.constants import Constants
from perdure.definition.checks.findings import Findings
from perdure.definition.checks.references import Lookup, Reading
from perdure.definition.checks.spaces import Placed, Spaces
from perdure.definition.checks.texts import Read, read_expression, read_templates, refuse
from perdure.definition.checks.types import Types
from perdure.definition.checks.typing import Typing
from perdure.definition.checks.unused import Reads
from perdure.definition.checks.written import Written, policies, written
from perdure.definition.defaults import with_defaults
from perdure.definition.models import Path
from perdure.errors import ExpressionError
from perdure.values import JSON


def check_names(spaces: Spaces, typing: Typing, constants: Constants, findings: Findings) -> tuple[Types, Reads]:
    """Expressions that do not compile, and names that mean nothing where they stand; what each text gives, and what
    is read."""
    lookup, types = Lookup(variables(spaces), findings), Types(typing, constants, findings)
    for space in spaces.all:
        for placed in space.placed:
            for place in written(placed):
                _check(placed, place, lookup, types, constants, findings)
    _check_defaults(spaces, lookup, types, findings)
    return types, lookup.reads


def variables(spaces: Spaces) -> set[str]:
    """The names that `vars` and `set` give a value anywhere; variables are run-wide."""
    found = set(spaces.main.keys.get("vars") or ())
    for space in spaces.all:
        for placed in space.steps():
            if placed.step.kind == "set":
                found.update(placed.step.keys["set"])
    return found


def _check(
    placed: Placed, place: Written, lookup: Lookup, types: Types, constants: Constants, findings: Findings
) -> None:
    file, path = placed.space.file, (*placed.path, *place.path)
    for at, text, start, expression in _read(place, file, path, constants, findings):
        reading = Reading(placed, place.slot, place.names, at, text, start)
        lookup.check(expression.references, reading)
        lookup.check_handed_on(expression, reading)
        types.check(expression, reading, place)


def _read(place: Written, file: str, path: Path, constants: Constants, findings: Findings) -> Iterator[Read]:
    """The expressions of a place; a bare one counts from the start of its text."""
    value = place.value
    if place.form == "template":
        for read in read_templates(value, file, path, findings):
            yield read
            _, error = constants.value(read[3])
            if error is not None:
                refuse(error, read[1], read[2], file, read[0], findings, "WF314")
        return
    known: tuple[JSON, ExpressionError | None] = (value, None)
    if isinstance(value, str):
        expression = read_expression(value, file, path, findings)
        if expression is None:
            return
        yield path, value, 0, expression
        known = constants.value(expression)
    if place.form == "condition":
        check_condition(*known, place.path, file, path, findings)
    elif place.form == "collection":
        check_collection(*known, not isinstance(value, str), file, path, findings)


def _check_defaults(spaces: Spaces, lookup: Lookup, types: Types, findings: Findings) -> None:
    defaults: Mapping[str, Mapping[str, JSON]] = spaces.main.keys.get("defaults") or {}
    file = spaces.main.file
    compiled: dict[str, list[tuple[str, Read]]] = {}
    for pattern, keys in defaults.items():
        compiled[pattern] = []
        for _, value, path in policies(keys):
            at = ("defaults", pattern, *path)
            found = read_templates(value, file, at, findings)
            compiled[pattern].extend((str(path[0]), read) for read in found)
    if not any(compiled.values()):
        return
    chosen = {pattern: {"pattern": pattern} for pattern in defaults}
    for space in spaces.all:
        for placed in (placed for placed in space.steps() if placed.step.kind == "activity"):
            pattern = with_defaults(placed.step, chosen).get("pattern", "")
            for key, (at, text, start, expression) in compiled.get(pattern, ()):
                if key not in placed.step.keys:
                    reading = Reading(placed, "before", placed.names, at, text, start, file)
                    lookup.check(expression.references, reading)
                    types.check(expression, reading, None)
