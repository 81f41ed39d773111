"""The schema of a definition with the activities that are installed: their names, and the arguments of each.

For editors: names and arguments complete, and hovering shows what an activity does. A template may stand wherever a
value may. Knows the schema of `schema` by the two definitions it adds to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from perdure.definition.schema import workflow_schema

TEMPLATE: Final = "#/$defs/template"

_ONE: Final = ("items", "additionalProperties")
_MANY: Final = ("anyOf", "allOf", "oneOf", "prefixItems")
_NAMED: Final = ("properties", "patternProperties", "$defs", "definitions")
_DROPPED: Final = frozenset(
    ("not", "if", "then", "else", "contains", "minContains", "maxContains", "dependentSchemas", "uniqueItems", "$id",
     "$schema", "$anchor", "unevaluatedProperties", "unevaluatedItems")
)  # fmt: skip
"""Keywords that mean something else once templates are let in, or that only work at the top of a schema."""


def schema_with_activities(catalogue: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The schema of definitions that call these activities and no others."""
    schema = workflow_schema()
    definitions = schema["$defs"]
    call = definitions["step.activity"]
    about = call["properties"]["activity"]["description"]
    call["properties"]["activity"] = {"description": about, "enum": sorted(catalogue)}
    call["allOf"] = [_call(name, catalogue[name]) for name in sorted(catalogue)]
    definitions["template"] = {"type": "string", "pattern": r"\{\{"}
    for name, entry in catalogue.items():
        definitions[_key(name)] = with_templates(entry.get("arguments") or {}, f"#/$defs/{_key(name)}")
    schema["$defs"] = dict(sorted(definitions.items()))
    return schema


def _call(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """What holds for the calls of one activity."""
    shown: dict[str, Any] = {"description": str(entry.get("summary") or name)}
    if entry.get("deprecated") is not None:
        shown |= {"deprecated": True, "description": f"deprecated: {entry['deprecated']}. {shown['description']}"}
    then: dict[str, Any] = {"properties": {"activity": shown, "with": {"$ref": f"#/$defs/{_key(name)}"}}}
    if (entry.get("arguments") or {}).get("required"):
        then["required"] = ["with"]
    return {"if": {"properties": {"activity": {"const": name}}, "required": ["activity"]}, "then": then}


def _key(name: str) -> str:
    return f"call.{name}"


def _value(schema: Any, root: str) -> Any:
    """A schema that also takes a template; what an editor shows stays outside."""
    if not isinstance(schema, dict):
        return schema
    opened = with_templates(schema, root)
    shown = {key: opened.pop(key) for key in ("title", "description", "default", "deprecated") if key in opened}
    return {**shown, "anyOf": [opened, {"$ref": TEMPLATE}]} if opened else shown


def with_templates(schema: Any, root: str) -> Any:
    """A schema whose inner values may be templates, with its own references led to `root`, where it will stand."""
    if not isinstance(schema, dict):
        return schema
    opened: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _DROPPED:
            continue
        if key == "$ref":
            opened[key] = _led(value, root)
        elif key in _NAMED and isinstance(value, dict):
            opened[key] = {name: _value(part, root) for name, part in value.items()}
        elif key in _MANY and isinstance(value, list):
            several = [_value(part, root) for part in value]
            if key == "prefixItems":
                opened[key] = several
            else:  # a template fits each part of a oneOf
                opened.setdefault("allOf", []).extend(several if key == "allOf" else [{"anyOf": several}])
        else:
            opened[key] = _value(value, root) if key in _ONE else value
    return opened


def _led(reference: str, root: str) -> str:
    return f"{root}{reference[1:]}" if reference.startswith("#") else reference
