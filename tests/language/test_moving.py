"""What may move to another program: obstacles with both places, and states that go on there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_fold_law import Chaos, programs

from perdure.core import State, fold, machine
from perdure.core.commands import Command, OpenAsk, ReplyUpdate, StartActivity
from perdure.core.events import (
    ActivityCompleted,
    ActivityFailed,
    AskAnswered,
    CancelRequested,
    ChildEnded,
    Event,
    Migrated,
    PauseRequested,
    Reopened,
    ResumeRequested,
    RunStarted,
    SignalReceived,
    TimerFired,
    UpdateReceived,
)
from perdure.core.moving import live, move, obstacles
from perdure.core.wire import event_from_bytes, event_to_bytes, state_from_bytes, state_to_bytes
from perdure.definition import load
from perdure.program import Program
from perdure.program.compare import compare
from perdure.values import SECOND


def program(steps: str, **top: str) -> Program:
    """A program of these steps, with further top-level keys."""
    keys = "".join(f"{key}: {value}\n" for key, value in top.items())
    return load(f"workflow: w\n{keys}steps:\n{steps.lstrip(chr(10))}").program


class Walk:
    """A run that is moved by hand."""

    def __init__(self, program: Program, input: Any = None) -> None:
        self.program = program
        first = RunStarted(0, "r", input or {}, "seed")
        self.state, self.commands = machine.start(program, first)
        self.events: list[Event] = [first]

    def frame(self, label: str, number: int = -1) -> int:
        return [
            frame.id
            for frame in self.state.frames.values()
            if frame.waits and self.program.label(frame.node.step, self.state.turns(frame)) == label
        ][number]

    def then(self, event: Event) -> list[Command]:
        self.events.append(event)
        self.commands = machine.step(self.program, self.state, event)
        return self.commands

    def done(self, label: str, value: Any = None) -> list[Command]:
        return self.then(ActivityCompleted(self.state.now, self.frame(label), value))

    def refused(self, new: Program) -> list[str]:
        return [str(found) for found in obstacles(self.program, new, self.state)]

    def migrate(self, new: Program) -> None:
        assert self.refused(new) == []
        before = self.program
        for event in move(before, new, self.state, self.state.now):
            stored = event_from_bytes(event.at, event_to_bytes(event))
            self.events.append(stored)
            if isinstance(stored, Migrated):
                self.program, self.state = new, machine.migrated(new, stored)
            else:
                machine.step(new, self.state, stored)


TWO = """
  - {id: a, activity: one, compensate: {activity: undo.one}}
  - {id: b, activity: two}
"""


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(), st.integers(0, 1_000_000))
def test_a_run_may_always_move_to_its_own_definition_which_changes_nothing(found: Program, seed: int) -> None:
    class Moving(Chaos):
        def happened(self, event: Event, commands: list[Command]) -> None:
            super().happened(event, commands)
            unmoved(self.state)
            if len(self.states) > 1:
                paused = state_from_bytes(found, self.states[-2])
                for told in (PauseRequested(event.at, None), event):
                    machine.step(found, paused, told)
                unmoved(paused)

    def unmoved(state: State) -> None:
        if state.status in ("running", "paused"):
            assert obstacles(found, found, state) == []
            [moved] = move(found, found, state, state.now)
            again = event_from_bytes(moved.at, event_to_bytes(moved))
            assert state_to_bytes(fold(found, [again])) == state_to_bytes(state)

    Moving(found, seed).run()


def test_a_step_after_the_running_one_is_new_and_runs() -> None:
    walk = Walk(program(TWO))
    walk.migrate(program("  - {id: first, activity: zero}" + TWO + "  - {id: c, activity: three}\n"))
    walk.done("a")
    [called] = walk.done("b")
    assert isinstance(called, StartActivity)
    assert called.name == "three"
    walk.done("c")
    assert walk.state.status == "completed"


def test_what_is_under_way_keeps_its_frames_arguments_and_keys() -> None:
    old = program("  - {id: a, activity: one, with: {n: 1}, retry: {attempts: 3}}\n")
    walk = Walk(old)
    before = machine.outstanding(walk.program, walk.state)
    walk.migrate(program("  - {id: a, activity: one, with: {n: 2}, retry: {attempts: 5}}\n"))
    assert machine.outstanding(walk.program, walk.state) == before
    walk.then(ActivityFailed(0, walk.frame("a"), {"type": "X", "message": ""}))
    [retry] = [frame for frame in walk.state.frames.values() if frame.waits == "retry"]
    [again] = walk.then(TimerFired(retry.due or 0, retry.id))
    assert isinstance(again, StartActivity)
    assert (again.arguments, again.attempt) == ({"n": 2}, 2)


RENAMED = """
  - {id: x, activity: one, compensate: {activity: undo.one}}
  - {id: b, activity: two}
