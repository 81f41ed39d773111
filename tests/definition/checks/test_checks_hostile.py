"""Definitions that are deep, long or random: checked without an exception, each problem once."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.definition import inspect
from perdure.definition.checks import check
from perdure.definition.marks import Marks
from perdure.definition.models import Library, read_document
from perdure.definition.rules import RULES
from perdure.definition.source import Source


def placed_anywhere(document: dict[str, Any], catalogue: Any = None) -> list[str]:
    """The codes found in a document made by a program, whose nesting no text could have; not of rules that are off."""
    library = Library({"main": document}, {})
    tree = read_document("main", document, library)
    codes = [found.code for found in check(tree, {"main": Source("main", "", document, Marks(""))}, library, catalogue)]
    return [code for code in codes if RULES[code].severity != "off"]


@pytest.fixture(scope="module", autouse=True)
def deep() -> Any:
    """The recursion limit that loading sets; hypothesis minds when it changes during a test."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(50_000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.parametrize(
    "around",
    [
        lambda inner: {"steps": [inner]},
        lambda inner: {"foreach": "input.a", "concurrency": 2, "steps": [inner]},
        lambda inner: {"repeat": {"until": "index > 3"}, "steps": [inner]},
        lambda inner: {"parallel": {"branches": {"a": [inner], "b": []}}},
        lambda inner: {"branch": [{"when": "input.a", "steps": [inner]}]},
        lambda inner: {"set": {"x": 1}, "catch": [{"steps": [inner]}]},
        lambda inner: {"set": {"x": 1}, "finally": [inner]},
    ],
)
def test_a_thousand_nested_blocks_are_walked(around):
    step: dict[str, Any] = {"activity": "a.b", "with": {"x": "{{ steps.first + steps.frist }}"}}
    for _ in range(1_000):
        step = around(step)
    assert placed_anywhere({"workflow": "t", "steps": [{"id": "first", "activity": "a.b"}, step]}) == ["WF301"]


def test_ten_thousand_steps_in_a_row_are_walked():
    steps = [{"id": f"s{n}", "activity": "a.b", "with": {"x": f"{{{{ steps.s{n - 1} }}}}"}} for n in range(1, 10_001)]
    assert placed_anywhere({"workflow": "t", "steps": steps}) == ["WF301"]


def test_ten_thousand_mistakes_are_told():
    steps: list[dict[str, Any]] = [
        {"id": f"s-{n}", "set": {f"v{n}": f"{{{{ w{n} + vars.u{n} }}}}"}} for n in range(5_000)
    ]
    steps += [{"id": "s-0", "activity": "a.b", "with": {"x": f"{{{{ steps.s-0 + steps.t{n} }}}}"}} for n in range(500)]
    found = Counter(placed_anywhere({"workflow": "t", "steps": steps}))
    assert found == {"WF304": 5_000, "WF303": 5_000, "WF208": 1, "WF301": 501}


@pytest.mark.parametrize(("hole", "told"), [("{{ a | no }}", 950), ("{{ a + }}", 950), ("{{ $ }}", 950)])
def test_hundreds_of_broken_expressions_in_one_text_are_told_each_at_its_place(hole: str, told: int) -> None:
    found = inspect(f"workflow: t\nsteps:\n  - set: {{x: '{hole * told}'}}\n").diagnostics
    first = found[0].place.column
    assert [one.place.column for one in found] == [first + len(hole) * n for n in range(told)]


def test_no_more_broken_expressions_are_told_than_a_text_may_hold() -> None:
    found = inspect(f"workflow: t\nsteps:\n  - set: {{x: '{'{{ $ }}' * 1_100}'}}\n").diagnostics
    assert len(found) == 1_000


def test_fragments_that_double_at_each_level_are_looked_at_once():
    fragments = {f"f{n}": {"steps": [{"use": f"f{n + 1}"}, {"use": f"f{n + 1}"}]} for n in range(40)}
    fragments["f40"] = {"steps": [{"set": {"x": "{{ nothing }}"}}]}
    document = {"workflow": "t", "fragments": fragments, "steps": [{"activity": "a.b"}]}
    assert placed_anywhere(document) == ["WF304", "WF413"]


def test_hints_stay_within_their_budget():
    steps = [{"activity": f"missing.activity{n}", "with": {"x": f"{{{{ steps.y{n} }}}}"}} for n in range(2_000)]
    catalogue = {f"present.activity{n}": {} for n in range(500)}
    found = placed_anywhere({"workflow": "t", "steps": steps}, catalogue)
    assert set(found) == {"WF301", "WF601"}


