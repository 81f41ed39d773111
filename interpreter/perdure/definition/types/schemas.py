"""JSON Schema to types: what a schema says about a value, as far as a type can say it.

Total and always a superset: keywords that only take values away, such as `not` or `minimum`, are left out. Knows
nothing of where a schema comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from perdure.definition.types.lattice import (
    ANY,
    BOOLEAN,
    EVERY,
    LIST,
    MAPPING,
    MOST_PARTS,
    NEVER,
    NULL,
    NUMBER,
    TEXT,
    TOLD,
    WHOLE,
    Field,
    Fields,
    Type,
    common,
    literal,
    only,
    union,
)
from perdure.values import JSON

_KINDS: Final[Mapping[str, int]] = {
    "null": NULL | TOLD, "boolean": BOOLEAN, "integer": WHOLE, "number": NUMBER, "string": TEXT, "array": LIST,
    "object": MAPPING,
}  # fmt: skip

_OPENING: Final = frozenset(("patternProperties", "unevaluatedProperties", "propertyNames", "dependentSchemas",
                             "if", "not", "$dynamicRef"))  # fmt: skip
"""Keywords beside which `properties` may not be all that is meant to be read."""

MOST_NAMES: Final = 200
"""Fields of one schema that are told apart."""


_COERCED: Final[Mapping[str, int]] = {"boolean": BOOLEAN | NUMBER | TEXT, "integer": BOOLEAN | NUMBER | TEXT,
                                      "number": BOOLEAN | NUMBER | TEXT}  # fmt: skip
"""What activities make of other scalars: the number of a text, the truth of a number."""


def from_schema(schema: JSON, root: JSON = None, *, coerced: bool = False) -> Type:
    """The type of the values that fit a schema, a part of `root` perhaps; `coerced` with those that an activity would
    make fit."""
    return _Reading(schema if root is None else root, coerced).type(schema, 0)


class _Reading:
    """One schema and the references within it; what refers to itself is anything, one turn further in."""

    def __init__(self, root: JSON, coerced: bool) -> None:
        self.root = root
        self.coerced = coerced
        self.parts = 0
        self.following: set[str] = set()

    def type(self, schema: JSON, depth: int) -> Type:
        self.parts += 1
        if schema is False:
            return NEVER
        if not isinstance(schema, dict) or not schema or self.parts > MOST_PARTS or depth > 20:
            return ANY
        found = self._own(schema, depth)
        for alternatives in (schema.get("anyOf"), schema.get("oneOf")):
            if isinstance(alternatives, list) and alternatives:
                found = common(found, union(*(self.type(part, depth + 1) for part in alternatives)))
        for part in schema.get("allOf") or ():
            found = common(found, self.type(part, depth + 1))
        if isinstance(schema.get("$ref"), str):
            found = common(found, self._referred(schema["$ref"], depth))
        return found

    def _own(self, schema: dict[str, JSON], depth: int) -> Type:
        """What the keywords say that look at the value alone."""
        found = ANY
        if isinstance(schema.get("enum"), list):
            found = union(*map(literal, schema["enum"][:MOST_PARTS])) if len(schema["enum"]) <= MOST_PARTS else ANY
        if "const" in schema:
            found = common(found, literal(schema["const"]))
        parts = self._parts(schema, depth)
        found = parts if found is ANY else common(found, parts)
        wanted = schema.get("type")
        if wanted is None:
            return found
        names = wanted if isinstance(wanted, list) else [wanted]
        kinds = 0
        for name in names:
            kinds |= self._kinds(name, schema) if isinstance(name, str) else 0
        found = only(found, kinds)
        return Type(
            found.kinds | (kinds & TOLD if found.kinds & NULL else 0),
            found.texts,
            found.items,
            found.fields,
            found.size,
        )

    def _kinds(self, name: str, schema: dict[str, JSON]) -> int:
        kinds = _KINDS.get(name, 0)
        if self.coerced and "enum" not in schema and "const" not in schema:
            kinds |= _COERCED.get(name, NUMBER if name == "string" and "format" in schema else 0)
        return kinds

    def _parts(self, schema: dict[str, JSON], depth: int) -> Type:
        items, fields = None, None
        if "items" in schema or "prefixItems" in schema:
            heads = [self.type(part, depth + 1) for part in schema.get("prefixItems") or ()]
            items = union(*heads, self.type(schema.get("items", True), depth + 1))
        if any(key in schema for key in ("properties", "additionalProperties", "required", "patternProperties")):
            fields = self._fields(schema, depth)
        if items is None and fields is None:
            return ANY
        size = 1 + (0 if items is None else items.size)
        size += 0 if fields is None else sum(found.type.size for found in fields.named.values()) + fields.rest.size
        return Type(EVERY, None, items, fields, size)

    def _fields(self, schema: dict[str, JSON], depth: int) -> Fields | None:
        properties = schema.get("properties") or {}
        required = schema.get("required") or []
        if not isinstance(properties, dict) or not isinstance(required, list) or len(properties) > MOST_NAMES:
            return None
        named = {name: Field(self.type(part, depth + 1), name in required) for name, part in properties.items()}
        rest = (
            ANY if schema.get("patternProperties") else self.type(schema.get("additionalProperties", True), depth + 1)
        )
        for name in required[:MOST_NAMES]:
            if isinstance(name, str) and name not in named:
                named[name] = Field(rest, True)
        listed = bool(properties) and "additionalProperties" not in schema and _OPENING.isdisjoint(schema)
        return Fields(named, rest, listed)

    def _referred(self, target: str, depth: int) -> Type:
        if target in self.following:
            return ANY
        self.following.add(target)
        try:
            return self.type(pointed(self.root, target), depth + 1)
        finally:
            self.following.discard(target)


def pointed(root: JSON, target: str) -> JSON:
    """The part of a schema that a reference names, one that allows anything where there is none."""
    if not target.startswith("#/"):
        return root if target == "#" else {}
    part = root
    for token in target[2:].split("/"):
        name = token.replace("~1", "/").replace("~0", "~")
        if not isinstance(part, dict) or name not in part:
            return {}
        part = part[name]
    return part
