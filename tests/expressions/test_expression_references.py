"""What a compiled expression tells about itself without being evaluated."""

from __future__ import annotations

import pytest

from perdure.expressions import FILTERS, FUNCTIONS, TESTS, Reference, compile_expression


@pytest.mark.parametrize(
    ("text", "references"),
    [
        ("1 + 2", ()),
        ("steps.flight.price", (Reference("steps", ("flight", "price"), 0, False),)),
        ("steps['a-b'].c[0]", (Reference("steps", ("a-b", "c", 0), 0, False),)),
        ("{{  a.b }}", (Reference("a", ("b",), 4, False),)),
        ("a[b.c].d", (Reference("a", (), 0, False), Reference("b", ("c",), 2, False))),
        ("a.b[1:].c", (Reference("a", ("b",), 0, False),)),
        ("a.b | default(c)", (Reference("a", ("b",), 0, True), Reference("c", (), 14, False))),
        ("a.b | default(c) | default(1)", (Reference("a", ("b",), 0, True), Reference("c", (), 14, True))),
        ("a[b].c is defined", (Reference("a", (), 0, True), Reference("b", (), 2, False))),
        ("a + b | default(1)", (Reference("a", (), 0, False), Reference("b", (), 4, True))),
        ("(a + b) | default(1)", (Reference("a", (), 1, False), Reference("b", (), 5, False))),
        ("a.x | first | default(1)", (Reference("a", ("x",), 0, True),)),
        ("a.x | length | default(1)", (Reference("a", ("x",), 0, False),)),
        (
            "a if b else c",
            (Reference("a", (), 0, False), Reference("b", (), 5, False), Reference("c", (), 12, False)),
        ),
        ("'a' ~ a ~ 'é a' ~ a", (Reference("a", (), 6, False), Reference("a", (), 18, False))),
        ("'\r\n' ~\r\n a", (Reference("a", (), 9, False),)),
        ("now.x", (Reference("now", ("x",), 0, False),)),
        ("now()", ()),
        ("null", ()),
        ("x | map('join', y)", (Reference("x", (), 0, False), Reference("y", (), 16, False))),
        ("{'k': v}.k", (Reference("v", (), 6, False),)),
    ],
)
def test_references_are_every_name_with_its_constant_path(text, references):
    expression = compile_expression(text)
    assert expression.references == references
    assert all(text.startswith(one.root, one.offset) for one in references)


@pytest.mark.parametrize(
    ("text", "functions", "constant"),
    [
        ("1 + 1", set(), True),
        ("a", set(), False),
        ("range(3) | length", {"range"}, True),
        ("duration('1h')", {"duration"}, True),
        ("now() ~ uuid()", {"now", "uuid"}, False),
        ("[] | map('default', today())", {"today"}, False),
    ],
)
def test_functions_and_constancy_are_known(text, functions, constant):
    expression = compile_expression(text)
    assert (expression.functions, expression.constant) == (frozenset(functions), constant)


def test_equal_texts_share_one_expression():
    assert compile_expression("a + 1") is compile_expression("a + 1")
    assert compile_expression("{{ a + 1 }}") is compile_expression("{{ a + 1 }}")


def test_every_entry_of_the_tables_is_described():
    for table in (FUNCTIONS, FILTERS, TESTS):
        for name, entry in table.items():
            assert entry.name == name
            assert entry.summary.endswith(".")
            assert entry.summary[0].isupper()
            assert entry.signature.startswith(name) or " or " in entry.signature


def test_the_tables_hold_what_the_language_promises():
    filters = (
        "length join sort unique sum min max first last default upper lower trim replace round int float "
        "string list map select reject selectattr rejectattr tojson"
    )
    assert set(filters.split()) <= FILTERS.keys()
    assert {"none", "defined", "string", "number", "boolean", "mapping", "sequence"} <= TESTS.keys()
    assert {name for name, entry in FUNCTIONS.items() if entry.recorded} == {"now", "today", "uuid", "random"}


def test_signatures_are_those_of_the_functions():
    assert FILTERS["join"].signature == 'join(separator="", attribute=null)'
    assert FILTERS["upper"].signature == "upper"
    assert FILTERS["default"].signature == 'default(default_value="", boolean=false)'
    assert TESTS["divisibleby"].signature == "divisibleby(divisor)"
