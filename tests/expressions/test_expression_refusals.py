"""What expressions refuse, and how the refusal reads: message, offset, hint."""

from __future__ import annotations

import pytest

from perdure.errors import ExpressionError
from perdure.expressions import compile_expression
from perdure.expressions.wording import LONGEST_MESSAGE

WHEN_COMPILING = [
    ("", "the expression is empty", 0, None),
    ("  ", "the expression is empty", 0, None),
    ("a b", "unexpected 'b'", 2, None),
    ("1, 2", "unexpected ','", 1, None),
    ("a &&b", "unexpected character '&'", 2, 'write "and"'),
    ("a || b", "expected a name, got '|'", 3, 'write "or"'),
    ("a = 1", "unexpected '='", 2, "write == to compare"),
    ("'abc", 'unexpected character "\'"', 0, "the text is not closed"),
    ("a[1", "unexpected end, expected ','", 3, None),
    ("a ]", "unexpected ']'", 2, None),
    ("'\\ud800'", "the text holds an escape that is no character", 0, None),
    ("'\\U00110000'", "the text holds an escape that is no character", 0, None),
    ("\ud800", "the text holds half a surrogate pair, which is no text", None, None),
    ("1e999", "the number is too large", 0, None),
    ("a.upper()", "upper(…) is a method; data has none", 7, "write | upper"),
    ("a.b.c(1)", "c(…) is a method; data has none", 5, "use a filter"),
    ("a()()", "only functions can be called", 3, "use a filter"),
    ("upper(a)", 'unknown function "upper"', 0, "write … | upper"),
    ("rang(3)", 'unknown function "rang"', 0, 'did you mean "range"?'),
    ("a | uper", 'unknown filter "uper"', 4, 'did you mean "upper"?'),
    ("a | attr('x')", 'unknown filter "attr"', 4, "write a[name] to read a key"),
    ("a is strin", 'unknown test "strin"', 2, 'did you mean "string"?'),
    ("a | map('uper')", 'unknown filter "uper"', 4, 'did you mean "upper"?'),
    ("a | map(b)", "the filter of map must be a literal text", 8, None),
    ("a | map", "map takes attribute=… or the name of a filter", 4, None),
    ("a | map(attribute=b)", "the attribute must be a literal text", 18, None),
    ("a | select('od')", 'unknown test "od"', 4, 'did you mean "odd"?'),
    ("a | selectattr", "selectattr needs a key path", 4, None),
    ("a | join(*b)", "* and ** are not supported in arguments", 4, None),
    ("range(**b)", "* and ** are not supported in arguments", 5, None),
    ("a | join(glue='')", 'join takes no "glue"', 4, 'join(separator="", attribute=null)'),
    ("a | join('', separator='')", 'join takes no "separator"', 4, 'join(separator="", attribute=null)'),
    ("a | length(1)", "length takes at most 0 arguments", 4, "length"),
    ("a | replace('b')", "replace needs new", 4, "replace(old, new, count=null)"),
    ("now(1)", "now takes at most 0 arguments", 3, "now()"),
    ("a[1, 2]", "a subscript takes one key", 1, None),
    ("{{ a }} b", "a single expression is wanted here", None, "write it without {{ }}"),
    ("{{-1}}", "white space must follow {{-", 0, "write {{ -x }} for minus, {{- x }} to trim"),
    ("{{ a b }}", "unexpected 'b'", 5, None),
    ("{{ a", "{{ is not closed", 0, "write {{ '{{' }} for the braces themselves"),
    ("{{ a }}{% raw %}", "{% … %} is not supported", 7, "write `a if condition else b`"),
]

