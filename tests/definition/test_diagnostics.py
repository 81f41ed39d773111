"""Diagnostics, the rules behind them, and the nearest name to a mistyped one."""

from __future__ import annotations

import re
import textwrap
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.definition.diagnostics import Diagnostic, Place, in_order, nearest, quoted, report
from perdure.definition.reader import read
from perdure.definition.rules import GROUPS, RULES, Rule
from perdure.definition.rules.testing import TESTING
from perdure.definition.shape import check_shape
from perdure.errors import InternalError

HERE = Place("trip.yaml", 3, 5, 3, 9)


def test_a_diagnostic_reads_as_one_line() -> None:
    found = report("WF301", 'step "fetchh" is not defined before "total"', HERE, 'did you mean "fetch"?')
    assert str(found) == (
        'trip.yaml:3:5: WF301 unknown-step: step "fetchh" is not defined before "total"; did you mean "fetch"?'
    )


def test_name_and_severity_come_from_the_rule_unless_given() -> None:
    assert report("WF104", "x", HERE) == Diagnostic("WF104", "ambiguous-scalar", "x", HERE, "warning")
    assert report("WF104", "x", HERE, severity="info").severity == "info"


def test_a_code_without_a_rule_is_our_bug() -> None:
    with pytest.raises(InternalError, match="no rule has the code WF999"):
        report("WF999", "x", HERE)


def test_messages_stay_on_one_line_and_carry_no_control_characters() -> None:
    found = report("WF201", "a\nb\x1b[31m" + "x" * 500, HERE, "h\r\ni")
    assert found.message.startswith("a b�[31mxxx")
    assert len(found.message) <= 200
    assert found.hint == "h i"
    assert quoted("x" * 100) == '"' + "x" * 39 + '…"'


def test_in_order_sorts_by_place_and_tells_each_problem_once() -> None:
    later = report("WF201", "a", Place("trip.yaml", 9, 1, 9, 2))
    first = report("WF202", "b", HERE)
    assert in_order([later, first, later]) == [first, later]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("fetchh", "fetch"), ("fecth", "fetch"), ("FETCH", "fetch"), ("max-delay", "max_delay"),
        ("foreahc", "foreach"), ("zzz", None), ("", None), ("f" * 1000, None), ("ab", None), ("if", "id"),
    ],
)  # fmt: skip
def test_the_nearest_name_is_offered_when_it_is_near_enough(word: str, expected: str | None) -> None:
    assert nearest(word, ["fetch", "max_delay", "foreach", "id"]) == expected


@given(st.text("abc", max_size=8), st.lists(st.text("abc", max_size=8), max_size=5))
def test_a_word_among_the_candidates_is_its_own_nearest(word: str, others: list[str]) -> None:
    assert word == "" or nearest(word, [*others, word]) == word


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_explains_itself(rule: Rule) -> None:
    assert re.fullmatch(r"WF[1-9]\d\d", rule.code)
    assert RULES[rule.code] is rule
    assert rule.group == GROUPS[rule.code[2]]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
    assert all((rule.summary, rule.why.endswith("."), rule.bad, rule.good))
    assert not rule.summary.endswith(".")
    assert rule.bad != rule.good


def test_names_of_rules_are_unique_and_codes_ascend_within_a_group() -> None:
    assert len({rule.name for rule in RULES.values()}) == len(RULES)
    assert all(one < other for one, other in pairwise(RULES) if one[2] == other[2])


def contexts(snippet: str) -> list[str]:
    """A snippet as a whole file, as top-level keys, as steps, and as keys of a step."""
    inside = textwrap.indent(snippet, "  ")
    keys = textwrap.indent(snippet, "    ")
    step = "steps:\n  - wait: 1s\n"
    return [
        snippet,
        f"workflow: x\n{snippet}\n{step}",
        f"workflow: x\n{snippet}\n",
        f"workflow: x\n{step}{snippet}\n",
        f"workflow: x\nsteps:\n{inside}\n",
        f"workflow: x\nsteps:\n  - activity: a\n{keys}\n",
        f"workflow: x\nsteps:\n  - id: a\n{keys}\n",
    ]


def codes(text: str) -> set[str]:
    source = read(text)
    return {found.code for found in [*source.diagnostics, *check_shape(source)]}


# These need a file that no example can show, are found by the checks behind the shape, or have no case at present.
UNSHOWABLE = {"WF105", "WF107", "WF108", "WF112", "WF113", "WF208", "WF219", "WF220", "WF299"}


SHOWN = [rule for code, rule in RULES.items() if code[2] in "12" and code not in TESTING]


@pytest.mark.parametrize("rule", SHOWN, ids=lambda r: r.code)
def test_the_examples_of_reading_and_structure_show_the_rule(rule: Rule) -> None:
    if rule.code not in UNSHOWABLE:
        assert any(rule.code in codes(text) for text in contexts(rule.bad))
    assert not all(rule.code in codes(text) for text in contexts(rule.good))
    if rule.code[2] == "2":
        assert set() in [codes(text) for text in contexts(rule.good)]
