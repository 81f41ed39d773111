"""What is said about keys that are not known, and about steps without a kind: one problem once, with a hint."""

from __future__ import annotations

import pytest

from perdure.definition import inspect

KINDS = (
    "activity, workflow, steps, branch, parallel, foreach, repeat, wait, select, ask, receive, set, publish, send,"
    " emit, cancel, return, restart, fail, rollback, use"
)


def told(step: str) -> list[tuple[str, str | None]]:
    """Codes and hints for a step."""
    found = inspect(f"workflow: t\nsteps:\n  - {step}\n").diagnostics
    return [(one.code, one.hint) for one in found if one.severity == "error"]


@pytest.mark.parametrize(
    ("step", "problems"),
    [
        ("{id: a, activty: log}", [("WF201", 'did you mean "activity"?')]),
        ("{id: a, do: log}", [("WF201", f"known here: {KINDS}, id, …")]),
        ("{id: a, do: log, retyr: {attempts: 3}}",
         [("WF201", f"known here: {KINDS}, id, …"), ("WF201", 'did you mean "retry"?')]),
        ("{id: a}", [("WF204", f"add one of {KINDS}")]),
        ("{retyr: {attempts: 3}, id: a}", [("WF201", 'did you mean "retry"?'), ("WF204", f"add one of {KINDS}")]),
    ],
)  # fmt: skip
def test_a_step_without_a_kind_is_one_problem_where_an_unknown_key_may_be_the_kind(step, problems):
    assert told(step) == problems


@pytest.mark.parametrize(
    ("step", "hint"),
    [
        (
            "{wait: 1s, retry: 3}",
            "its keys are attempts, backoff, delay, factor, max_delay, jitter, within, on, except",
        ),
        ("{wait: 1s, catch: [{errors: pay.Declined, steps: []}]}", "write [pay.Declined]"),
        ("{wait: 1s, catch: [{errors: {a: b}, steps: []}]}", "start each item with '- '"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_shape_is_told_what_to_write(step, hint):
    assert told(step) == [("WF203", hint)]


@pytest.mark.parametrize(
    ("step", "known"),
    [
        ("{activity: log, qqq: 1}",
         ("activity, with, queue, priority, id, if, timeout, retry, catch, finally, compensate, output, lock, cache,"
          " summary, description")),
        ("{foreach: input.xs, steps: [], qqq: 1}",
         ("foreach, as, concurrency, steps, join, rest, on_error, tolerate, queue, priority, id, if, timeout, retry,"
          " catch, finally, compensate, output, lock, cache, summary, description")),
        ("{wait: {qqq: 1}}", "for, signal, event, until, any, all, timeout, default, transient, match, timezone"),
    ],
)  # fmt: skip
def test_known_keys_are_listed_kinds_first_and_modifiers_last(step, known):
    assert told(step) == [("WF201", f"known here: {known}")]