"""


def test_a_renamed_step_that_runs_is_an_obstacle_with_both_places() -> None:
    walk = Walk(program(TWO))
    [told] = compare(walk.program, program(RENAMED), live(walk.state))[:1]
    assert told.message == "a has begun, and there is no such activity in the new definition; was it renamed to x?"
    assert (told.old is not None, told.new is not None) == (True, True)
    assert told.old is not None
    assert told.new is not None
    assert (told.old.line, told.new.line) == (3, 3)


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ("  - {id: a, activity: other, compensate: {activity: undo.one}}", "a is calling one, and would call other"),
        ("  - {id: a, wait: 1s, compensate: {activity: undo.one}}", "a has begun as activity, and is wait"),
        ("  - {id: a, activity: one}", "a has begun, and has no `output` or `compensate`"),
        ("  - {id: a, activity: one, timeout: 5s, compensate: {activity: undo.one}}", "has other modifiers now"),
    ],
)
def test_a_running_step_keeps_its_kind_its_activity_and_its_modifiers(steps: str, why: str) -> None:
    [told] = Walk(program(TWO)).refused(program(f"{steps}\n  - {{id: b, activity: two}}\n"))[:1]
    assert why in told
    assert "(old <text>:3:5, new <text>:3:5)" in told


def test_a_step_that_has_ended_must_not_come_to_run_again() -> None:
    walk = Walk(program("  - {id: a, activity: one}\n  - {id: b, activity: two}\n"))
    walk.done("a")
    [told] = walk.refused(program("  - {id: b, activity: two}\n  - {id: a, activity: one}\n"))
    assert told.startswith("a has ended, and would run again")


def test_a_result_that_was_not_kept_and_is_read_now_is_an_obstacle() -> None:
    walk = Walk(program("  - {id: a, activity: one}\n  - {id: b, activity: two}\n"))
    walk.done("a", 1)
    reads = "  - {id: a, activity: one}\n  - {id: b, activity: two}\n  - {set: {v: '{{ steps.a }}'}}\n"
    [told] = walk.refused(program(reads))
    assert told.startswith("set reads the result of a, which the old definition did not keep (old <text>:")
    still_to_run = "  - {id: a, activity: one}\n  - {id: b, activity: two}\n  - {set: {v: '{{ steps.b }}'}}\n"
    assert walk.refused(program(still_to_run)) == []


def test_a_result_of_a_new_step_that_the_run_has_passed_is_an_obstacle_unless_it_may_be_missing() -> None:
    walk = Walk(program("  - {id: a, activity: one}\n"))
    above = "  - {id: new, activity: zero}\n  - {id: a, activity: one}\n"
    [told] = walk.refused(program(above + "  - {set: {v: '{{ steps.new.x }}'}}\n"))
    assert "reads the result of new, which this run has passed without it" in told
    assert walk.refused(program(above + "  - {set: {v: '{{ steps.new.x | default(0) }}'}}\n")) == []


def test_a_new_variable_begins_with_its_initial_value_and_one_nobody_sets_is_an_obstacle() -> None:
    walk = Walk(program("  - {id: a, activity: one}\n", vars="{v: 1}"), {"n": 7})
    new = program(
        "  - {id: a, activity: one}\n  - {activity: two, with: {n: '{{ vars.w }}'}}\n",
        vars="{v: 9, w: '{{ input.n }}'}",
    )
    walk.migrate(new)
    assert walk.state.vars == {"v": 1, "w": 7}
    [called] = walk.done("a")
    assert isinstance(called, StartActivity)
    assert called.arguments == {"n": 7}


def test_the_input_must_fit_the_new_definition() -> None:
    walk = Walk(program("  - {id: a, activity: one}\n"), {"n": 1})
    new = program("  - {id: a, activity: one}\n", input="{type: object, properties: {n: {type: string}}}")
    [told] = walk.refused(new)
    assert told.startswith("the run's input does not fit the new definition")


def test_a_registered_undo_must_exist_and_read_what_was_kept() -> None:
    walk = Walk(program(TWO))
    walk.done("a", {"id": 1})
    [told] = walk.refused(program("  - {id: a, activity: one}\n  - {id: b, activity: two}\n"))
    assert told.startswith("a is to be undone if the run fails, and has no compensate now (old <text>:3:5")
    reads = TWO.replace("undo.one}", "undo.one, with: {id: '{{ steps.a.id }}'}}")
    [told] = walk.refused(program(reads))
    assert told.startswith("the undo of a reads steps.a, which was not kept for it")
    walk.migrate(program(TWO.replace("undo.one", "undo.better")))
    [called] = walk.then(ActivityFailed(0, walk.frame("b"), {"type": "X", "message": ""}))
    assert isinstance(called, StartActivity)
    assert called.name == "undo.better"


def test_a_running_undo_must_exist() -> None:
    walk = Walk(program(TWO))
    walk.done("a")
    walk.then(ActivityFailed(0, walk.frame("b"), {"type": "X", "message": ""}))
    assert walk.refused(program("  - {id: a, activity: one}\n  - {id: b, activity: two}\n")) != []
    walk.migrate(program(TWO + "  - {id: c, activity: three}\n"))
    walk.done("a/compensate")
    assert (walk.state.status, walk.state.undone) == ("failed", ["a"])


LOOP = (
    "  - {{id: each, foreach: '[1, 2]', {more} steps: [{{id: a, activity: one, with: {{n: '{{{{ {item} }}}}'}}}}]}}\n"
)


def test_turns_of_a_loop_go_on_under_the_new_definition() -> None:
    walk = Walk(program(LOOP.format(more="concurrency: 2,", item="item")))
    assert walk.refused(program(LOOP.format(more="as: it,", item="it")))[0].startswith(
        "each calls its item item, and would call it it"
    )
    longer = LOOP.format(more="", item="item").replace("}}]}", "}}, {id: b, activity: two, with: {n: '{{ index }}'}}]}")
    walk.migrate(program(longer))
    [called] = walk.done("each[1]/a")
    assert isinstance(called, StartActivity)
    assert (called.address, called.arguments) == ("each[1]/b", {"n": 1})


GROUP = "  - {{id: g, parallel: {{branches: {{{branches}}}}}}}\n  - {{set: {{v: '{{{{ {read} }}}}'}}}}\n"


def test_a_running_parallel_keeps_its_branches_and_its_ended_branches_are_passed() -> None:
    x, y = "x: [{id: a, activity: one}]", "y: [{id: b, activity: two}]"
    walk = Walk(program(GROUP.format(branches=f"{x}, {y}", read="1")))
    walk.done("a", 5)
    assert "would have a branch z" in walk.refused(program(GROUP.format(branches=f"{x}, {y}, z: []", read="1")))[0]
    assert "has no branch x" in walk.refused(program(GROUP.format(branches=y, read="1")))[0]
    assert "result of a, which the old" in walk.refused(program(GROUP.format(branches=f"{x}, {y}", read="steps.a")))[0]
    assert walk.refused(program(GROUP.format(branches=f"{x}, {y}", read="steps.b"))) == []


RECEIVE = """
  - id: cart
    receive:
      state: {n: 0}
      on:
