"""The arguments of a call against the JSON Schema of what is called: literal ones by value, templates by type.

The parts of a mapping or list are looked at one by one where the schema is plain enough. Knows neither activities nor
fragments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from perdure.definition.checks.findings import Findings
from perdure.definition.checks.types import Types
from perdure.definition.diagnostics import quoted
from perdure.definition.models import Path
from perdure.definition.rules import Severity
from perdure.definition.types import from_schema
from perdure.definition.types.fitting import misfit
from perdure.definition.types.schemas import pointed
from perdure.plain_schemas import fits_plainly
from perdure.record import record
from perdure.schemas import check_value
from perdure.values import JSON

_DEFINITIONS: Final = ("$defs", "definitions")

MOST_REFERENCES: Final = 20
"""References followed one behind the other, against those that run in circles."""

_COMBINING: Final = frozenset((
    "$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "patternProperties",
    "dependentSchemas", "unevaluatedProperties", "propertyNames",
))  # fmt: skip
"""Keywords beside which `properties` may not be all there is."""


@record
class Call:
    """What is called: its name for messages, the schema of its arguments, and the codes of what can be wrong; `under`
    is the key that holds the arguments, `coerces` says that texts are read as numbers where these are wanted."""

    callee: str
    schema: JSON
    unknown: str
    missing: str
    wrong: str
    under: str = "with"
    coerces: bool = False


def check_arguments(call: Call, given: JSON, file: str, step: Path, key: str, types: Types, findings: Findings) -> None:
    """The arguments of the step at a path; what is missing is told at the step's `key`."""
    if not isinstance(given, dict):
        return
    schema = resolved(call.schema, call.schema)
    properties = schema.get("properties") or {}
    slips = _slips(given, properties, findings) if is_closed(schema) else ()
    for name in schema.get("required") or ():
        if name not in given and name not in slips:
            message = f"{call.callee} needs {quoted(name)}"
            near = findings.nearest(name, [word for word in given if word not in properties])
            hint = f"it is given {quoted(near)}" if near else f"add {name} to `{call.under}:`"
            findings.add(call.missing, message, file, (*step, key), hint)
    for name, value in given.items():
        path = (*step, call.under, name)
        if name in properties:
            _check(call, properties[name], name, value, file, path, types, findings)
        elif is_closed(schema) or (properties and is_open(schema)):
            _report_unknown(call, name, properties, is_closed(schema), file, path, findings)


def _slips(given: Mapping[str, JSON], properties: Mapping[str, JSON], findings: Findings) -> set[str | None]:
    """The arguments that unknown ones are told to be meant as: that they are missing is the same problem."""
    return {findings.nearest(word, properties.keys()) for word in given if word not in properties}


