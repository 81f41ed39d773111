"""The virtual-time host and the case runner themselves: they tell the truth, also when something is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perdure.core.commands import StartActivity
from perdure.definition import load
from perdure.errors import ActivityError, InvalidInput, RunConflict
from perdure.program import Program
from perdure.testing import Call, End, Harness, Reply
from perdure.testing.case_run import WAYS, check_case, subset
from perdure.testing.cases import Case, read_cases
from perdure.testing.laws import Open, check_key, check_restart, check_table
from perdure.values import HOUR, SECOND

STEPS = """case: it holds
definition:
  steps:
    - {id: book, activity: book, compensate: {activity: unbook}}
    - {id: pause, wait: {signal: go, timeout: 5s, default: none}}
    - fail: {type: Boom, message: no}
      if: input.fail
  output: done
input: {fail: true}
script: [{at: 1s, signal: other, with: 1}]
expect:
"""
TRUE = {
    "status": "failed",
    "error": {"type": "Boom"},
    "undone": ["book"],
    "unread": [{"signal": "other"}],
    "calls": ["book", "unbook"],
    "never": ["mail"],
    "elapsed": "5s",
    "vars": {},
}


def one_case(folder: Path, text: str) -> Case:
    path = folder / "one.yaml"
    path.write_text(text)
    (case,) = read_cases(path)
    return case


def with_expectations(folder: Path, expect: dict[str, Any]) -> Case:
    return one_case(folder, STEPS + "".join(f"  {key}: {value}\n" for key, value in expect.items()))


def program(*steps: str, **keys: str) -> Program:
    lines = ["workflow: test", *(f"{key}: {value}" for key, value in keys.items()), "steps:"]
    return load("\n".join([*lines, *(f"  - {step}" for step in steps)])).program


@pytest.mark.parametrize("way", WAYS)
def test_a_case_that_tells_the_truth_holds(tmp_path: Path, way: str) -> None:
    check_case(with_expectations(tmp_path, TRUE), way)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("status", "completed"),
        ("error", {"type": "Bang"}),
        ("error", {"type": "Boom", "message": "yes"}),
        ("output", "done"),
        ("undone", []),
        ("unread", []),
        ("unread", [{"signal": "another"}]),
        ("not_undone", [{"step": "book"}]),
        ("recorded", [{"type": "Boom"}]),
        ("calls", ["book"]),
        ("calls", [{"book": {"n": 1}}, "unbook"]),
        ("calls", {"book": 2}),
        ("never", ["book"]),
        ("elapsed", "4s"),
        ("elapsed", {"between": ["1s", "4s"]}),
        ("vars", {"n": 1}),
        ("live", {"pause": "wait"}),
        ("refused", ["something"]),
    ],
)
def test_a_case_with_one_false_expectation_fails_and_says_which(tmp_path: Path, key: str, wrong: Any) -> None:
    with pytest.raises(AssertionError, match=rf"one.yaml:1: it holds\n{key}: expected"):
        check_case(with_expectations(tmp_path, {**TRUE, key: wrong}))


@pytest.mark.parametrize("key", ["undone", "unread"])
def test_what_a_case_does_not_mention_must_be_empty(tmp_path: Path, key: str) -> None:
    with pytest.raises(AssertionError, match=f"{key}: expected"):
        check_case(with_expectations(tmp_path, {name: value for name, value in TRUE.items() if name != key}))


@pytest.mark.parametrize("comment", ["", "# expect: WF301", "# expect: WF302, WF301"])
def test_diagnostics_other_than_those_expected_fail_a_case(tmp_path: Path, comment: str) -> None:
    text = f'case: c\ndefinition:\n  steps:\n    - activity: a\n      with: {{x: "{{{{ nothing }}}}"}}  {comment}\n'
    with pytest.raises(AssertionError, match="WF304"):
        check_case(one_case(tmp_path, text))


def test_an_expected_diagnostic_on_another_line_fails_a_case(tmp_path: Path) -> None:
    text = 'case: c\ndefinition:\n  steps:\n    - activity: a  # expect: WF304\n      with: {x: "{{ nothing }}"}\n'
    with pytest.raises(AssertionError, match=r"expected \[\(4, 'WF304'\)\]"):
        check_case(one_case(tmp_path, text))


@pytest.mark.parametrize("line", ["expct: {}", "expect: {outptu: 1}", "script: [{att: 1s, cancel: true}]"])
def test_a_case_with_an_unknown_key_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ValueError, match=r"one\.yaml:1"):
        one_case(tmp_path, f"case: c\ndefinition:\n  steps: [{{wait: 0s}}]\n{line}\n")


def test_subset_compares_lists_whole_and_mappings_in_part() -> None:
    assert subset({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}], "d": 3})
    assert not subset({"a": [{"b": 1}]}, {"a": [{"b": 1}, {"b": 1}]})
    assert not subset({"a": True}, {"a": 1})
    assert not subset({"a": None}, {})


def test_an_activity_may_raise_and_may_be_unknown() -> None:
    def pay(call: Call) -> None:
        raise ActivityError("payments.Declined", "no", {"code": 1}, retryable=False)

    declined = Harness(program("{activity: pay, retry: {attempts: 3}}"), {"pay": pay}).run()
    assert declined.outcome["error"]["type"] == "payments.Declined"
    assert len(declined.calls) == 1
    unknown = Harness(program("{activity: pay, retry: {attempts: 3}}")).run()
    assert unknown.outcome["error"]["type"] == "UnknownActivity"


def test_calls_tell_when_they_ran_and_how_they_ended() -> None:
    fakes = {"slow": lambda call: Reply(End(1), after=2 * SECOND), "hang": lambda call: Reply(hang=True)}
    harness = Harness(program("{activity: slow}", "{activity: hang, timeout: 3s}"), fakes).run()
    told = [(call.name, call.started_at - harness.started_at, call.ended_at, call.ended) for call in harness.calls]
    end = harness.started_at
    assert told == [
        ("slow", 0, end + 2 * SECOND, "completed"),
        ("hang", 2 * SECOND, end + 5 * SECOND, "cancelled"),
    ]
    assert harness.path == ["slow", "hang"]


def test_the_clock_jumps_over_what_nobody_waits_for() -> None:
    harness = Harness(program("{wait: 90d}")).run()
    assert harness.elapsed == 90 * 24 * HOUR


def test_an_input_that_does_not_fit_is_refused_before_anything_runs() -> None:
    harness = Harness(program("{wait: 0s}", input="{type: object, required: [n]}"))
    with pytest.raises(InvalidInput):
        harness.run()
    with pytest.raises(RunConflict):
        _ = harness.state


def test_the_laws_see_a_command_that_was_never_asked_for() -> None:
    made = program("{wait: 1h}")
    harness = Harness(made)
    harness.begin()
    check_restart(made, harness.state, harness.open)
    with pytest.raises(AssertionError, match="outstanding is"):
        check_restart(made, harness.state, Open())


def test_the_laws_see_a_frame_without_parent_and_a_scope_without_frame() -> None:
    harness = Harness(program("{steps: [{wait: 1h}]}"))
    harness.begin()
    harness.state.scopes[99] = type(harness.state.scopes[1])(99, 1, {"item": 1}, None)
    with pytest.raises(AssertionError, match="nobody stands in"):
        check_table(harness.state)
    del harness.state.scopes[99]
    inner = max(harness.state.frames)
    del harness.state.frames[harness.state.frames[inner].parent]
    with pytest.raises(AssertionError, match="outlives its parent"):
        check_table(harness.state)


def test_the_laws_see_two_deeds_with_one_key() -> None:
    keys: dict[str, int] = {}
    check_key(keys, StartActivity(1, "a", "a", {}, 1, "key", slot=5))
    check_key(keys, StartActivity(2, "a", "a", {}, 2, "key", slot=5))
    with pytest.raises(AssertionError, match="key"):
        check_key(keys, StartActivity(3, "a", "a", {}, 1, "key", slot=6))