TEXTS = st.sampled_from(
    [
        "{{ input.a }}",
        "{{ steps.a }}",
        "{{ steps.b.c }}",
        "{{ vars.x }}",
        "{{ item }}",
        "{{ index }}",
        "{{ error.type }}",
        "{{ message }}",
        "plain",
        "{{",
        "{{ }}",
        "{% x %}",
        "{{ a | b }}",
        "{{ steps }}",
        "{{ 1 / 0 }}",
        "{{ now() }}",
        "}}{{ x",
    ]
)
CONDITIONS = st.sampled_from(
    ["input.a", "steps.a == 1", "true", "'x'", "1 +", "{{ vars.x }}", "index > 1", "error.type == 'A'", "1 / 0", "[]"]
)
IDS = st.sampled_from(["a", "b", "c-d", "e"])
NAMES = st.sampled_from(["x", "y"])
VALUES = st.recursive(TEXTS | st.integers() | st.none(), lambda inner: st.lists(inner, max_size=2), max_leaves=3)


def kinds(steps: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    lists = st.lists(steps, max_size=3)
    return st.one_of(
        st.fixed_dictionaries(
            {"activity": st.sampled_from(["m.a", "m.b", "m.c"]), "with": st.dictionaries(NAMES, VALUES)}
        ),
        st.fixed_dictionaries({"steps": lists}),
        st.fixed_dictionaries(
            {"foreach": CONDITIONS, "steps": lists}, optional={"as": NAMES, "concurrency": st.just(2)}
        ),
        st.fixed_dictionaries({"repeat": st.fixed_dictionaries({"until": CONDITIONS}), "steps": lists}),
        st.fixed_dictionaries({"repeat": st.fixed_dictionaries({"while": CONDITIONS}), "steps": lists}),
        st.builds(lambda arms: {"branch": arms}, st.lists(branch_arms(lists), min_size=1, max_size=3)),
        st.builds(
            lambda on, arm, rest: {"branch": {"on": on, "cases": {"1": arm}, "else": rest}}, CONDITIONS, lists, lists
        ),
        st.builds(
            lambda branches, join, rest: {"parallel": {"branches": branches, "join": join, "rest": rest}},
            st.dictionaries(NAMES, lists, min_size=1),
            st.sampled_from(["all", "any", 2]),
            st.sampled_from(["cancel", "finish"]),
        ),
        st.builds(lambda steps: {"select": [{"signal": "s", "steps": steps}, {"after": "1s", "steps": steps}]}, lists),
        st.fixed_dictionaries({"set": st.dictionaries(NAMES, VALUES, min_size=1)}),
        st.fixed_dictionaries({"return": VALUES}),
        st.fixed_dictionaries({"use": st.sampled_from(["f", "g", "h", "i.f"]), "with": st.dictionaries(NAMES, VALUES)}),
        st.builds(lambda to: {"rollback": {"to": to}}, IDS),
        st.builds(lambda text: {"ask": {"prompt": text, "default": text}}, TEXTS),
    )


def branch_arms(lists: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(lambda when, steps: {"when": when, "steps": steps}, CONDITIONS, lists) | st.builds(
        lambda steps: {"else": steps}, lists
    )


def with_modifiers(steps: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(steps, max_size=2)
    catch = st.lists(
        st.fixed_dictionaries({"steps": lists}, optional={"if": CONDITIONS, "as": NAMES}), min_size=1, max_size=2
    )
    optional = {"id": IDS, "if": CONDITIONS, "output": VALUES, "finally": lists, "catch": catch, "compensate": steps}
    return st.builds(lambda kind, rest: {**rest, **kind}, kinds(steps), st.fixed_dictionaries({}, optional=optional))


STEPS = st.recursive(st.builds(lambda: {"set": {"x": 1}}), with_modifiers, max_leaves=12)
DOCUMENTS = st.fixed_dictionaries(
    {"workflow": st.just("t"), "steps": st.lists(STEPS, min_size=1, max_size=4)},
    optional={
        "fragments": st.dictionaries(
            st.sampled_from(["f", "g"]),
            st.fixed_dictionaries({"steps": st.lists(STEPS, min_size=1, max_size=2)}, optional={"output": VALUES}),
        ),
        "output": VALUES,
        "defaults": st.just({"m.*": {"timeout": "{{ steps.a }}"}}),
        "finally": st.lists(STEPS, max_size=1),
    },
)
CATALOGUE = {
    "m.a": {"arguments": {"properties": {"x": {"type": "integer"}}, "additionalProperties": False}, "result": {}},
    "m.b": {"arguments": {}, "result": {"properties": {"c": {}}}, "deprecated": ""},
}


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS)
def test_whatever_has_the_right_shape_is_checked_and_compiles_when_nothing_is_wrong(document: dict[str, Any]) -> None:
    found = inspect(json.dumps(document), catalogue=CATALOGUE)
    errors = [diagnostic for diagnostic in found.diagnostics if diagnostic.severity == "error"]
    assert (found.definition is None) == bool(errors)
    assert not [diagnostic.code for diagnostic in errors if diagnostic.code[2] in "12" and diagnostic.code < "WF208"]
    assert len({(d.code, d.place, d.message) for d in found.diagnostics}) == len(found.diagnostics)
