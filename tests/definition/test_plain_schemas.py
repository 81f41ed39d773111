"""What is said of schemas and values without jsonschema is what jsonschema says."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.plain_schemas import fits_plainly, is_plainly_valid
from perdure.schemas import _invalid, _validator, check_value, schema_problems
from perdure.values import canonical

_NAMES = ("string", "integer", "number", "boolean", "null", "array", "object")
_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from((0.5, 1.0, -1.5)), st.sampled_from(("", "a", "b"))
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(("a", "b", "c")), inner, max_size=3)
    ),
    max_leaves=6,
)


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    parts = st.dictionaries(st.sampled_from(("a", "b", "c")), inner, max_size=3)
    words: dict[str, st.SearchStrategy[Any]] = {
        "type": st.one_of(st.sampled_from(_NAMES), st.lists(st.sampled_from(_NAMES), max_size=3), st.just("text")),
        "enum": st.one_of(st.lists(_VALUES, max_size=3), _LEAVES),
        "const": _VALUES, "default": _VALUES, "examples": st.one_of(st.lists(_LEAVES), _LEAVES),
        "title": st.sampled_from(("t", 1)), "format": st.sampled_from(("date", None)),
        "deprecated": st.sampled_from((True, "yes")), "uniqueItems": st.sampled_from((True, 1)),
        "properties": st.one_of(parts, _LEAVES),
        "required": st.one_of(st.lists(st.sampled_from(("a", "b", 1)), max_size=3), _LEAVES),
        "items": inner, "additionalProperties": inner,
        "anyOf": st.one_of(st.lists(inner, max_size=2), _LEAVES), "oneOf": st.lists(inner, max_size=2),
        "minimum": _LEAVES, "maxLength": _LEAVES, "minItems": _LEAVES, "not": inner, "prefixItems": st.lists(inner),
    }  # fmt: skip
    return st.one_of(st.fixed_dictionaries({}, optional=words), st.booleans(), _LEAVES)


_ANY_SCHEMA = st.recursive(st.just({}), _schemas, max_leaves=5)


@settings(deadline=None)
@given(_ANY_SCHEMA)
def test_what_is_plainly_valid_is_valid(schema: Any) -> None:
    if is_plainly_valid(schema):
        assert _invalid(canonical(schema)) == ()


@settings(deadline=None)
@given(_ANY_SCHEMA, _VALUES)
def test_what_plainly_fits_fits(schema: Any, value: Any) -> None:
    if fits_plainly(schema, value) and is_plainly_valid(schema):
        assert _validator(canonical(schema)).is_valid(value)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "number"}, 1),
        ({"type": ["string", "null"], "description": "d"}, None),
        ({"enum": ["a", "b"], "type": "string", "default": "a"}, "b"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, None),
        ({"type": "array", "items": {"type": "integer"}}, [1, 2]),
        ({"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False}, {"a": 1}),
    ],
)
def test_ordinary_schemas_and_values_are_plain(schema: Any, value: Any) -> None:
    assert is_plainly_valid(schema)
    assert fits_plainly(schema, value)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, True),
        ({"type": "integer"}, 1.5),
        ({"enum": [1]}, True),
        ({"type": "object", "required": ["a"]}, {}),
        ({"additionalProperties": False, "properties": {"a": {}}}, {"b": 1}),
        ({"properties": {"a": {"type": "string"}}}, {"a": 1}),
        ({"items": {"type": "string"}}, ["x", 1]),
    ],
)
def test_what_does_not_fit_never_fits_plainly(schema: Any, value: Any) -> None:
    assert not fits_plainly(schema, value)
    assert check_value(schema, value)


@pytest.mark.parametrize("schema", [{"type": "text"}, {"required": ["a", "a"]}, {"properties": []}, {"minLength": -1}])
def test_what_is_not_valid_is_never_plainly_valid(schema: Any) -> None:
    assert not is_plainly_valid(schema)
    assert schema_problems(schema)


def test_schemas_that_hold_each_other_are_left_to_jsonschema() -> None:
    schema: dict[str, Any] = {}
    for _ in range(50):
        schema = {"items": schema}
    assert not is_plainly_valid(schema)
    assert schema_problems(schema) == []


def test_a_definition_with_an_ordinary_input_is_checked_without_jsonschema() -> None:
    code = (
        "import sys; from perdure.definition import examine;"
        "text = 'workflow: w\\ninput: {required: [a], properties: {a: {type: string}}}\\nsteps: [{id: s, wait: 1s}]';"
        "found = examine(text + '\\n');"
        "print(found.diagnostics, [name for name in ('jsonschema', 'perdure.program.nodes') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[] []\n"
