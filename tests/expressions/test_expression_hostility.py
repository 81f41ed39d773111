"""Hostile expressions: refused at once, while compiling or evaluating, and with no other error.

Each of these would hang, exhaust memory or leave the data in an evaluator that took it at its word.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.errors import ExpressionError
from perdure.expressions import FILTERS, FUNCTIONS, TESTS, compile_expression, compile_template
from perdure.expressions.scope import Scope, weigh
from perdure.values import check

BOMBS = [
    "9**(9**9)",
    "9**9**9**9**9",
    "10**10**10**10**10",
    "2**4096",
    "(2**4000) * (2**4000)",
    "'%1000000000d' | format(1)",
    "'%1000000000d' % 1",
    "'a' * 10**9",
    "10**9 * 'a'",
    "'a' * 10**1000",
    "[1] * 10**9",
    "[[1] * 1000] * 1000",
    "[[[1] * 100] * 100] * 100",
    "([[1] * 1000] * 1000) ~ ''",
    "([['a' * 1000] * 1000] * 100) | tojson",
    "([['a' * 1000] * 1000] * 100) == ([['a' * 1000] * 1000] * 100)",
    "(['a' * 100000] * 10000) | join",
    "(['a' * 100000] * 10000) | unique",
    "(['a' * 100000] * 10000) | sort",
    "(['a' * 100000] * 10000) | map('upper') | length",
    "(['a' * 100000] * 10000) | map('replace', 'a', 'b') | length",
    "(['a' * 100000] * 10000) | select('in', 'a' * 100000) | length",
    "('a' * 100000) in (['b' * 100000] * 10000)",
    "([2**4000] * 10000) | tojson",
    "([2**4000] * 10000) | join",
    "([[1] * 10000] * 100) | map('sum') | list",
    "([[1] * 10000] * 100) | map('sort') | list",
    "([range(10000)] * 100) | map('tojson') | list",
    "range(10000) | map('string') | map('list') | map('unique') | map('join') | map('list') | list",
    "('a' * 1000000) | replace('a', 'b' * 1000)",
    "('a' * 1000000) | list",
    "('a ' * 500000) | split",
    "('ß' * 1000000) | upper",
    "range(10**18)",
    "range(10**30)",
    "range(0, 10**9, 1)",
    "range(10001)",
    "[range(10000), range(10000), range(10000)] | map('length') | sum + (range(10000) * 11 | length)",
    "1.5 | round(10**9)",
    "[1] | tojson(indent=10**9)",
    "1" * 5000,
    "0x" + "f" * 5000,
    "1e" + "9" * 5000,
    "1" * 1300 + " * " + "9" * 1300,
    "(" * 8000 + "1" + ")" * 8000,
    "[" * 8000,
    "{" * 8000,
    "a" + "[a" * 5000,
    "not " * 4000 + "1",
    "-" * 16000 + "1",
    "1" + "+1" * 5000,
    "1" + " and 1" * 2500,
    "1" + " if 1 else 1" * 1300,
    "1" + "<1" * 5000,
    "1" + "**1" * 5000,
    "a" + ".a" * 8000,
    "a" + "[0]" * 5000,
    "a" + "|length" * 2000,
    "x" * 20_000,
    "'" + "x" * 20_000 + "'",
    "'" * 16_001,
    "\\" * 16_000,
    "1_" * 8000,
    "int('1' * 10000)",
    "('1' * 10000) | int",
    "duration('1' * 10000 ~ 's')",
    "('1' * 10000) | timestamp",
]

ESCAPES = [
    "''.__class__.__mro__",
    "''['__class__']['__mro__'][1]['__subclasses__']()",
    "().__class__.__bases__[0].__subclasses__()",
    "[].__class__",
    "{}.__class__",
    "true.__class__",
    "(1).__class__",
    "self",
    "self.__init__.__globals__",
    "self._TemplateReference__context",
    "cycler.__init__.__globals__.os.popen('id').read()",
    "joiner.__init__.__globals__",
    "namespace.__init__.__globals__",
    "lipsum.__globals__['os'].popen('id').read()",
    "lipsum",
    "request.application.__globals__",
    "request['application']['\\x5f\\x5fglobals\\x5f\\x5f']",
    "config.items()",
    "url_for.__globals__",
    "get_flashed_messages.__globals__",
    "g.pop.__globals__",
    "''|attr('__class__')",
    "''|attr('\\x5f\\x5fclass\\x5f\\x5f')",
    "()|attr('__class__')|attr('__base__')",
    "'{0.__class__}'.format(1)",
    "'{0.__class__}'|format(1)",
    "'%s'|format(self)",
    "[''] | map(attribute='__class__') | list",
    "[''] | map('attr', '__class__') | list",
    "[{}] | map(attribute='__class__.__mro__') | list",
    "[''] | selectattr('__class__', 'defined') | first",
    "[''] | groupby('__class__')",
    "[''] | sum('__class__')",
    "now.__globals__",
    "now()['__class__']",
    "range.__class__",
    "range(3).__class__",
    "input.rows.append(1)",
    "input.__class__",
    "input.__init__.__globals__",
    "input.rows.__len__",
    "input.get('text')",
    "input.keys()",
    "input.text.join",
    "input.text.encode",
    "dict(a=1)",
    "dict.mro()",
    "''.__class__ | default(1).__class__",
    "loop.index",
    "caller()",
    "super()",
    "_('x')",
    "gettext('x')",
    "debug()",
    "eval('1')",
    "__import__('os')",
    "open('/etc/passwd')",
    "lambda: 1",
    "lambda x: x",
    "[x for x in input]",
    "x := 1",
    "yield",
    "await x",
    "input.text is callable",
    "'' | safe",
    "'' | e",
    "'x' | xmlattr",
    "'x' | urlize",
    "[1] | random",
    "[1] | batch(1)",
    "input | pprint",
    "input | do",
]


@pytest.mark.parametrize("text", BOMBS, ids=lambda text: text[:40])
def test_a_bomb_is_refused(evaluate, text):
    with pytest.raises(ExpressionError) as caught:
        evaluate(text)
    assert len(caught.value.message) <= 80


@pytest.mark.parametrize("text", ESCAPES)
def test_there_is_nothing_but_data(evaluate, text):
    with pytest.raises(ExpressionError):
        evaluate(text)
    with pytest.raises(ExpressionError):
        evaluate("{{ " + text + " }}")


def test_a_value_doubled_over_and_over_stops_at_the_limit(fill):
    value = "x"
    for _ in range(15):
        value = fill("{{ [vars.x, vars.x] }}", vars={"x": value})
    assert weigh(value) == (2**16 - 2, 2**15, False)
    with pytest.raises(ExpressionError, match="the value would hold more than 100,000 items"):
        fill("{{ [vars.x, vars.x] }}", vars={"x": value})


def test_a_value_wrapped_over_and_over_stops_at_the_depth_that_values_may_have(fill):
    value = 1
    for _ in range(100):
        value = fill("{{ [vars.x] }}", vars={"x": value})
    with pytest.raises(ExpressionError, match="nested more than 100 deep"):
        fill("{{ [vars.x] }}", vars={"x": value})


def test_one_template_spends_from_one_budget(fill):
    one = "{{ 'a' * 1000000 }}"
    assert len(fill([one] * 3)) == 3
    with pytest.raises(ExpressionError, match="needs more than 100,000 operations"):
        fill([one] * 30)


def test_large_input_may_be_handed_on_but_not_multiplied(evaluate):
    rows = list(range(300_000))
    long = "x" * 3_000_000
    assert evaluate("rows", rows=rows) is rows
    assert evaluate("rows | default([])", rows=rows) is rows
    assert evaluate("rows if rows else 1", rows=rows) is rows
    assert evaluate("rows[-1] + (rows | length)", rows=rows) == 599_999
    assert evaluate("long", long=long) is long
    for source in ("[rows]", "rows + [1]", "rows | map('string')", "rows | tojson", "long ~ ''", "[long]"):
        with pytest.raises(ExpressionError):
            evaluate(source, rows=rows, long=long)


def test_hash_collisions_cannot_be_forged(evaluate):
    forged = [(2**61 - 1) * factor for factor in range(20_000)]  # all of one hash in CPython
    assert evaluate("forged | unique | length", forged=forged) == 20_000


def test_work_is_paid_for_before_it_is_done(ambient):
    scope = Scope({}, ambient)
    with pytest.raises(ExpressionError):
        scope.items(100_001)
    with pytest.raises(ExpressionError):
        scope.text(1_048_577)
    assert scope.operations == 100_000
    scope.spend(100_000)
    with pytest.raises(ExpressionError):
        scope.spend(1)


VOCABULARY = """
    input steps a x now self null true false none rows text __class__ é if else and or not in is attribute=
    1 0 2.5 -1 9999999999 '' 'a' "b" '\\u0041' 'id' 'odd' 'upper' \\ ' [ ] ( ) { } {{ }} {% %} {#
    - + * ** / // % ~ == != < <= > >= = . , : | |
