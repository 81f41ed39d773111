"""Attempts that other workers make: what the machine waits for meanwhile, and how each end moves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

import perdure
from perdure.core import State, machine, wire
from perdure.core.commands import CancelActivity, CancelTimer, CloseRun, Command, StartActivity, StartTimer
from perdure.core.events import (
    ActivityCancelled,
    ActivityCompleted,
    ActivityFailed,
    AttemptLost,
    AttemptQueued,
    AttemptStarted,
    CancelRequested,
    Event,
    RunStarted,
    TimerFired,
)
from perdure.program import Program
from perdure.values import SECOND


class Queued:
    """A run whose only step was handed to other workers at second 1; every turn is checked by the fold."""

    def __init__(self, *keys: str) -> None:
        lines = "".join(f"    {key}\n" for key in keys)
        self.program: Program = perdure.load(f"workflow: w\nsteps:\n  - activity: a\n    queue: q\n{lines}").program
        self.journal: list[Event] = [RunStarted(0, "r", {}, "seed")]
        self.state: State
        self.state, commands = machine.start(self.program, self.journal[0])  # type: ignore[arg-type]
        [started] = [command for command in commands if isinstance(command, StartActivity)]
        self.frame = started.frame
        self.first = self.step(AttemptQueued(SECOND, self.frame))

    def step(self, event: Event) -> list[Command]:
        self.journal.append(event)
        commands = machine.step(self.program, self.state, event)
        again = wire.state_from_bytes(self.program, wire.state_to_bytes(self.state))
        folded = machine.fold(self.program, [wire.event_from_bytes(e.at, wire.event_to_bytes(e)) for e in self.journal])
        assert wire.state_to_bytes(again) == wire.state_to_bytes(folded) == wire.state_to_bytes(self.state)
        return commands

    def outstanding(self) -> Sequence[Command]:
        return machine.outstanding(self.program, self.state)

    @property
    def error(self) -> Any:
        assert self.state.outcome is not None
        return self.state.outcome["error"]


def test_nothing_is_asked_for_again_while_others_have_it() -> None:
    run = Queued()
    assert run.first == []
    assert run.outstanding() == []
    [closed] = run.step(ActivityCompleted(2 * SECOND, run.frame, 5))
    assert isinstance(closed, CloseRun)
    assert run.state.outcome is not None
    assert run.state.outcome["output"] == 5


def test_a_lost_attempt_is_asked_for_anew() -> None:
    run = Queued()
    [again] = run.step(AttemptLost(2 * SECOND, run.frame))
    assert isinstance(again, StartActivity)
    assert (again.attempt, again.queue) == (2, "q")
    assert run.outstanding() == [again]


def test_a_call_that_costs_too_many_workers_fails() -> None:
    run = Queued()
    for number in range(9):
        run.step(AttemptLost(number * SECOND, run.frame))
        run.step(AttemptQueued(number * SECOND, run.frame))
    run.step(AttemptLost(20 * SECOND, run.frame))
    assert (run.error["type"], run.error["attempt"]) == ("WorkerLost", 10)


def test_an_attempt_that_may_be_made_once_is_not_made_again() -> None:
    run = Queued("retry: {attempts: 1}")
    run.step(AttemptLost(2 * SECOND, run.frame))
    assert run.error["type"] == "WorkerLost"


def test_a_cancelled_attempt_is_waited_for() -> None:
    run = Queued()
    [cancel] = run.step(CancelRequested(2 * SECOND, None))
    assert cancel == CancelActivity(run.frame)
    assert run.outstanding() == [cancel]
    run.step(ActivityCancelled(3 * SECOND, run.frame))
    assert run.state.status == "cancelled"


@pytest.mark.parametrize("end", [AttemptLost, ActivityCancelled])
def test_of_a_cancelled_attempt_any_end_will_do(end: Any) -> None:
    run = Queued("timeout: {queue: 10s}")
    assert run.step(CancelRequested(2 * SECOND, None)) == [CancelTimer(run.frame), CancelActivity(run.frame)]
    run.step(end(3 * SECOND, run.frame))
    assert run.state.status == "cancelled"


def test_the_time_in_the_queue_runs_out_while_nobody_has_begun() -> None:
    run = Queued("timeout: {queue: 10s}")
    assert run.first == [StartTimer(run.frame, 11 * SECOND)]
    assert run.outstanding() == run.first
    assert run.step(TimerFired(11 * SECOND, run.frame)) == [CancelActivity(run.frame)]
    assert run.outstanding() == [CancelActivity(run.frame)]
    run.step(ActivityCancelled(12 * SECOND, run.frame))
    assert (run.error["type"], run.error["message"]) == ("Timeout", "no worker was free within 10s")


def test_once_begun_the_time_in_the_queue_is_over() -> None:
    run = Queued("timeout: {queue: 10s}")
    assert run.step(AttemptStarted(2 * SECOND, run.frame)) == [CancelTimer(run.frame)]
    assert run.outstanding() == []
    assert run.step(TimerFired(11 * SECOND, run.frame)) == []
    run.step(ActivityCompleted(20 * SECOND, run.frame, 1))
    assert run.state.status == "completed"


def test_an_attempt_that_was_begun_just_in_time_counts() -> None:
    """Its beginning was not known yet when the time was over; it ends well all the same."""
    run = Queued("timeout: {queue: 10s}")
    run.step(TimerFired(11 * SECOND, run.frame))
    run.step(ActivityCompleted(12 * SECOND, run.frame, 1))
    assert run.state.status == "completed"


def test_a_lost_attempt_has_its_time_in_the_queue_anew() -> None:
    run = Queued("timeout: {queue: 10s}")
    cleared, again = run.step(AttemptLost(5 * SECOND, run.frame))
    assert cleared == CancelTimer(run.frame)
    assert isinstance(again, StartActivity)
    assert run.step(AttemptQueued(6 * SECOND, run.frame)) == [StartTimer(run.frame, 16 * SECOND)]


def test_a_retry_after_a_failure_is_another_attempt_in_the_queue() -> None:
    run = Queued("retry: {attempts: 2, delay: 1s, jitter: 0}")
    error = {"type": "X", "message": "", "details": None, "cause": None}
    run.step(ActivityFailed(2 * SECOND, run.frame, error))
    [timer] = [command for command in run.outstanding() if isinstance(command, StartTimer)]
    commands = run.step(TimerFired(timer.due, timer.frame))
    [again] = [command for command in commands if isinstance(command, StartActivity)]
    assert (again.queue, again.attempt) == ("q", 2)
    assert again.frame != run.frame
