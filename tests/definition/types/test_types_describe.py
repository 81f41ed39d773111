"""Types as people see them."""

from __future__ import annotations

import pytest

from perdure.definition.types import ANY, NEVER, describe, from_schema

OBJECT = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "price": {"type": "number"}, "tags": {"type": "array", "items": {}}},
    "required": ["id", "price"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        ({}, "any"),
        (False, "never"),
        (OBJECT, "{id: string, price: number, tags?: [any]}"),
        ({"type": ["string", "null"]}, "string | null"),
        ({"enum": ["b", "a"]}, '"a" | "b"'),
        ({"anyOf": [{"type": "integer"}, {"const": True}]}, "integer | true"),
        ({"type": "object", "properties": {"a": {"type": "boolean"}}}, "{a?: boolean, …}"),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "array", "items": {"$ref": "#/$defs/n"}}}}, "[any]"),
    ],
)
def test_a_schema_is_shown_in_a_line(schema, shown):
    assert describe(from_schema(schema)) == shown


def test_nothing_and_anything_have_names():
    assert (describe(ANY), describe(NEVER)) == ("any", "never")
