"""What differs between two versions: each kind of change, told once, and nothing where nothing differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.definition import inspect
from perdure.definition.changes import Change, changes, judge
from perdure.schemas import check_value

SHIPPED = sorted(file for file in Path("definitions").glob("*.yaml") if not file.stem.endswith(".test"))

BASE = """
workflow: base
input: {type: object, properties: {n: {type: integer}}}
steps:
  - id: a
    activity: x.a
    retry: {attempts: 3}
  - id: b
    activity: x.b
    with: {of: "{{ steps.a }}", deep: {one: 1}}
    compensate: {activity: x.undo, with: {id: "{{ steps.b }}"}}
  - id: group
    parallel:
      branches:
        left: [{id: l, wait: 1s}]
        right: [{id: r, wait: 1s}]
  - id: choice
    branch:
      - when: vars.x
        steps: [{id: yes, set: {y: 1}}]
      - else: [{id: no, set: {y: 2}}]
vars: {x: true}
"""


def differing(old: str, new: str) -> list[Change]:
    documents = [inspect(text).document for text in (old, new)]
    assert all(document is not None for document in documents)
    return changes(*documents)  # type: ignore[arg-type]


def told(new: str, old: str = BASE) -> list[tuple[Any, ...]]:
    """The changes, each as (what, subject, key, old, new)."""
    return [(c.what, c.subject, c.key, c.old, c.new) for c in differing(old, new)]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_definition_does_not_differ_from_itself_nor_from_its_other_spelling(path: Path) -> None:
    text = path.read_text()
    assert differing(text, text) == []
    assert differing(text, "# another comment\n" + text + "\n\n") == []


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("attempts: 3", "attempts: 5", ("changed", "a", "retry.attempts", 3, 5)),
        ("    retry: {attempts: 3}\n", "", ("changed", "a", "retry.attempts", 3, None)),
        ("deep: {one: 1}", "deep: {one: 2}", ("changed", "b", "with.deep", {"one": 1}, {"one": 2})),
        ("activity: x.a", "activity: x.c", ("changed", "a", "activity", "x.a", "x.c")),
        ("wait: 1s}]\n        right", "wait: 2s}]\n        right", ("changed", "group/left/l", "wait", "1s", "2s")),
        ("when: vars.x", "when: not vars.x", ("changed", "choice", "branch.0.when", "vars.x", "not vars.x")),
        ("activity: x.undo", "activity: x.undo2", ("changed", "b/compensate", "activity", "x.undo", "x.undo2")),
        ("vars: {x: true}", "vars: {x: false}", ("changed", "vars", None, {"x": True}, {"x": False})),
        ("vars: {x: true}", "vars: {x: true}\ntimeout: 1h", ("added", "timeout", None, None, "1h")),
        ("{y: 2}}", "{y: 2}}, {id: more, wait: 1s}", ("added", "choice/more", None, None, "wait 1s")),
        ("[{id: r, wait: 1s}]", "[]", ("removed", "group/right/r", None, "wait 1s", None)),
    ],
)  # fmt: skip
def test_one_change_is_told_once(old: str, new: str, change: tuple[Any, ...]) -> None:
    assert BASE.count(old) == 1
    assert told(BASE.replace(old, new)) == [change]
    backwards = {"added": "removed", "removed": "added"}.get(change[0], "changed")
    assert told(BASE, BASE.replace(old, new)) == [(backwards, *change[1:3], change[4], change[3])]


def test_a_step_with_another_id_is_renamed_and_keeps_what_it_holds() -> None:
    found = told(BASE.replace("id: b\n", "id: beta\n").replace("steps.b }}", "steps.beta }}"))
    assert ("renamed", "beta", None, "b", "beta") in found
    assert {what for what, *_ in found} == {"renamed", "changed"}


def test_a_step_that_stands_elsewhere_is_moved() -> None:
    new = BASE.replace("[{id: l, wait: 1s}]", "[]").replace(
        "[{id: r, wait: 1s}]", "[{id: r, wait: 1s}, {id: l, wait: 1s}]"
    )
    assert told(new) == [
        ("moved", "group/right/l", None, "group branch left, step 1", "group branch right, step 2")
    ]  # fmt: skip


def test_of_two_steps_that_change_places_one_is_moved() -> None:
    a = "  - id: a\n    activity: x.a\n    retry: {attempts: 3}\n"
    new = BASE.replace(a, "").replace("  - id: group", a + "  - id: group").replace("{{ steps.a }}", "x")
    new = new.replace('of: "x"', 'of: "{{ steps.a }}"')
    assert [(what, subject) for what, subject, *_ in told(new)] in ([("moved", "a")], [("moved", "b")])


def test_a_block_that_goes_takes_what_it_holds_with_it() -> None:
    start = BASE.index("  - id: group")
    end = BASE.index("  - id: choice")
    assert told(BASE[:start] + BASE[end:]) == [("removed", "group", None, "parallel", None)]


# -- callers

SCHEMAS = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["integer", "number", "string", "null", ["string", "null"], ["integer", "string"]]),
            "enum": st.lists(st.sampled_from([1, 2, "a", None]), min_size=1, unique_by=repr),
            "minimum": st.integers(0, 3),
            "maxLength": st.integers(0, 3),
            "description": st.sampled_from(["one", "other"]),
            "multipleOf": st.sampled_from([2, 3]),
        },
    )
    | st.booleans(),
    lambda inner: (
        st.fixed_dictionaries(
            {"type": st.just("object")},
            optional={
                "properties": st.dictionaries(st.sampled_from("xyz"), inner, max_size=2),
                "required": st.lists(st.sampled_from("xyz"), unique=True, max_size=2),
                "additionalProperties": st.booleans(),
            },
        )
        | st.fixed_dictionaries({"type": st.just("array"), "items": inner})
    ),
    max_leaves=4,
)
VALUES = st.recursive(
    st.sampled_from([0, 1, 2, 4, "", "a", "abcd", None, 1.5, True]),
    lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=4,
)


@given(SCHEMAS, SCHEMAS, VALUES)
def test_what_was_accepted_and_is_refused_now_is_never_called_harmless(old: Any, new: Any, value: Any) -> None:
    if not check_value(old, value) and check_value(new, value):
        assert list(judge(old, new))


@given(SCHEMAS)
def test_callers_get_along_with_the_schema_they_know(schema: Any) -> None:
    assert list(judge(schema, schema)) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({"type": "object"}, {"type": "object", "required": ["a"]}, ["input.a is required now"]),
        ({"type": "integer"}, {"type": "number"}, []),
        ({"type": "number"}, {"type": "integer"}, ["input is not accepted any more as number; it must be integer"]),
        ({"type": "string"}, {"type": ["string", "null"], "description": "x"}, []),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, ["input is not accepted any more as b"]),
        ({"maximum": 5}, {"maximum": 9}, []),
        ({"maximum": 9}, {"maximum": 5}, ["input maximum is 5 now; it was 9"]),
        ({"pattern": "a"}, {"pattern": "b"}, ["input pattern has changed"]),
        ({}, {"required": ["a"], "properties": {"a": {}}}, ["input.a is required now"]),
    ],
)  # fmt: skip
def test_what_callers_have_to_know_is_said(old: Any, new: Any, said: list[str]) -> None:
    assert [f"{verdict.where} {verdict.reason}" for verdict in judge(old, new)] == said
