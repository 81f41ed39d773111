"""A generated value fits its schema, and is the same each time; where none can be made, the test has to say one."""

from __future__ import annotations

import pytest

from perdure.schemas import check_value
from perdure.testing.declared.generate import FORMATS, NotGenerated, generate


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({}, None),
        ({"type": "string"}, "text"),
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "integer"}, 0),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "number", "exclusiveMinimum": 0}, 1),
        ({"type": "integer", "maximum": -3}, -4),
        ({"type": "integer", "minimum": 4, "multipleOf": 3}, 6),
        ({"type": "boolean"}, False),
        ({"type": "null"}, None),
        ({"type": ["null", "string"]}, "text"),
        ({"type": "array", "items": {"type": "integer"}}, []),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [0, 0]),
        ({"type": "array", "prefixItems": [{"const": 1}, {"type": "string"}]}, [1, "text"]),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "b"]}, {"a": "text", "b": None}),
        ({"properties": {"a": {"const": 3}}}, {"a": 3}),
        ({"const": [1]}, [1]),
        ({"enum": ["b", "a"]}, "b"),
        ({"type": "integer", "default": 7}, 7),
        ({"type": "integer", "examples": [8]}, 8),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text"),
        ({"allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "integer"}}}]},
         {"a": "text", "b": 0}),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"type": "integer"}}}, 0),
        ({"type": "object", "properties": {"next": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}}}, {"next": None}),
    ],
)  # fmt: skip
def test_a_value_fits_its_schema(schema, value):
    assert generate(schema) == value
    assert check_value(schema, value) == []


@pytest.mark.parametrize("format", FORMATS)
def test_a_format_is_kept(format):
    assert check_value({"type": "string", "format": format}, generate({"type": "string", "format": format})) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^[0-9]{5}$"},
        {"not": {}},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"type": "array", "minItems": 200, "items": {"type": "integer"}},
    ],
)
def test_a_value_that_cannot_be_made_is_asked_for(schema):
    with pytest.raises(NotGenerated):
        generate(schema)
