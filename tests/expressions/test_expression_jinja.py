"""Where semantics agree, the same expression gives the same value in Jinja2 itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from perdure.errors import ExpressionError
from perdure.expressions import compile_expression

NAMES = {
    "n": 7,
    "f": 2.5,
    "t": "text",
    "e": "",
    "l": [3, 1, 2],
    "w": ["b", "a"],
    "z": None,
    "y": True,
    "m": {"k": 1, "deep": {"x": [10, 20]}},
    "rows": [{"id": 2, "on": True}, {"id": 1, "on": False}],
}
JINJA = ImmutableSandboxedEnvironment(undefined=StrictUndefined)


def _in_jinja(text):
    return JINJA.compile_expression(text, undefined_to_none=False)(**NAMES)


NUMBERS = st.sampled_from(
    ["n", "f", "m.k", "m.deep.x[1]", "m['k']", "0", "3", "1.5", "-2", "l[0]", "l | length", "l | sum"]
)
TEXTS = st.sampled_from(
    ["t", "e", "'a'", "w[0]", "t | upper", "w | join('-')", "t[1:3]", "t | replace('t', 'x')", "n ~ t"]
)
LISTS = st.sampled_from(
    ["l", "[1, n]", "l | sort", "l[::-1]", "rows | map(attribute='id') | list", "l | select('odd') | list"]
)


def _deeper(numbers):
    pair = st.tuples(numbers, numbers)
    conditions = st.one_of(
        st.tuples(numbers, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), numbers)
        .map(" ".join)
        .map("({})".format),
        st.tuples(TEXTS, st.sampled_from(["==", "<", "in", "not in"]), TEXTS).map(" ".join).map("({})".format),
        st.tuples(numbers, st.sampled_from(["in", "not in"]), LISTS).map(" ".join).map("({})".format),
        numbers.map("(({}) is number)".format),
        numbers.map("(not {})".format),
        st.sampled_from(["y", "z is none", "m.nothing is defined", "m.deep.x is defined", "true"]),
    )
    return st.one_of(
        st.tuples(numbers, st.sampled_from(["+", "-", "*", "/", "//", "%"]), numbers).map(" ".join).map("({})".format),
        st.tuples(numbers, st.sampled_from(["+", "-", "*", "/", "//", "%"]), numbers).map(" ".join),
        pair.map(lambda both: f"({both[0]} or {both[1]})"),
        st.tuples(numbers, conditions, numbers).map(lambda three: "({} if {} else {})".format(*three)),
        numbers.map("(m.nothing | default({}))".format),
        numbers.map("-({})".format),
    )


EXPRESSIONS = st.recursive(NUMBERS, _deeper, max_leaves=8)


@settings(deadline=timedelta(seconds=5), max_examples=300)
@given(text=EXPRESSIONS)
def test_arithmetic_and_logic_agree_with_jinja(ambient, text):
    try:
        ours = compile_expression(text).evaluate(NAMES, ambient)
    except ExpressionError as error:
        assume(not error.message.startswith(("division by zero", "the result is")))
        raise
    theirs = _in_jinja(text)
    assert (ours, type(ours)) == (theirs, type(theirs))


@pytest.mark.parametrize(
    "text",
    [
        "t ~ n ~ t",
        "'a' * 3",
        "[1] + l",
        "l[1:]",
        "l[-1]",
        "t[0]",
        "m.deep.x[0]",
        "m['deep']['x'][-1]",
        "1 if n > 3 else 2",
        "n if z else f",
        "z or t",
        "e and t",
        "not e",
        "1 < n < 10",
        "1 < n < 3",
        "n in l",
        "3 in l",
        "'k' in m",
        "'x' in t",
        "z is none",
        "t is string",
        "n is number",
        "m is mapping",
        "n is odd",
        "n is even",
        "n is divisibleby 7",
        "q is defined",
        "q | default(3)",
        "e | default('x', true)",
        "m.q | default('x')",
        "l | length",
        "t | length",
        "l | sort",
        "l | sort(reverse=true)",
        "w | sort",
        "l | sum",
        "l | min",
        "l | max",
        "l | first",
        "l | last",
        "w | join(', ')",
        "t | upper",
        "'ABC' | lower",
        "'  a ' | trim",
        "t | replace('t', 'T')",
        "t | replace('t', 'T', 1)",
        "'12' | int",
        "'x' | int(5)",
        "'1.5' | float",
        "n | string",
        "t | list",
        "f | abs",
        "l | reverse | list",
        "m | list",
        "2 ** 8",
        "rows | map(attribute='id') | list",
        "rows | selectattr('on') | list",
        "rows | rejectattr('on') | list",
        "rows | selectattr('id', 'gt', 1) | map(attribute='id') | list",
        "l | select('odd') | list",
        "l | reject('odd') | list",
        "w | map('upper') | list",
        "rows | sum(attribute='id')",
        "rows | sort(attribute='id') | map(attribute='id') | list",
        "[1, 2, 2, 1] | unique | list",
        "3.14159 | round(2)",
        "3.7 | round(method='floor')",
        "range(3) | list",
        "-5 // 2",
        "-5 % 3",
        "{'a': 1}['a']",
        "(1, 2) | list",
        "'a' 'b'",
        "n == 7.0",
        "l == [3, 1, 2]",
        "2 ** 3 ** 2",
        "-2 ** 2",
        "n is not string",
        "m | length",
        "'%' ~ n",
        "1 ~ 2 ~ 3",
        "n - 1 | abs",
        "not n == 7 or y",
        "t | first",
        "l is sequence",
    ],
)
def test_ordinary_expressions_agree_with_jinja(ambient, text):
    assert compile_expression(text).evaluate(NAMES, ambient) == _in_jinja(text)
