"""What expressions give: one table for each family, types compared as well as values."""

from __future__ import annotations

from collections import ChainMap
from types import MappingProxyType

import pytest

from perdure.expressions import compile_expression

READS = [
    ("steps.flight.price + steps.hotel.price", 30),
    ("steps['flight']['id']", "F1"),
    ("input['a-b'].c", 7),
    ("input.rows[0].id", 2),
    ("input.rows[-1].kind", "b"),
    ("input.rows.0.id", 2),
    ("input.items", ["first"]),  # a key, never a method of dict
    ("input.text[0]", "a"),
    ("input.text[1:]", "bc"),
    ("input.text[::-1]", "cba"),
    ("[1, 2, 3][1:5]", [2, 3]),
    ("input.rows[[0, 1][1]].id", 1),
    ("steps['fli' ~ 'ght'].id", "F1"),
    ("{'a': {'b': 1}}.a.b", 1),
    ("{'a': 1, 'b': [true, null]}", {"a": 1, "b": [True, None]}),
    ("(1, 2)", [1, 2]),
    ("null", None),
    ("none is null", True),
]

GUARDS = [
    ("a.b.c | default(1)", 1),
    ("input.none.x.y | default(1)", 1),
    ("input.text.x | default(1)", 1),
    ("input.rows[9].id | default(1)", 1),
    ("input[missing.key | default('text')]", "abc"),
    ("input.none | default(1)", None),
    ("input.none | default(1, true)", 1),
    ("input.empty | default('x', boolean=true)", "x"),
    ("a | default(b) | default(3)", 3),
    ("[] | first | default(0)", 0),
    ("(input.rows | selectattr('kind', 'eq', 'z') | first).id | default('nobody')", "nobody"),
    ("('x' if false) | default('y')", "y"),
    ("a.b is defined", False),
    ("a.b is not defined", True),
    ("a.b is undefined", True),
    ("input.none is defined", True),
    ("input.none.x is defined", False),
    ("a is defined and a.b > 1", False),
    ("input.text | default(missing)", "abc"),  # the fallback is not looked at
]

ARITHMETIC = [
    ("7 + 2 * 3", 13),
    ("7 - 10", -3),
    ("7 / 2", 3.5),
    ("6 / 2", 3.0),
    ("7 // 2", 3),
    ("-7 // 2", -4),
    ("7 % 3", 1),
    ("-5 % 3", 1),
    ("5.5 % 2", 1.5),
    ("2 ** 10", 1024),
    ("2 ** -1", 0.5),
    ("-input.ratio", -1.5),
    ("+3", 3),
    ("1_000 + 0x10", 1016),
    ("1e3", 1000.0),
    ("'a' + 'b'", "ab"),
    ("[1] + [2]", [1, 2]),
    ("'ab' * 3", "ababab"),
    ("2 * [0]", [0, 0]),
    ("'a' * -1", ""),
    ("2 ** 4095 > 0", True),
    ("1 ~ 'a' ~ true ~ null ~ 2.5 ~ [1, 'x'] ~ {'k': none}", '1atruenull2.5[1, "x"]{"k": null}'),
]

LOGIC = [
    ("1 == 1.0", True),
    ("1 == true", False),
    ("0 == false", False),
    ("[1] == [true]", False),
    ("[1, [2]] == [1.0, [2.0]]", True),
    ("{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", True),
    ("'1' == 1", False),
    ("null == false", False),
    ("[] == {}", False),
    ("{'a': null} == {'b': null}", False),
    ("1 != 2", True),
    ("'a' < 'b'", True),
    ("1 < 2 < 3", True),
    ("1 < 3 < 2", False),
    ("1 <= 1.0", True),
    ("2 > 1 >= 1", True),
    ("1 in [1.0]", True),
    ("true in [1]", False),
    ("'b' in 'abc'", True),
    ("'kind' in input.rows[0]", True),
    ("5 in {'5': 1}", False),
    ("3 not in [1, 2]", True),
    ("[1] in [[1]]", True),
    ("0 or 'x'", "x"),
    ("'' and 1", ""),
    ("not []", True),
    ("not {'a': 1}", False),
    ("1 if true else 2", 1),
    ("1 if false", None),
    ("1 if false else 2 if false else 3", 3),
    ("false and missing", False),
    ("true or missing", True),
]

