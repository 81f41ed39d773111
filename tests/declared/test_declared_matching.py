"""Matchers and plain values: what they take, what they do not, and where a difference is."""

from __future__ import annotations

import pytest

from perdure.testing.matching import ABSENT, differences, fits, is_matcher, matcher_faults


@pytest.mark.parametrize(
    ("expected", "good", "bad"),
    [
        (3, [3, 3.0], [4, "3", True, None]),
        (True, [True], [1, "true"]),
        (None, [None], [0, "", False]),
        ("a", ["a"], ["A", ""]),
        ({"a": 1}, [{"a": 1}, {"a": 1, "b": 2}], [{"a": 2}, {}, {"b": 1}, 1, None]),
        ({"a": None}, [{"a": None}], [{}]),
        ([1, {"a": 1}], [[1, {"a": 1, "b": 2}]], [[1], [1, {}], [1, {"a": 1}, 2], "1"]),
        ({}, [{}, {"a": 1}], [[], None]),
        ([], [[]], [[1], {}]),
        ({"equals": {"a": 1}}, [{"a": 1}], [{"a": 1, "b": 2}]),
        ({"equals": {"any": True}}, [{"any": True}], [1]),
        ({"type": "string"}, ["a", ""], [1, None]),
        ({"type": "number"}, [1, 1.5], [True, "1"]),
        ({"type": "integer"}, [1], [1.5, True]),
        ({"type": "null"}, [None], [0]),
        ({"type": "array"}, [[]], [{}]),
        ({"type": "Timeout"}, [{"type": "Timeout", "message": ""}], [{"type": "Other"}, "Timeout"]),
        ({"matches": "^a.c$"}, ["abc"], ["ab", "xabc", 1]),
        ({"matches": "b"}, ["abc"], ["ac"]),
        ({"schema": {"type": "array", "minItems": 1}}, [[1]], [[], {}]),
        ({"schema": "text"}, [{"schema": "text"}], ["text"]),
        ({"contains": "b"}, ["abc", ["a", "b"], {"b": 1}], ["ac", ["a"], {"a": "b"}, 1]),
        ({"contains": {"a": 1}}, [[{"a": 1, "b": 2}]], [[{"a": 2}], "a"]),
        ({"between": [1, 3]}, [1, 2, 3, 2.5], [0, 3.1, "2", None]),
        ({"between": ["1m", "1h"]}, ["1m", "59m", "1h"], ["61m", "x", 5]),
        ({"between": ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]}, ["2026-01-01T12:00:00+02:00"],
         ["2026-01-03T00:00:00Z"]),
        ({"any": True}, [1, None, {}], []),
        ({"any": [1, {"matches": "^a"}]}, [1, "ab"], [2, "b"]),
        ({"any": False}, [{"any": False}], [1]),
        ({"type": "string", "matches": "^a"}, ["a"], ["b", 1]),
        ({"type": "string", "other": 1}, [{"type": "string", "other": 1}], ["a"]),
        ({"a": {"between": [1, 2]}}, [{"a": 1}], [{"a": 3}, {}]),
    ],
)  # fmt: skip
def test_a_value_matches_or_not(expected, good, bad):
    assert [value for value in good if not fits(expected, value)] == []
    assert [value for value in bad if fits(expected, value)] == []


def test_a_difference_has_the_path_to_where_it_is():
    expected = {"a": [1, {"b": {"type": "string"}}], "c": 3, "d": {"e": 5}}
    found = {"a": [1, {"b": 2}], "c": 4, "d": {}}
    assert [(one.path, one.found, one.reason) for one in differences(expected, found)] == [
        (("a", 1, "b", "type"), 2, "it is of the type integer"),
        (("c",), 4, None),
        (("d", "e"), ABSENT, None),
    ]


def test_what_is_absent_matches_nothing_not_even_any():
    assert [one.reason for one in differences({"a": {"any": True}}, {})] == ["it is not there"]


@pytest.mark.parametrize(
    ("matcher", "problem"),
    [
        ({"matches": "("}, "is no regular expression"),
        ({"matches": 3}, "must be a regular expression"),
        ({"between": [3, 1]}, "wrong order"),
        ({"between": [1]}, "two bounds"),
        ({"between": [1, "1m"]}, "must be two numbers"),
        ({"schema": {"type": 3}}, "is no JSON Schema"),
    ],
)
def test_a_matcher_that_can_never_be_applied_is_found_wherever_it_stands(matcher, problem):
    for value, path in ((matcher, ()), ({"a": [matcher]}, ("a", 0)), ({"any": [matcher]}, ("any", 0))):
        [(where, told)] = matcher_faults(value)
        assert (where[:-1], problem in told) == (path, True)


def test_an_error_is_no_matcher_for_having_a_type():
    assert not is_matcher({"type": "payments.Declined"})
    assert is_matcher({"type": "string"})
