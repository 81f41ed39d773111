"""Values against JSON Schema, and schemas against theirs."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.schemas import check_value, schema_problems

ORDER = {
    "type": "object",
    "required": ["card"],
    "properties": {
        "card": {"type": "string", "maxLength": 20},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        "to": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["street"]}]},
    },
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ({"card": "4000"}, []),
        ({"card": 12}, ['card: 12 is not of type "string"']),
        ({}, ["'card' is a required property"]),
        ([], ['[] is not of type "object"']),
        ({"card": "1", "lines": [{}, {"n": "x"}]}, ['lines[1].n: "x" is not of type "integer"']),
        ({"card": "1", "to": {}}, ["to: 'street' is a required property"]),
        ({"card": "x" * 500}, ["card: the value is too long"]),
        ({"card": True, "more": 1}, ["Additional properties are not allowed ('more' was unexpected)",
                                     'card: true is not of type "string"']),
    ],
)  # fmt: skip
def test_problems_are_told_with_their_place(value: Any, problems: list[str]) -> None:
    assert sorted(check_value(ORDER, value)) == problems


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        ({"enum": ["yes", "no", None]}, True, 'true is not one of "yes", "no", null'),
        ({"const": None}, {"a": False}, "null was expected"),
        ({"type": ["string", "null"]}, {"a": None}, '{"a": null} is not of type "string", "null"'),
        ({"minItems": 3}, [None, True], "[null, true] is too short"),
        ({"type": "string"}, {"k": "s" * 90}, 'the value is not of type "string"'),
    ],
)
def test_values_in_problems_are_written_as_json(schema: Any, value: Any, problem: str) -> None:
    assert check_value(schema, value) == [problem]


def test_at_most_ten_problems_are_told_and_none_is_long() -> None:
    problems = check_value({"items": {"enum": ["y" * 300]}}, ["x" * 300] * 50)
    assert len(problems) == 10
    assert all(len(problem) <= 200 and "xxx" not in problem for problem in problems)


@pytest.mark.parametrize("key", ["k" * 500, "it's " * 100, 'say "' * 100])
def test_long_keys_are_not_repeated(key: str) -> None:
    assert all(len(problem) <= 200 for problem in check_value({"additionalProperties": False}, {key: 1}))


@pytest.mark.parametrize(
    ("format_", "good", "bad"),
    [
        ("date", "2026-03-01", "2026-13-01"),
        ("date-time", "2026-03-01T09:00:00Z", "2026-03-01T09:00:00"),
        ("duration", "PT5M", "5 minutes"),
        ("email", "a@example.com", "a"),
        ("uuid", "12345678-1234-5678-1234-567812345678", "1234"),
    ],
)
def test_formats_are_asserted(format_: str, good: str, bad: str) -> None:
    assert check_value({"format": format_}, good) == []
    assert check_value({"format": format_}, bad) == [f'"{bad}" is not a "{format_}"']
    assert check_value({"format": format_}, 3) == []


def test_a_schema_may_refer_to_itself_deeper_down() -> None:
    tree = {"type": "object", "properties": {"child": {"$ref": "#"}}, "additionalProperties": False}
    value: Any = {}
    for _ in range(95):
        value = {"child": value}
    assert schema_problems(tree) == []
    assert check_value(tree, value) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}},
        {"$ref": "#x", "$defs": {"x": {"$anchor": "x", "if": {"$ref": "#x"}}}},
    ],
)
def test_a_schema_that_applies_itself_to_the_same_value_is_refused(
    schema: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(50_000)  # as loading sets it: there is no RecursionError to rely on
    try:
        assert [problem.message for problem in schema_problems(schema)] == ["refers to itself without end"]
        assert check_value(schema, 1) == ["the schema cannot be applied: it refers to itself without end"]
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "objekt"}, [(("type",), False)]),
        ({"properties": {"a": {"minimum": "x"}}}, [(("properties", "a", "minimum"), False)]),
        ({"pattern": "["}, [(("pattern",), False)]),
        ({"$ref": "https://example.com/x.json"}, [(("$ref",), True)]),
        ({"$ref": "other.json#/x"}, [(("$ref",), True)]),
        ({"items": {"$dynamicRef": "x"}}, [(("items", "$dynamicRef"), True)]),
        ({"$ref": "#/$defs/x"}, [(("$ref",), False)]),
        ({"$ref": "#/$defs/x", "$defs": {"x": 3}}, [(("$defs", "x"), False)]),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, [(("$schema",), False)]),
        ([], [((), False)]),
        ({"const": {"$ref": "https://example.com"}}, []),
        ({"properties": {"$ref": {"type": "string"}}}, []),
        ({"$ref": "#/$defs/a~1b%20c", "$defs": {"a/b c": True}}, []),
        (True, []),
    ],
)
def test_what_is_wrong_in_a_schema_is_told_with_its_path(schema: Any, expected: list[Any]) -> None:
    assert [(problem.path, problem.remote) for problem in schema_problems(schema)] == expected


def test_nothing_is_fetched_for_a_remote_reference() -> None:
    assert check_value({"$ref": "http://127.0.0.1:9/x"}, 3)[0].startswith("the schema cannot be applied: Unresolvable")


SCHEMAS = st.recursive(
    st.sampled_from([True, False, {}, {"type": "string"}, {"type": "nonsense"}, {"$ref": "#"}, {"$ref": "#/$defs/a"},
                     {"pattern": "(a+)"}, {"pattern": "["}, {"minimum": 1}, {"multipleOf": 0.1}, {"enum": [1]}, 3,
                     None]),
    lambda inner: st.dictionaries(
        st.sampled_from(["properties", "items", "allOf", "not", "$defs", "a", "anyOf", "if", "then", "prefixItems"]),
        inner | st.lists(inner, max_size=3), max_size=3),
    max_leaves=6,
)  # fmt: skip
VALUES = st.sampled_from([None, 1, 1.5, "a", [], {}, {"a": {"a": 1}}, [[1], "x"], 10**400])


@given(SCHEMAS, VALUES)
def test_any_schema_and_any_value_give_an_answer(schema: Any, value: Any) -> None:
    problems = schema_problems(schema)
    told = check_value(schema, value)
    assert all(isinstance(problem, str) and problem for problem in told)
    if not problems and value != 10**400:
        assert not any("cannot be applied" in problem for problem in told)
