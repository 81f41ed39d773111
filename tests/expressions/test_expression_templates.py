"""Nested values with expressions in their texts."""

from __future__ import annotations

import pytest

from perdure.errors import ExpressionError
from perdure.expressions import compile_template, find_problems
from perdure.values import check

FILLED = [
    ("{{ steps.flight.price }}", 10),
    (" \n{{ input.rows[0] }}\t", {"id": 2, "kind": "a", "n": {"x": 3}}),
    ("{{- 1 -}}", 1),
    ("price: {{ steps.flight.price }}", "price: 10"),
    ("{{ 1 }}{{ 2 }}", "12"),
    ("{{ 1 }} {{ 2 }}\n", "1 2\n"),
    ("a {{- 1 -}} b", "a1b"),
    ("{{ true }}, {{ null }}, {{ [1, 'ä'] }}, {{ 1.0 }}, {{ 'text' }}", 'true, null, [1, "ä"], 1.0, text'),
    ("{{ '{{' }} x {{ '}}' }}", "{{ x }}"),
    ("{{ '{% raw %}' }}!", "{% raw %}!"),
    ("{# no comment #} {{ 1 }}", "{# no comment #} 1"),
    ("# not a {{ 'line' }} statement\n## nor this\r\n", "# not a line statement\n## nor this\r\n"),
    ("{{ {'a': {'b': 1}}.a }}", {"b": 1}),
    ("}} {{ 1 }} { %", "}} 1 { %"),
    ("plain }} text", "plain }} text"),
    ([1, {"a": "{{ vars }}", "{{ key }}": ["{{ input.text }}"]}], [1, {"a": {}, "{{ key }}": ["abc"]}]),
]


@pytest.mark.parametrize(("template", "value"), FILLED)
def test_a_template_is_filled_in(fill, template, value):
    assert repr(fill(template)) == repr(value)


def test_a_constant_template_is_the_very_value(fill):
    value = {"a": [1, {"b": "text {x} }}"}], "c": None}
    assert fill(value) is value
    assert (compile_template(value).constant, compile_template(value).expressions) == (True, ())


def test_constant_parts_are_shared_and_the_template_stays_as_it_was(fill):
    constant = [1, 2, 3]
    value = {"constant": constant, "varies": "{{ input.text }}", "list": ["{{ 1 }}", constant]}
    template = compile_template(value)
    first = template.evaluate({"input": {"text": "one"}}, None)
    second = template.evaluate({"input": {"text": "two"}}, None)
    assert first == {"constant": constant, "varies": "one", "list": [1, constant]}
    assert second["varies"] == "two"
    assert list(first) == ["constant", "varies", "list"]
    assert first["constant"] is second["constant"] is constant
    assert value["varies"] == "{{ input.text }}"


def test_a_template_says_where_its_expressions_stand():
    text = "a {{ x.y }} é {{z}}"
    template = compile_template({"k": [0, text, "{{ 1 }}"]})
    places = [(path, expression.text) for path, expression in template.expressions]
    assert places == [(("k", 1), " x.y "), (("k", 1), "z"), (("k", 2), " 1 ")]
    assert template.offsets == (4, 16, 2)
    for (path, expression), offset in zip(template.expressions[:2], template.offsets[:2], strict=True):
        assert path == ("k", 1)
        assert text[offset:].startswith(expression.text)
    assert template.constant is False
    assert compile_template("{{ 1 }} {{ 2 }}").constant is True
    assert compile_template("{{ uuid() }}").constant is False


@pytest.mark.parametrize(
    ("template", "message", "offset"),
    [
        ("x {% if a %}", "{% … %} is not supported", 2),
        ("{%", "{% … %} is not supported", 0),
        ("{%- raw %}{{ x }}{% endraw %}", "{% … %} is not supported", 0),
        ("a {{ x", "{{ is not closed", 2),
        ("a {{ 'x }}", 'unexpected character "\'"', 5),
        ("a {{ }}", "{{ }} holds no expression", 4),
        ("{{ 1 }} {{ a b }}", "unexpected 'b'", 13),
        ("{{ a | nope }} x", 'unknown filter "nope"', 7),
        ("a {{-1}}", "white space must follow {{-", 2),
    ],
)
def test_a_wrong_template_is_refused_with_its_place_in_the_text(template, message, offset):
    with pytest.raises(ExpressionError) as caught:
        compile_template(template)
    assert (caught.value.message, caught.value.offset) == (message, offset)


def test_an_error_while_filling_in_has_its_place_in_the_text(fill):
    with pytest.raises(ExpressionError) as caught:
        fill({"a": "x {{ 1 }} {{ 2 + steps.x }}"})
    assert (caught.value.message, caught.value.offset) == ('no key "x" in steps; it has flight, hotel', 17)


def test_all_problems_of_a_value_are_found_at_once():
    value = {"a": "{{ x y }}", "b": ["fine {{ x }}", "{% no %}"], "c": {"d": "{{ z | nope }}"}}
    problems = [(path, error.message, error.offset) for path, error in find_problems(value)]
    assert problems == [
        (("a",), "unexpected 'y'", 5),
        (("b", 1), "{% … %} is not supported", 0),
        (("c", "d"), 'unknown filter "nope"', 7),
    ]


def test_a_template_nested_too_deep_is_refused():
    value = "{{ 1 }}"
    for _ in range(2_000):
        value = [value]
    with pytest.raises(ExpressionError, match="nested more than 100 deep"):
        compile_template(value)


def put_into_itself(template, made):
    """Fill the template with what was made last, and go on with what that makes."""
    filled = compile_template(template)
    while len(made) < 1_000:
        made.append(filled.evaluate({"v": made[-1]}, None))


@pytest.mark.parametrize("template", [[1, "{{ v }}"], {"a": "{{ v }}", "b": 1}, {"a": {"b": "x", "c": ["{{ v }}"]}}])
def test_what_is_put_into_itself_over_and_over_gets_no_deeper_than_any_value(template):
    made = [0]
    with pytest.raises(ExpressionError, match="nested more than 100 deep"):
        put_into_itself(template, made)
    assert check(made[-1]) == made[-1]


def test_a_value_that_was_read_is_no_deeper_either():
    value = 0
    for _ in range(101):
        value = [value]
    with pytest.raises(ExpressionError, match="nested more than 100 deep"):
        compile_template("{{ v }}").evaluate({"v": value}, None)
    assert compile_template("{{ v }}").evaluate({"v": value[0]}, None) == value[0]


@pytest.mark.parametrize("value", [[1], ["x" * 1_000]])
def test_what_doubles_itself_over_and_over_is_refused_before_it_has_grown_beyond_any_result(value):
    with pytest.raises(ExpressionError, match="more than 10,485,760 items or 10,485,760 characters"):
        put_into_itself(["{{ v }}", "{{ v }}"], [value])


def test_a_text_with_too_many_expressions_is_refused():
    assert len(compile_template("{{ 1 }}" * 1_000).expressions) == 1_000
    with pytest.raises(ExpressionError, match="more than 1,000 expressions"):
        compile_template("{{ 1 }}" * 1_001)