FILTERED = [
    ("[1, 2] | length", 2),
    ("'äöü' | length", 3),
    ("{'a': 1} | length", 1),
    ("[1, 'a', null, true] | join('-')", "1-a-null-true"),
    ("input.rows | join(',', attribute='kind')", "a,b"),
    ("[3, 1, 2.5] | sort", [1, 2.5, 3]),
    ("['b', 'A', 'a'] | sort(reverse=true)", ["b", "a", "A"]),
    ("input.rows | sort(attribute='id') | map(attribute='kind')", ["b", "a"]),
    (
        "[1, 1.0, true, 'a', '1', [1], [1.0], {'a': 1}, {'a': 1.0}] | unique",
        [1, True, "a", "1", [1], {"a": 1}],
    ),
    ("[1, 2.5] | sum", 3.5),
    ("[] | sum", 0),
    ("input.rows | sum(attribute='id', start=10)", 13),
    ("[2, 1] | min", 1),
    ("['a', 'b'] | max", "b"),
    ("(input.rows | max('id')).kind", "a"),
    ("[1, 2] | first", 1),
    ("'ab' | last", "b"),
    ("'aß' | upper", "ASS"),
    ("'AB' | lower", "ab"),
    ("' a ' | trim", "a"),
    ("'--a-' | trim('-')", "a"),
    ("'aaa' | replace('a', 'b', 2)", "bba"),
    ("3.7 | round", 4),
    ("2.5 | round", 2),
    ("3.14159 | round(2)", 3.14),
    ("3.2 | round(method='ceil')", 4),
    ("-3.75 | round(1, 'floor')", -3.8),
    ("1234 | round(-2)", 1200),
    ("1201 | round(-2, 'ceil')", 1300),
    ("7 | round(2)", 7),
    ("' 12 ' | int", 12),
    ("3.9 | int", 3),
    ("'-3.9' | int", -3),
    ("true | int", 1),
    ("'x' | int(0)", 0),
    ("'x' | int(default=none)", None),
    ("'2.5' | float", 2.5),
    ("2 | float", 2.0),
    ("true | string", "true"),
    ("'a' | string", "a"),
    ("[1] | string", "[1]"),
    ("'ab' | list", ["a", "b"]),
    ("{'a': 1} | list", ["a"]),
    ("[1] | list", [1]),
    ("input.rows | map(attribute='n.x', default=0)", [3, 0]),
    ("{'k': 5} | items | map(attribute=1)", [5]),
    ("[' a', 'b '] | map('trim') | map('upper')", ["A", "B"]),
    ("[['a', 'b']] | map('join', '+')", ["a+b"]),
    ("[[1, 2, 3]] | map('select', 'odd')", [[1, 3]]),
    ("['1', 'x'] | map('int', default=0)", [1, 0]),
    ("[0, 1, '', 'a', null] | select", [1, "a"]),
    ("[0, 1, '', 'a', null] | reject", [0, "", None]),
    ("[1, 2, 3] | select('>=', 2)", [2, 3]),
    ("[1, 2, 3] | reject('in', [1, 3])", [2]),
    ("input.rows | selectattr('n') | map(attribute='id')", [2]),
    ("input.rows | rejectattr('n') | map(attribute='id')", [1]),
    ("input.rows | selectattr('n.x', 'defined') | map(attribute='n.x')", [3]),
    ("input.rows | selectattr('kind', '==', 'b') | map(attribute='id')", [1]),
    ("{'a': [1, 'ä']} | tojson", '{"a": [1, "ä"]}'),
    ("[1] | tojson(indent=1)", "[\n 1\n]"),
    ("-3 | abs", 3),
    ("{'a': 1} | keys", ["a"]),
    ("{'a': 1} | values", [1]),
    ("{'a': 1} | items", [["a", 1]]),
    ("[1, 2] | reverse", [2, 1]),
    ("'ab' | reverse", "ba"),
    ("'a b' | split", ["a", "b"]),
    ("'a,b,' | split(',')", ["a", "b", ""]),
]

