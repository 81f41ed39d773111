"""Following a path of keys through a JSON Schema, as far as the schema is plain enough to be sure.

Sure are objects with `properties`, lists with `items`, and references within the schema. Everything that combines
schemas ends the search: nothing is said there. Knows no expressions.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from perdure.values import JSON

MOST_REFERENCES: Final = 20
"""References followed one behind the other, against those that run in circles."""

_COMBINING: Final = frozenset((
    "$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "patternProperties",
    "dependentSchemas", "unevaluatedProperties", "propertyNames",
))  # fmt: skip
"""Keywords beside which `properties` may not be all there is."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The key at `index` of a path is none of the `known` ones; `certain` when the schema allows no other."""

    index: int
    known: Collection[str]
    certain: bool


def find_unknown(schema: JSON, path: Sequence[str | int]) -> Unknown | None:
    """The first key of a path that a value of this schema does not have; None where that cannot be said."""
    root = schema
    for index, key in enumerate(path):
        part = resolved(schema, root)
        if isinstance(key, int):
            items = part.get("items")
            if not isinstance(items, dict) or "prefixItems" in part:
                return None
            schema = items
            continue
        properties = part.get("properties")
        if not isinstance(properties, dict):
            return None
        if key not in properties:
            if is_closed(part):
                return Unknown(index, properties.keys(), True)
            if is_open(part):
                return Unknown(index, properties.keys(), False)
            return None
        schema = properties[key]
    return None


def resolved(schema: JSON, root: JSON) -> dict[str, JSON]:
    """The schema behind references within `root`; one that allows anything where there is none."""
    for _ in range(MOST_REFERENCES):
        if not isinstance(schema, dict):
            return {}
        target = schema.get("$ref")
        if not isinstance(target, str) or "properties" in schema:
            return schema
        schema = _pointed(root, target)
    return {}


def is_closed(schema: dict[str, JSON]) -> bool:
    """Whether an object has no keys but its `properties`."""
    return schema.get("additionalProperties") is False and not schema.get("patternProperties")


def is_open(schema: dict[str, JSON]) -> bool:
    """Whether an object's `properties` are all that is told about its keys, though others are not refused."""
    return "additionalProperties" not in schema and _COMBINING.isdisjoint(schema)


def _pointed(root: JSON, target: str) -> JSON:
    if not target.startswith("#/"):
        return root if target == "#" else {}
    part = root
    for token in target[2:].split("/"):
        name = token.replace("~1", "/").replace("~0", "~")
        if not isinstance(part, dict) or name not in part:
            return {}
        part = part[name]
    return part