def is_literal(value: JSON) -> bool:
    """Whether a value holds no templates."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            if "{{" in part:
                return False
        elif isinstance(part, dict | list):
            waiting.extend(part.values() if isinstance(part, dict) else part)
    return True


def _report_unknown(
    call: Call, name: str, known: Mapping[str, JSON], certain: bool, file: str, path: Path, findings: Findings
) -> None:
    hint = findings.suggestion(name, known.keys())
    if hint is None:
        hint = f"it takes {', '.join([*known][:8])}" if known else "it takes none"
    message = f"{call.callee} takes no {quoted(name)}"
    severity: Severity | None = None if certain else "warning"
    findings.add(call.unknown, message, file, path, hint, key=True, severity=severity)


def _check(
    call: Call, schema: JSON, name: str, value: JSON, file: str, path: Path, types: Types, findings: Findings
) -> None:
    """One argument: its literal parts, from the inside, so that a problem is told at the part that has it."""
    before = len(findings.found)
    waiting = [(schema, value, path)]
    while waiting:
        wanted, part, at = waiting.pop()
        plain = resolved(wanted, call.schema)
        inner = _parts(plain, part, at)
        if inner:
            waiting.extend(inner)
            if not isinstance(part, dict):
                continue
            missing = [key for key in plain.get("required") or () if key not in part]
            for key in missing:
                findings.add(call.wrong, f"{quoted(name)}: {quoted(key)} is missing", file, at)
            if is_closed(plain):
                for key in part.keys() - plain["properties"].keys():
                    message = f"{quoted(name)}: there is no {quoted(key)}"
                    hint = findings.suggestion(key, plain["properties"].keys())
                    findings.add(call.wrong, message, file, (*at, key), hint, key=True)
        elif is_literal(part):
            _check_literal(call, wanted, name, part, file, at, findings)
        elif isinstance(part, str):
            _check_type(call, wanted, name, file, at, types, findings)
    if len(findings.found) == before and isinstance(value, dict | list) and is_literal(value):
        _check_literal(call, schema, name, value, file, path, findings)


def _check_literal(call: Call, schema: JSON, name: str, value: JSON, file: str, path: Path, findings: Findings) -> None:
    if fits_plainly(schema, value):
        return
    alone = _with_definitions(schema, call.schema)
    for problem in check_value(alone, value) if _stands_alone(alone) else ():
        findings.add(call.wrong, f"{quoted(name)}: {problem}", file, path)


def _check_type(call: Call, schema: JSON, name: str, file: str, path: Path, types: Types, findings: Findings) -> None:
    """What a template gives, by its type."""
    given = types.given(file, path)
    if given is None:
        return
    found = misfit(given.type, from_schema(schema, call.schema))
    if found is None:
        return
    if found.only_null:
        code = "WF318" if given.doubt is None else "WF317"
        why = "may be null" if given.doubt is None else f"is null {given.doubt}"
        findings.add(code, f"{quoted(name)} takes no null, and this {why}", file, path, severity="warning")
        return
    severity: Severity | None = None
    if call.coerces:
        coerced = misfit(given.type, from_schema(schema, call.schema, coerced=True))
        severity = "warning" if coerced is None or coerced.only_null else None
    findings.add(call.wrong, f"{quoted(name)} {found.reason}", file, path, severity=severity)


def _parts(schema: dict[str, JSON], value: JSON, path: Path) -> list[tuple[JSON, JSON, Path]]:
    """The parts of a mapping or list with their schemas, where these are plain; else none."""
    if isinstance(value, dict) and schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        properties = schema["properties"]
        return [(properties.get(key, True), part, (*path, key)) for key, part in value.items()]
    items = isinstance(schema.get("items"), dict) and "prefixItems" not in schema
    if isinstance(value, list) and schema.get("type") == "array" and items:
        return [(schema["items"], part, (*path, index)) for index, part in enumerate(value)]
    return []


def _with_definitions(schema: JSON, root: JSON) -> JSON:
    """A part of a schema that can be applied alone: with what its references may point at."""
    if not isinstance(schema, dict) or not isinstance(root, dict) or schema is root:
        return schema
    return {**{key: root[key] for key in _DEFINITIONS if key in root}, **schema}


def _stands_alone(schema: JSON) -> bool:
    """Whether all references of a part lead to definitions; others would lead elsewhere than in the whole schema."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            target = part.get("$ref", "#/$defs/")
            if not isinstance(target, str) or not target.startswith(tuple(f"#/{name}/" for name in _DEFINITIONS)):
                return False
        if isinstance(part, dict | list):
            waiting.extend(part.values() if isinstance(part, dict) else part)
    return True


def resolved(schema: JSON, root: JSON) -> dict[str, JSON]:
    """The schema behind references within `root`; one that allows anything where there is none."""
    for _ in range(MOST_REFERENCES):
        if not isinstance(schema, dict):
            return {}
        target = schema.get("$ref")
        if not isinstance(target, str) or "properties" in schema:
            return schema
        schema = pointed(root, target)
    return {}


def is_closed(schema: dict[str, JSON]) -> bool:
    """Whether an object has no keys but its `properties`."""
    return schema.get("additionalProperties") is False and not schema.get("patternProperties")


def is_open(schema: dict[str, JSON]) -> bool:
    """Whether an object's `properties` are all that is told about its keys, though others are not refused."""
    return "additionalProperties" not in schema and _COMBINING.isdisjoint(schema)