%s
      until: state.n >= 3
"""
ADD = """\
        - update: add
          steps: [{id: work, activity: one}]
          set: {n: '{{ state.n + 1 }}'}
          reply: '{{ state.n }}'
"""
PLUS = "        - {signal: plus, set: {n: '{{ state.n + 2 }}'}}\n"


def test_messages_find_their_handlers_again_and_new_handlers_take_what_came_early() -> None:
    walk = Walk(program(RECEIVE % ADD))
    walk.then(UpdateReceived(0, "add", 1, "u1"))
    walk.then(UpdateReceived(0, "add", 1, "u2"))
    walk.then(SignalReceived(0, "plus", None, "s"))
    assert len(walk.state.signals) == 1
    assert "has a message for add, which has no handler now" in walk.refused(program(RECEIVE % PLUS))[0]
    walk.migrate(program(RECEIVE % (PLUS + ADD)))
    assert walk.state.signals == []
    assert ReplyUpdate("u1", 1) in walk.done("cart/add[0]/work")
    assert ReplyUpdate("u2", 2) in walk.done("cart/add[1]/work")
    assert walk.state.status == "completed"


def test_an_open_question_stays_as_it_is_asked() -> None:
    walk = Walk(program("  - {id: q, ask: {prompt: Old?, choices: [y, n]}}\n"))
    walk.migrate(program("  - {id: q, ask: {prompt: New?, choices: [maybe]}}\n  - {id: b, activity: two}\n"))
    [asked] = machine.outstanding(walk.program, walk.state)
    assert isinstance(asked, OpenAsk)
    assert asked.body["prompt"] == "Old?"
    [_, called] = walk.then(AskAnswered(0, walk.frame("q"), "y", None))
    assert isinstance(called, StartActivity)


def test_a_wait_keeps_what_it_waits_for_and_its_moment() -> None:
    walk = Walk(program("  - {id: w, wait: {signal: go, timeout: 5s}}\n"))
    assert (
        "would wait for something else" in walk.refused(program("  - {id: w, wait: {signal: stop, timeout: 5s}}\n"))[0]
    )
    walk.migrate(program("  - {id: w, wait: {signal: go, timeout: 9s, default: 3}}\n"))
    walk.then(TimerFired(5 * SECOND, walk.frame("w")))
    assert walk.state.outcome is not None
    assert walk.state.outcome["output"] == 3


def test_a_step_without_an_id_is_not_taken_for_another() -> None:
    walk = Walk(program("  - {wait: {signal: go}}\n"))
    two = "  - {wait: {signal: go}}\n  - {wait: {signal: go}}\n"
    assert "has no id, and steps like it were added" in walk.refused(program(two))[0]
    assert walk.refused(program("  - {id: n, wait: {signal: go}}\n  - {wait: {signal: go}}\n")) == []


def test_a_child_that_runs_keeps_its_workflow() -> None:
    walk = Walk(program("  - {id: c, workflow: kid}\n"))
    assert "waits for a run of kid" in walk.refused(program("  - {id: c, workflow: other}\n"))[0]
    walk.migrate(program("  - {id: c, workflow: kid}\n  - {id: b, activity: two}\n"))
    [called] = walk.then(ChildEnded(0, walk.frame("c"), "completed", 1, None))
    assert isinstance(called, StartActivity)


def test_a_fragment_that_runs_must_have_an_input_that_fits() -> None:
    text = """
