"""The case runner and what goes between runs: false expectations are found, and the laws see broken promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perdure.core.commands import Deliver, ReplyUpdate, StartChild
from perdure.core.events import ChildEnded, Delivered
from perdure.definition import load
from perdure.testing import Harness
from perdure.testing.case_run import WAYS, check_case
from perdure.testing.cases import read_cases
from perdure.testing.laws import Open, check_restart

STEPS = """case: it holds
definition:
  queries: {n: state.n}
  steps:
    - publish: {n: 1}
    - {id: r, receive: {on: [{update: add, accept: message > 0, reply: "{{ message }}", stop: true}]}}
    - send: {to: other, signal: go, data: 2}
    - {workflow: pack, with: {value: 3}}
    - {workflow: lead, detach: true, on_parent_close: abandon}
    - restart: {input: {n: 4}}
script: [{at: 1s, update: {name: add, data: 0}}, {at: 2s, update: {name: add, data: 5, id: u}}]
expect:
"""
TRUE = {
    "continued": {"n": 4},
    "published": {"n": 1},
    "queries": {"n": 1},
    "replies": [{"update": "add", "refused": "not accepted: message > 0"}, {"id": "u", "value": 5}],
    "refused": ["add"],
    "sent": [{"kind": "signal", "to": "other", "name": "go", "data": 2}],
    "children": [{"pack": {"value": 3}}, "lead"],
    "leaves": ["abandon"],
}


def check(folder: Path, expect: dict[str, Any], way: str = "plain") -> None:
    path = folder / "one.yaml"
    path.write_text(STEPS + "".join(f"  {key}: {value}\n" for key, value in expect.items()))
    (case,) = read_cases(path)
    check_case(case, way)


@pytest.mark.parametrize("way", WAYS)
def test_a_case_about_messages_that_tells_the_truth_holds(tmp_path: Path, way: str) -> None:
    check(tmp_path, TRUE, way)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("continued", {"n": 5}),
        ("published", {"n": 2}),
        ("queries", {"n": 2}),
        ("replies", [{"refused": "…"}]),
        ("replies", [{"refused": "…"}, {"value": 6}]),
        ("replies", [{"refused": "…"}, {"error": {"type": "Boom"}}]),
        ("refused", []),
        ("sent", []),
        ("sent", [{"to": "another"}]),
        ("children", ["lead", "pack"]),
        ("children", [{"pack": {"value": 4}}, "lead"]),
        ("leaves", []),
        ("leaves", ["cancel"]),
    ],
)
def test_a_false_expectation_about_messages_fails_and_says_which(tmp_path: Path, key: str, wrong: Any) -> None:
    with pytest.raises(AssertionError, match=rf"one.yaml:1: it holds\n{key}: expected"):
        check(tmp_path, {**TRUE, key: wrong})


def test_the_laws_see_an_answer_that_nobody_waits_for() -> None:
    table = Open()
    with pytest.raises(AssertionError, match="waits for none"):
        table.asked(ReplyUpdate("u", 1))


@pytest.mark.parametrize("step", ["{send: {to: other, signal: go}}", "{workflow: pack}"])
def test_the_laws_see_a_letter_or_a_child_that_a_restart_forgets(step: str) -> None:
    made = load(f"workflow: test\nsteps:\n  - {step}\n").program
    harness = Harness(made, children={"pack": lambda call: None})
    harness.begin()
    check_restart(made, harness.state, harness.open)
    with pytest.raises(AssertionError, match="outstanding is"):
        check_restart(made, harness.state, Open())


def test_a_child_is_open_until_it_ends_and_a_detached_one_until_it_has_begun() -> None:
    table = Open()
    table.asked(StartChild(5, "pack", {}, "run/pack/5", 1, False))
    table.asked(StartChild(6, "pack", {}, "run/pack/6", 1, True))
    table.asked(Deliver(7, "signal", "other", "go", None, "run/7"))
    table.heard(Delivered(1, 5))
    table.heard(Delivered(1, 6))
    table.heard(Delivered(1, 7))
    assert (list(table.children), table.letters) == ([5], {})
    table.heard(ChildEnded(2, 5, "completed", 1, None))
    assert table == Open()


def test_a_run_keeps_messages_while_it_is_paused() -> None:
    harness = Harness(load("workflow: test\nsteps: [{id: w, wait: {signal: go}}]\n").program).run()
    harness.pause()
    harness.signal("go", 1)
    assert len(harness.journal) == 2
    harness.resume()
    harness.run()
    assert (harness.status, harness.outcome["output"]) == ("completed", 1)