WHEN_EVALUATING = [
    ("steps.flight.pric", 'no key "pric" in steps.flight; it has id, price', 0, 'did you mean "price"?'),
    ("1 + step.x", 'unknown name "step"; there are input, steps, vars', 4, 'did you mean "steps"?'),
    ("now", 'unknown name "now"; there are input, steps, vars', 0, "write now()"),
    ("vars.x", 'no key "x" in vars; it has nothing', 0, None),
    ("input.none.a", 'input.none is null; it has no key "a"', 0, None),
    ("input.rows.length", 'input.rows is a list; it has no key "length"', 0, "write | length"),
    ("input.rows[5].id", "no item 5 in input.rows; it has 2", 0, 'guard with | default("…")'),
    ("input.rows[0].n['y z']", 'no key "y z" in input.rows[0].n; it has x', 0, None),
    ("steps[1]", "steps is a mapping; its keys are texts, not a number", 0, None),
    ("steps[true]", "a key is a text or a whole number, not a boolean", 5, None),
    ("steps[input.text]", 'no key "abc" in steps; it has flight, hotel', 5, None),
    ("null.a", 'the value is null; it has no key "a"', 4, None),
    ("true + 1", "+ cannot take a boolean and a number", 0, None),
    ("1 + '1'", "+ cannot take a number and a text", 0, "write ~ to join texts"),
    (
        "1 + null",
        "+ cannot take a number and null",
        0,
        "write | default(0, true) for a value that may be null",
    ),
    ("'%d' % 3", "% cannot take a text and a number", 0, "write ~ to put values into a text"),
    (
        "'3' * '4'",
        "* cannot take a text and a text",
        0,
        "write | int or | float to read a number from a text",
    ),
    (
        "'a' * 1.5",
        "* cannot take a text and a number",
        0,
        "write | int or | float to read a number from a text",
    ),
    ("[1] * true", "* cannot take a list and a boolean", 0, None),
    ("-'a'", "- needs a number, not a text", 0, None),
    ("-true", "- needs a number, not a boolean", 0, None),
    ("1 // 0", "division by zero", 0, None),
    ("1 % 0.0", "division by zero", 0, None),
    ("0 ** -1", "division by zero", 0, None),
    ("1e308 * 10", "the result is not a finite number", 0, None),
    ("(-8) ** 0.5", "the result is not a finite number", 0, None),
    ("2.0 ** 5000", "the result is too large for a number", 0, None),
    ("1 < 'a'", "< needs two numbers or two texts, not a number and a text", 0, None),
    ("1 < true", "< needs two numbers or two texts, not a number and a boolean", 0, None),
    ("1 in 2", "in needs a list, text or mapping to look in, not a number in a number", 0, None),
    ("{1: 2}", "a key is a text, not a number", 1, "write the key in quotes"),
    ("input[1:]", "only lists and texts have slices, not a mapping", 5, None),
    ("'ab'[::0]", "the step of a slice cannot be 0", 4, None),
    ("'ab'['a':]", "a slice needs whole numbers, not a text", 4, None),
    ("[] | first", "there is no first item: nothing is in it", 5, "guard with | default(…)"),
    ("[[]] | map('min')", "there is no min item: nothing is in it", 7, "guard with | default(…)"),
    ("[1, 'a'] | sort", "sort needs numbers; item 1 is a text", 11, None),
    ("[true] | sort", "sort needs numbers or texts; item 0 is a boolean", 9, None),
    ("[1, null] | sum", "sum needs numbers; item 1 is null", 12, None),
    (
        "{} | map('int')",
        "map needs a list, not a mapping",
        5,
        "write | items, | keys or | values for a mapping",
    ),
    ("'x1' | int", '"x1" is not a whole number', 7, "give a default, as in | int(0)"),
    ("null | float", "null is not a number", 7, "give a default, as in | int(0)"),
    ("1.5 | round(99)", "round takes from -15 to 15 digits", 6, None),
    ("'a' | replace('', 'b')", "replace needs a text to look for", 6, None),
    ("3 | upper", "upper needs a text, not a number", 4, "write | string to make a text"),
    ("5 | length", "length needs a list, text or mapping, not a number", 4, None),
    ("range('a')", "range needs whole numbers, not a text", 0, None),
    (
        "duration('soon')",
        "not a duration: 'soon' (write 90s, 5m, 1h30m, 3d or ISO 8601)",
        0,
        "write 90s, 5m, 1h30m, 3d or ISO 8601",
    ),
    (
        "'2026-03-01T09:00' | timestamp",
        "the time has no offset: 2026-03-01T09:00",
        21,
        "write 2026-03-01T09:00:00+01:00",
    ),
    ("1e30 | isotime", "the time lies outside the years 1 to 9999", 7, None),
    ("1.5 is odd", "odd needs a whole number, not a number", 4, None),
    ("{{ steps.x }}", 'no key "x" in steps; it has flight, hotel', 3, None),
]


def _refusal(call):
    with pytest.raises(ExpressionError) as caught:
        call()
    return caught.value.message, caught.value.offset, caught.value.hint


@pytest.mark.parametrize(("text", "message", "offset", "hint"), WHEN_COMPILING)
def test_a_wrong_expression_is_refused_while_compiling(text, message, offset, hint):
    assert _refusal(lambda: compile_expression(text)) == (message, offset, hint)


@pytest.mark.parametrize(("text", "message", "offset", "hint"), WHEN_EVALUATING)
def test_wrong_data_is_refused_while_evaluating(evaluate, text, message, offset, hint):
    assert _refusal(lambda: evaluate(text)) == (message, offset, hint)


def test_items_without_a_key_are_errors_where_a_test_would_have_to_guess(evaluate):
    for text in (
        "input.rows | selectattr('n.x', 'gt', 1)",
        "input.rows | map(attribute='n')",
        "input.rows | sum('n.x')",
        "input.rows | sort(attribute='n.x')",
    ):
        with pytest.raises(ExpressionError, match=r"(an item|item 1) has no \"n"):
            evaluate(text)


@pytest.mark.parametrize("text", ["1", "'a'", "[]", "{}", "0"])
def test_a_condition_is_a_boolean_or_null(ambient, text):
    with pytest.raises(ExpressionError, match="a condition is true, false or null, not a"):
        compile_expression(text).holds({}, ambient)


def test_messages_stay_short_whatever_the_names(evaluate):
    long = "x" * 500
    for text in (f"steps.{long}", long, f"{long}.y", f"{long}()", f"1 | {long}", f"steps['{long}']['a']"):
        with pytest.raises(ExpressionError) as caught:
            evaluate(text)
        assert len(caught.value.message) <= LONGEST_MESSAGE


def test_an_unread_branch_is_not_evaluated(evaluate):
    assert evaluate("1 if true else 1 / 0") == 1
    assert evaluate("steps.x if steps.x is defined else 'none'") == "none"
