"""Regular expressions in schemas: what they find, what they cost, and what is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.regexes import LONGEST, MOST_WORK, BadRegex, check_regex, find
from perdure.schemas import check_value, schema_problems


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^[A-Z]{3}-[0-9]{6}$", "ABC-123456", True),
        ("^[A-Z]{3}-[0-9]{6}$", "ABC-12345", False),
        ("b", "abc", True),
        ("a$", "a\n", False),
        (r"^\d+$", "٣", True),
        (r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$", "ana@example.com", True),
        ("^$", "", True),
    ],
)
def test_an_expression_is_found_or_not(pattern: str, text: str, found: bool) -> None:
    assert find(pattern, text) is found


@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")
@given(st.from_regex(r"\A[a-d(|).*+?\[\]^$]{1,12}\Z"), st.text("abcd", max_size=8))
def test_what_python_finds_is_found(pattern: str, text: str) -> None:
    try:
        expected = re.search(pattern, text) is not None
        found = find(pattern, text)
    except (re.error, BadRegex):
        return
    assert found is expected


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[", "unclosed character class"),
        ("^(?!x)", "look-around"),
        (r"(a)\1", "backreferences are not supported"),
        ("(a{0,1000}){0,1000}", "size limit"),
        ("a" * (LONGEST + 1), "at most 1,000 characters"),
    ],
)
def test_what_cannot_be_matched_in_linear_time_is_refused_with_the_reason(pattern: str, reason: str) -> None:
    with pytest.raises(BadRegex, match=reason):
        check_regex(pattern)
    [problem] = schema_problems({"properties": {"a": {"pattern": pattern}}})
    assert (problem.path, reason in problem.message) == (("properties", "a", "pattern"), True)


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "(.*)(.*)(.*)=1$", "(a|aa)+$", "(x+x+)+y"])
def test_no_text_takes_an_expression_more_than_linear_time(pattern: str) -> None:
    assert find(pattern, "ax" * 100_000) is False


@pytest.mark.parametrize("pattern", ["(?:[a-z]{0,30}){0,300}[0-9]", "a{1,}{100}{100}", "([ab]{1000})"])
def test_a_text_that_is_too_long_for_an_expression_is_refused(pattern: str) -> None:
    text = "a" * (MOST_WORK // 1_000 + 1)
    with pytest.raises(BadRegex, match="too long for the pattern"):
        find(pattern, text)
    [problem] = check_value({"pattern": pattern}, text)
    assert "too long for the pattern" in problem


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ({"x-a": 1, "b": "1"}, []),
        ({"x-a": "1"}, ['x-a: "1" is not of type "integer"']),
        ({"c": 1}, ["Additional properties are not allowed ('c' was unexpected)"]),
    ],
)
def test_keys_are_matched_too(value: dict[str, object], problems: list[str]) -> None:
    schema = {
        "properties": {"b": {}},
        "patternProperties": {"^x-": {"type": "integer"}},
        "additionalProperties": False,
    }
    assert check_value(schema, value) == problems


def test_rest_of_the_keys_has_its_schema() -> None:
    schema = {"patternProperties": {"^x-": {}}, "additionalProperties": {"type": "string"}}
    assert check_value(schema, {"x-a": 1, "b": 2}) == ['b: 2 is not of type "string"']


def test_keys_that_python_would_match_are_refused() -> None:
    schema = {"patternProperties": {"^(a+)+$": {}}, "unevaluatedProperties": False}
    assert [problem.message for problem in schema_problems(schema)] == [
        "patternProperties and unevaluatedProperties are not supported in one schema"
    ]
    assert check_value(schema, {"a": 1}) == [
        "the schema cannot be applied: patternProperties and unevaluatedProperties are not supported in one schema"
    ]
