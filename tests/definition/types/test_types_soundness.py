"""What inference promises, on random expressions over random values of random schemas.

Whatever an expression gives is of the type that was inferred for it, and one that is said to fail does fail.
`PERDURE_FUZZ=n` tries as many inputs a test.
"""

from __future__ import annotations

import os
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.definition.types import ANY, Effort, Ground, Inference, Type, describe, from_schema
from perdure.definition.types.lattice import (
    FALSE,
    FRACTION,
    LIST,
    MAPPING,
    NULL,
    TEXT,
    TRUE,
    WHOLE,
    common,
    falsy,
    literal,
    truthy,
    union,
)
from perdure.errors import ExpressionError
from perdure.expressions import compile_expression
from perdure.schemas import check_value

KEYS = ("a", "b", "c")
WORDS = ("", "x", "yes", "12")


class World:
    """An outside world that always says the same."""

    def now(self) -> int:
        return 1_700_000_000_000_000

    def random(self) -> float:
        return 0.25

    def uuid(self) -> str:
        return "6f0c3f5e-0000-4000-8000-000000000000"


class Inputs:
    """Names that are an input of one schema, and nothing else."""

    def __init__(self, schema: Any) -> None:
        self.schema = schema

    def root(self, name: str) -> Type:
        return from_schema(self.schema) if name == "input" else ANY

    def member(self, root: str, key: Any, known: Any) -> None:
        return None


def belongs(value: Any, type: Type) -> bool:
    """Whether a value is of a type."""
    match value:
        case None:
            return bool(type.kinds & NULL)
        case bool():
            return bool(type.kinds & (TRUE if value else FALSE))
        case int():
            return bool(type.kinds & WHOLE)
        case float():
            return bool(type.kinds & (WHOLE if value.is_integer() else FRACTION))
        case str():
            return bool(type.kinds & TEXT) and (type.texts is None or value in type.texts)
        case list():
            return bool(type.kinds & LIST) and (type.items is None or all(belongs(item, type.items) for item in value))
    fields = type.fields
    if not type.kinds & MAPPING or fields is None:
        return bool(type.kinds & MAPPING)
    if any(found.required and name not in value for name, found in fields.named.items()):
        return False
    return all(
        belongs(part, fields.named[key].type if key in fields.named else fields.rest) for key, part in value.items()
    )


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from((0.5, 1.0, -2.5)), st.sampled_from(WORDS)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner)),
    max_leaves=6,
)
PLAIN = st.sampled_from(
    [{"type": name} for name in ("null", "boolean", "integer", "number", "string", "array", "object")]
    + [{}, True, {"enum": ["x", "yes"]}, {"const": 3}, {"type": ["string", "null"]}, {"enum": [None, 1, "x"]}]
    + [{"type": "string", "minLength": 1}, {"$ref": "#/$defs/shared"}, {"not": {"type": "string"}}]
)


def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)},
        optional={
            "required": st.lists(st.sampled_from(KEYS), max_size=2, unique=True),
            "additionalProperties": st.one_of(st.booleans(), inner),
        },
    )
    untyped = st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from(KEYS), inner, max_size=2)})
    lists = st.fixed_dictionaries({"type": st.just("array"), "items": inner})
    several = st.lists(inner, min_size=1, max_size=2)
    combined = st.one_of(
        several.map(lambda parts: {"anyOf": parts}),
        several.map(lambda parts: {"oneOf": parts}),
        several.map(lambda parts: {"allOf": parts}),
    )
    return st.one_of(objects, objects, lists, untyped, combined)


SCHEMAS = st.recursive(PLAIN, deeper, max_leaves=5)


@st.composite
def fitting(draw: Any) -> tuple[Any, Any]:
    """A schema of an input, and a value that fits it."""
    properties = draw(st.dictionaries(st.sampled_from(KEYS), SCHEMAS, min_size=1, max_size=3))
    schema = {
        "$defs": {"shared": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}},
        "type": "object",
        "properties": properties,
        "required": draw(st.lists(st.sampled_from(sorted(properties)), max_size=2, unique=True)),
        "additionalProperties": draw(st.booleans()),
    }
    for _ in range(4):
        value = {key: draw(shaped(part)) for key, part in properties.items()}
        if not check_value(schema, value):
            return schema, value
    value = draw(st.dictionaries(st.sampled_from(KEYS), VALUES))
    return (schema, value) if not check_value(schema, value) else ({"type": "object"}, value)