"""
WORDS = [*VOCABULARY.split(), "\n", "\0", *FILTERS, *TESTS, *FUNCTIONS]
SOUP = st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join) | st.lists(st.sampled_from(WORDS), max_size=20).map(
    "".join
)
FUZZ = settings(deadline=timedelta(seconds=5), max_examples=400)


def _refusal(call):
    """The error's message; empty when there was a proper JSON value. Any other exception fails the test."""
    try:
        check(call())
    except ExpressionError as error:
        return error.message
    return ""


def _reads_well(message):
    return len(message) <= 80 and message[:1] == message[:1].lower() and not message.endswith(".")


@FUZZ
@given(text=SOUP | st.text(max_size=60))
def test_any_text_gives_a_value_or_the_one_error(evaluate, text):
    assert _reads_well(_refusal(lambda: evaluate(text)))


@FUZZ
@given(text=SOUP | st.text(alphabet="{}%#-' a1|.\n", max_size=40))
def test_any_template_gives_a_value_or_the_one_error(fill, text):
    assert _reads_well(_refusal(lambda: fill({"k": [text]})))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
ARGUMENTS = [
    "",
    "(v)",
    "(w)",
    "(v, w)",
    "(1)",
    "('a', v)",
    "(attribute='a')",
    "('upper')",
    "('in', v)",
    "(-1)",
]
CALLS = [*FILTERS, *(f"map('{name}')" for name in FILTERS), *(f"select('{name}', v)" for name in TESTS)]
OPERATORS = "+ - * / // % ** ~ == != < <= > >= in and or not_in if_v_else"
SYMBOLS = [word.replace("_", " ") for word in OPERATORS.split()]


