"""Faults of shape do not hide other problems: all of a file are told in one pass, and nothing untrue with them."""

from __future__ import annotations

from collections.abc import Iterator, KeysView
from copy import deepcopy
from dataclasses import replace

import pytest

from perdure.definition import inspect
from perdure.definition.reader import read
from perdure.definition.repair import repaired
from perdure.definition.shape import faults

CATALOGUE = {
    "payments.charge": {
        "arguments": {
            "type": "object",
            "properties": {"card": {"type": "string"}, "amount": {"type": "number"}},
            "required": ["card", "amount"],
            "additionalProperties": False,
        },
        "result": {},
        "summary": "",
        "deprecated": None,
    }
}


def told(text: str) -> list[tuple[int, str]]:
    return [(found.place.line, found.code) for found in inspect(text, catalogue=CATALOGUE).diagnostics]


def test_problems_of_shape_names_and_activities_are_told_together() -> None:
    text = """\
workflow: bad
steps:
  - id: fetch
    activity: payments.chargee
    with: {card: "4242"}
    retry: {attemps: 3}
  - id: total
    set: {x: "{{ steps.fetchh.id }}"}
    timeout: 5 minutes
  - id: total
    wait: {signal: go, timeout: -3s}
  - foreach: steps.later
    steps:
      - activity: payments.charge
        with: {card: 5, amont: 3}
  - {id: later, wait: 0s,
     queue: fast}
on: true
"""
    assert told(text) == [
        (4, "WF601"),
        (6, "WF201"),
        (8, "WF301"),
        (9, "WF206"),
        (10, "WF208"),
        (11, "WF206"),
        (12, "WF302"),
        (15, "WF604"),
        (15, "WF602"),
        (17, "WF216"),
        (18, "WF201"),
    ]


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ("- {id: a, wait: 0s, lock: {limit: 2}}", "WF202"),
        ("- {id: a, receive: {state: {v: 0}, on: [{signal: s, set: {v: 1}, steps: [{wait: 3}]}]}}", "WF206"),
        ("- {id: a, receive: {on: [{signal: s, stop: yes!}]}}", "WF203"),
        ("- {id: a, receive: {on: [{signal: 3}]}}", "WF203"),
        ("- {id: a, receive: {state: 3, on: [{signal: s}]}}", "WF203"),
        ("- {id: a, workflow: child, on_parent_close: forget}", "WF211"),
        ("- {id: a, send: {to: other}}", "WF202"),
        ("- {id: a, emit: 3}", "WF203"),
        ("- {id: a, cancel: {reason: r}}", "WF202"),
        ("- {id: a, activity: noop, wait: 3s}", "WF205"),
        ("- {id: a, nothing: here}", "WF201"),
        ("- {id: outer, parallel: {branches: {one: [{id: a, set: {v: 1}}], two: 5}}}", "WF203"),
        ("- {id: outer, foreach: '[1]', concurrency: {}, steps: [{set: {v: 1}}]}\n  - {id: a, set: {b: 1}}", "WF203"),
    ],
)
def test_what_stands_in_a_broken_step_is_not_called_missing(broken: str, code: str) -> None:
    text = f'workflow: w\nsteps:\n  {broken}\n  - set: {{c: "{{{{ steps.a }}}}"}}\n'

    assert {found for _, found in told(text)} - {"WF204"} == {code}


def test_a_variable_that_is_set_in_a_broken_step_is_not_called_unknown() -> None:
    text = 'workflow: w\nsteps:\n  - {set: {v: 1}, wait: 3s}\n  - {set: {c: "{{ vars.v }}"}}\n'

    assert [code for _, code in told(text)] == ["WF205"]


def test_a_repair_leaves_the_document_as_it_was_also_where_it_stands_twice() -> None:
    shared = {"id": "a", "set": {"x": 1}, "wrong": 1}
    value = {"workflow": "w", "steps": [shared, shared], "on": True, "off": True}
    before = deepcopy(value)

    mended = repaired(replace(read("a: 1", file="w.yaml"), value=value), faults)

    assert mended is not None
    assert mended.value == {"workflow": "w", "steps": [{"id": "a", "set": {"x": 1}}] * 2}
    assert value == before


def test_a_document_is_copied_once_however_many_keys_are_wrong() -> None:
    value = {"workflow": "w", "steps": [{"set": {"x": 1}}], **{f"k{number}": number for number in range(900)}}
    looked_at: list[object] = []

    class Counted(dict):  # type: ignore[type-arg]
        def __iter__(self) -> Iterator[object]:
            looked_at.append(self)
            return super().__iter__()

        def keys(self) -> KeysView[object]:
            looked_at.append(self)
            return super().keys()

    counted = Counted(value)
    mended = repaired(
        replace(read("a: 1", file="w.yaml"), value=counted),
        lambda source: [(key,) for key in source.value if key.startswith("k")],  # type: ignore[union-attr]
    )

    assert mended is not None
    assert mended.value == {"workflow": "w", "steps": [{"set": {"x": 1}}]}
    assert len(looked_at) <= 3