TESTED = [
    ("null is none", True),
    ("'a' is string", True),
    ("1 is number", True),
    ("true is number", False),
    ("true is boolean", True),
    ("{} is mapping", True),
    ("[] is sequence", True),
    ("'a' is sequence", False),
    ("1 is integer", True),
    ("1.0 is integer", False),
    ("1.0 is float", True),
    ("3 is odd", True),
    ("3 is even", False),
    ("9 is divisibleby 3", True),
    ("9 is divisibleby(2)", False),
    ("true is true", True),
    ("1 is true", False),
    ("false is false", True),
    ("1 is in [1]", True),
    ("1 is eq 1.0", True),
    ("1 is ne 2", True),
    ("1 is lt 2", True),
    ("1 is le 1", True),
    ("2 is gt 1", True),
    ("1 is ge 2", False),
    ("1 is not string", True),
    ("1 is equalto 1", True),
]

FUNCTIONS = [
    ("now()", "2023-11-14T22:13:20Z"),
    ("today()", "2023-11-14"),
    ("random()", 0.25),
    ("uuid()", "123e4567-e89b-42d3-a456-426614174000"),
    ("range(3)", [0, 1, 2]),
    ("range(1, 3)", [1, 2]),
    ("range(5, 0, -2)", [5, 3, 1]),
    ("range(-1)", []),
    ("duration('1h30m')", 5400),
    ("duration('0.3s')", 0.3),
    ("duration('PT1M')", 60),
    ("now() | timestamp", 1_700_000_000),
    ("today() | timestamp", 1_699_920_000),
    ("'2026-03-01T09:00:00.5+01:00' | timestamp", 1_772_352_000.5),
    ("0 | isotime", "1970-01-01T00:00:00Z"),
    ("(now() | timestamp + duration('1d')) | isotime", "2023-11-15T22:13:20Z"),
    ("0.000001 | isotime", "1970-01-01T00:00:00.000001Z"),
]

LITERALS = [
    (r"'a\n\t\\\'\"'", "a\n\t\\'\""),
    (r"'\d+'", r"\d+"),
    (r"'\x41\u00e9\U0001F600'", "Aé😀"),
    (r"'\ud83d\ude00'", "😀"),
    ("'a' 'b'", "ab"),
    ("'é\r\n'", "é\r\n"),
    ("'{{ x }} {% y %} {# z'", "{{ x }} {% y %} {# z"),
    ("{{ 1 + 1 }}", 2),
    (" {{ {'a': {'b': 1}} }}\n", {"a": {"b": 1}}),
    ("{{- 5 -}}", 5),
]


@pytest.mark.parametrize(
    ("text", "value"), [*READS, *GUARDS, *ARITHMETIC, *LOGIC, *FILTERED, *TESTED, *FUNCTIONS, *LITERALS]
)
def test_an_expression_gives_its_value(evaluate, text, value):
    given = evaluate(text)
    assert repr(given) == repr(value)  # repr tells 1 from true and 1.0, at every depth


def test_any_mapping_is_read_as_a_mapping(evaluate):
    scope = ChainMap({"inner": MappingProxyType({"x": 1})}, {"outer": 2})
    assert evaluate("s.inner.x + s.outer", s=scope) == 3
    assert evaluate("s | length", s=scope) == 2
    assert evaluate("'outer' in s", s=scope) is True
    assert evaluate("s == {'inner': {'x': 1}, 'outer': 2}", s=scope) is True


def test_results_hold_plain_dicts_only(evaluate):
    scope = MappingProxyType({"a": [MappingProxyType({"x": 1})]})
    for text, value in [("s", {"a": [{"x": 1}]}), ("[s]", [{"a": [{"x": 1}]}]), ("s.a", [{"x": 1}])]:
        given = evaluate(text, s=scope)
        assert given == value
    assert type(evaluate("s", s=scope)) is dict
    assert type(evaluate("[s]", s=scope)[0]["a"][0]) is dict
    assert evaluate("s ~ ''", s=scope) == '{"a": [{"x": 1}]}'


def test_evaluation_shares_what_it_reads_and_changes_nothing(evaluate):
    rows = [3, 1, 2]
    assert evaluate("rows", rows=rows) is rows
    for text in ("rows | sort", "rows | reverse", "rows + [4]", "rows * 2", "rows | unique", "rows[::-1]"):
        evaluate(text, rows=rows)
    assert rows == [3, 1, 2]


@pytest.mark.parametrize(
    ("text", "value"), [("1 < 2", True), ("false", False), ("null", False), ("{{ input.none }}", False)]
)
def test_a_condition_holds_when_it_is_true(ambient, text, value):
    assert compile_expression(text).holds({"input": {"none": None}}, ambient) is value