workflow: w
fragments: {f: {input: {type: object, properties: {n: {}, m: {}}%s}, steps: [{id: a, activity: one}]}}
steps: [{id: u, use: f, with: {n: 1%s}}]
"""
    walk = Walk(load(text % ("", "")).program)
    found = walk.refused(load(text % (", required: [m]", ", m: 1")).program)
    assert found[0].startswith("u has begun with an input that does not fit now")


def test_an_error_is_dealt_with_by_the_arm_that_caught_it() -> None:
    catch = "  - {id: a, activity: one, catch: [%s]}\n"
    arm, other = "{errors: [X], steps: [{id: h, activity: heal}]}", "{errors: [Y], steps: [{id: k, activity: kill}]}"
    walk = Walk(program(catch % arm))
    walk.then(ActivityFailed(0, walk.frame("a"), {"type": "X", "message": ""}))
    assert walk.refused(program(catch % other)) != []
    walk.migrate(program(catch % f"{other}, {arm}"))
    walk.done("h")
    assert walk.state.status == "completed"


def test_a_held_step_may_be_any_step_of_its_kind() -> None:
    walk = Walk(program("  - {id: a, activity: one}\n  - {id: b, activity: two}\n"))
    walk.then(PauseRequested(0, None))
    walk.done("a")
    walk.migrate(program("  - {id: a, activity: one}\n  - {id: b, activity: other}\n"))
    [called] = walk.then(ResumeRequested(0))
    assert isinstance(called, StartActivity)
    assert called.name == "other"


def test_a_held_step_may_become_another_kind_with_other_modifiers() -> None:
    walk = Walk(program("  - {id: a, activity: one}\n  - {id: b, activity: two}\n"))
    walk.then(PauseRequested(0, None))
    walk.done("a")
    other = "  - {id: a, activity: one}\n  - {id: b, wait: {signal: go}, timeout: 5s, output: 3}\n"
    walk.migrate(program(other))
    walk.then(ResumeRequested(0))
    walk.then(SignalReceived(0, "go", None, "s"))
    assert walk.state.outcome is not None
    assert walk.state.outcome["output"] == 3
    walk = Walk(program("  - {id: a, activity: one}\n  - {id: b, activity: two}\n"))
    walk.then(PauseRequested(0, None))
    walk.done("a")
    assert "b is next, and there is no such activity" in walk.refused(program("  - {id: a, activity: one}\n"))[0]


def test_a_cancelled_run_goes_on_unwinding_after_it_moved() -> None:
    walk = Walk(program(TWO))
    walk.done("a")
    walk.then(CancelRequested(0, None))
    walk.migrate(program(TWO + "  - {id: c, activity: three}\n"))
    walk.done("b")
    walk.done("a/compensate")
    assert (walk.state.status, walk.state.undone) == ("cancelled", ["a"])


def test_a_definition_of_another_name_is_an_obstacle() -> None:
    other = load("workflow: other\nsteps: [{id: a, activity: one}]\n").program
    [told] = Walk(program(TWO)).refused(other)
    assert told.startswith("the definition is of other, and the run is of w")


def test_a_history_with_migrations_folds_with_its_programs_and_from_the_last_one_alone() -> None:
    second, third = program(TWO + "  - {id: c, activity: x}\n"), program(TWO + "  - {id: c, activity: y}\n")
    walk = Walk(program(TWO))
    first = walk.program
    walk.done("a", 1)
    walk.migrate(second)
    walk.done("b")
    with pytest.raises(AssertionError):
        walk.migrate(third)
    walk.migrate(program(TWO + "  - {id: c, activity: x}\n  - {id: d, activity: z}\n"))
    state: State = fold([first, second, walk.program], walk.events)
    assert state_to_bytes(state) == state_to_bytes(walk.state)
    last = max(index for index, event in enumerate(walk.events) if isinstance(event, Migrated))
    assert state_to_bytes(fold(walk.program, walk.events[last:])) == state_to_bytes(walk.state)


def test_a_reopened_run_counts_its_times_from_now_and_asks_for_all_again() -> None:
    branches = "x: [{id: a, activity: one}], y: [{id: w, wait: 10s}], z: [{id: u, wait: {until: 1970-01-01T00:01:00Z}}]"
    walk = Walk(program(f"  - {{id: p, parallel: {{branches: {{{branches}}}}}}}\n"))
    commands = walk.then(Reopened(100 * SECOND, 50, 3))
    dues = {walk.program.label(f.node.step): f.due for f in walk.state.frames.values() if f.due is not None}
    assert dues == {"w": 110 * SECOND, "u": 60 * SECOND}
    assert commands == machine.outstanding(walk.program, walk.state)
    assert walk.state.counter == 50