@FUZZ
@given(
    name=st.sampled_from(CALLS),
    arguments=st.sampled_from(ARGUMENTS),
    value=JSON,
    other=JSON,
)
def test_any_filter_takes_any_value_and_leaves_it_unchanged(evaluate, name, arguments, value, other):
    before = repr((value, other))
    text = f"x | {name}" if name.endswith(")") else f"x | {name}{arguments}"
    assert _reads_well(_refusal(lambda: evaluate(text, x=value, v=other, w=value)))
    assert repr((value, other)) == before


@FUZZ
@given(
    symbol=st.sampled_from(SYMBOLS),
    left=JSON,
    right=JSON,
)
def test_any_operator_takes_any_values(evaluate, symbol, left, right):
    assert _reads_well(_refusal(lambda: evaluate(f"v {symbol} w", v=left, w=right)))


@FUZZ
@given(left=JSON, right=JSON)
def test_unique_agrees_with_equality(evaluate, left, right):
    assert evaluate("v == v", v=left) is True
    assert (evaluate("[v, w] | unique | length", v=left, w=right) == 1) is evaluate("v == w", v=left, w=right)


@FUZZ
@given(value=JSON)
def test_templates_hand_values_on_unchanged(ambient, value):
    assert compile_template("{{ v }}").evaluate({"v": value}, ambient) is value
    assert compile_expression("v").evaluate({"v": value}, ambient) is value