def shaped(schema: Any) -> st.SearchStrategy[Any]:
    """Values that most often fit a schema."""
    if not isinstance(schema, dict):
        return VALUES
    if "properties" in schema:
        return st.fixed_dictionaries({}, optional={key: shaped(part) for key, part in schema["properties"].items()})
    if "items" in schema:
        return st.lists(shaped(schema["items"]), max_size=2)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return shaped(schema[word][0])
    named = {
        "null": st.none(), "boolean": st.booleans(), "integer": st.integers(-3, 3), "string": st.sampled_from(WORDS),
        "number": st.sampled_from((0.5, 1.0, 2)), "array": st.lists(VALUES, max_size=2),
        "object": st.dictionaries(st.sampled_from(KEYS), VALUES),
    }  # fmt: skip
    if isinstance(schema.get("type"), str):
        return named[schema["type"]]
    if "$ref" in schema:
        return st.integers(-3, 3).map(lambda number: {"a": number})
    return (
        st.sampled_from(schema["enum"])
        if "enum" in schema
        else st.just(schema["const"])
        if "const" in schema
        else VALUES
    )


PATHS = st.lists(st.sampled_from((".a", ".b", ".c", "[0]", "[-1]", '["a"]')), max_size=3).map(
    lambda keys: "input" + "".join(keys)
)
LITERALS = st.sampled_from(
    ("1", "0", "2.5", "'x'", "''", "true", "false", "none", "[]", "[1, 2]", "['x', 'yes']", "{'a': 1}")
)
OPERATORS = ("+", "-", "*", "/", "//", "%", "==", "!=", "<", ">=", "in", "not in", "and", "or", "~")
FILTERS = (
    "length", "upper", "first", "last", "list", "keys", "values", "items", "sum", "int", "int(none)", "float('x')",
    "round", "round(1)", "abs", "string", "tojson", "join('-')", "sort", "unique", "reverse", "min", "max", "trim",
    "default(1)", "default('x', true)", "default([])", "map('upper')", "map(attribute='a')",
    "map(attribute='a.b', default=none)", "select", "reject", "selectattr('a')", "select('string')", "split",
    "split(',')",
    "sum(start=1)", "max(attribute='a')", "replace('x', 'y')", "map('length')", "isotime",
    "selectattr('a', 'defined')",
)  # fmt: skip
TESTS = (
    "none", "defined", "undefined", "string", "mapping", "sequence", "number", "integer", "float", "true", "false",
    "boolean", "odd", "divisibleby(2)", "in([1, 'x'])", "eq(1)", "lt(2)",
)  # fmt: skip


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(OPERATORS), inner).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"),
        st.tuples(inner, st.sampled_from(FILTERS)).map(lambda parts: f"({parts[0]} | {parts[1]})"),
        st.tuples(inner, st.sampled_from(TESTS)).map(lambda parts: f"({parts[0]} is {parts[1]})"),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
        inner.map(lambda part: f"(not {part})"),
        inner.map(lambda part: f"(- {part})"),
        inner.map(lambda part: f"{part}.a"),
        inner.map(lambda part: f"{part}[:1]"),
        st.tuples(inner, inner).map(lambda parts: f"{parts[0]}[{parts[1]}]"),
        st.tuples(inner, inner).map(lambda parts: f"[{parts[0]}, {parts[1]}]"),
        inner.map(lambda part: f"{{'a': {part}}}"),
        st.sampled_from(("range(input.a)", "now()", "random()", "duration(input.b)")),
    )


EXAMPLES: Final = int(os.environ.get("PERDURE_FUZZ", "300"))

EXPRESSIONS = st.recursive(st.one_of(PATHS, PATHS, LITERALS), nested, max_leaves=5)


@given(fitting(), EXPRESSIONS)
@settings(max_examples=2 * EXAMPLES, deadline=None)
def test_what_an_expression_gives_is_of_its_type_and_what_is_said_to_fail_fails(fitted, text):
    schema, value = fitted
    try:
        expression = compile_expression(text)
    except ExpressionError:
        return
    inference = Inference(Inputs(schema), Ground(), Effort())
    type = inference.type(expression.tree)
    try:
        result = expression.evaluate({"input": value}, World())
    except ExpressionError:
        return
    assert belongs(result, type), f"{result!r} is not {describe(type)}"
    assert not [fault.message for fault in inference.faults if fault.sure]


@given(fitting())
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_value_that_fits_a_schema_is_of_its_type(fitted):
    schema, value = fitted
    assert belongs(value, from_schema(schema)), describe(from_schema(schema))


@given(VALUES, SCHEMAS, SCHEMAS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_unions_and_what_types_have_in_common_lose_no_value(value, one, other):
    left, right = from_schema(one), from_schema(other)
    if belongs(value, left):
        assert belongs(value, union(left, right))
        assert belongs(value, union(right, left))
        assert belongs(value, truthy(left) if value else falsy(left))
        if belongs(value, right):
            assert belongs(value, common(left, right))
    assert belongs(value, literal(value))
