"""A value that fits a JSON Schema: what an activity without a mock returns where a test asks for generated results.

The same schema always gives the same value, the plainest there is. Knows nothing of activities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from perdure.schemas import check_value
from perdure.values import DEEPEST, JSON

FORMATS: Final[Mapping[str, str]] = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "duration": "PT1S",
    "email": "someone@example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com/",
    "regex": ".",
}


class NotGenerated(ValueError):
    """No value could be made that fits the schema; the test has to say one."""


def generate(schema: JSON) -> JSON:
    """The plainest value that fits a schema. Raises NotGenerated."""
    value = _made(schema, schema, 0)
    problems = check_value(schema, value)
    if problems:
        raise NotGenerated(f"no value could be made for its schema: {problems[0]}")
    return value


def _made(schema: JSON, whole: JSON, depth: int) -> JSON:
    if not isinstance(schema, dict) or depth > DEEPEST:
        return None
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("enum", "examples"):
        if schema.get(key):
            return schema[key][0]
    merged = _merged(schema, whole)
    if merged is not schema:
        return _made(merged, whole, depth + 1)
    return _of_type(schema, whole, depth)


def _merged(schema: dict[str, Any], whole: JSON) -> dict[str, Any]:
    """A schema with what it refers to put in place, and of alternatives the first."""
    rest = {key: value for key, value in schema.items() if key not in ("$ref", "allOf", "anyOf", "oneOf")}
    parts = [*schema.get("allOf", ()), *schema.get("anyOf", ())[:1], *schema.get("oneOf", ())[:1]]
    if isinstance(schema.get("$ref"), str):
        parts.append(_referred(whole, schema["$ref"]))
    if not parts:
        return schema
    for part in parts:
        if isinstance(part, dict):
            properties = {**rest.get("properties", {}), **part.get("properties", {})}
            required = [*rest.get("required", ()), *part.get("required", ())]
            rest = {**part, **rest}
            if properties:
                rest["properties"], rest["required"] = properties, required
    return rest


def _referred(whole: JSON, pointer: str) -> JSON:
    found = whole
    for token in pointer.removeprefix("#").split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        found = found.get(token) if isinstance(found, dict) else None
    return found


def _of_type(schema: dict[str, Any], whole: JSON, depth: int) -> JSON:
    type = schema.get("type")
    if isinstance(type, list):
        type = next((one for one in type if one != "null"), "null")
    if type is None:
        type = next((found for key, found in _TELLING.items() if key in schema), "null")
    maker = _MAKERS.get(type)
    return None if maker is None else maker(schema, whole, depth)


def _text(schema: dict[str, Any], whole: JSON, depth: int) -> str:
    text = FORMATS.get(schema.get("format", ""), "text")
    return text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength", len(text) + 1_000)]


def _number(schema: dict[str, Any], whole: JSON, depth: int) -> float:
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    if least is not None:
        value = least + (1 if "exclusiveMinimum" in schema else 0)
    else:
        value = min(0, most - 1) if most is not None else 0
    step = schema.get("multipleOf")
    if step:
        value = -(-value // step) * step
    return int(value) if schema.get("type") == "integer" or float(value).is_integer() else value


def _list(schema: dict[str, Any], whole: JSON, depth: int) -> list[JSON]:
    first = [_made(item, whole, depth + 1) for item in schema.get("prefixItems", ())]
    missing = min(schema.get("minItems", 0), 100) - len(first)
    return [*first, *(_made(schema.get("items"), whole, depth + 1) for _ in range(missing))]


def _mapping(schema: dict[str, Any], whole: JSON, depth: int) -> dict[str, JSON]:
    properties = schema.get("properties", {})
    required = schema.get("required", ())
    wanted = properties if depth < 5 else {key: value for key, value in properties.items() if key in required}
    found = {key: _made(value, whole, depth + 1) for key, value in wanted.items()}
    return {**found, **{key: None for key in required if key not in found}}


_TELLING: Final = {
    "properties": "object", "required": "object", "items": "array", "prefixItems": "array",
    "minLength": "string", "pattern": "string", "format": "string", "minimum": "number", "maximum": "number",
}  # fmt: skip
_MAKERS: Final[Mapping[str, Callable[[dict[str, Any], JSON, int], JSON]]] = {
    "string": _text,
    "number": _number,
    "integer": _number,
    "boolean": lambda schema, whole, depth: False,
    "array": _list,
    "object": _mapping,
}
