"""Where a history is to be cut: the event an error arose from, and that in which a step completed."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_fold_law import Chaos, programs
from test_moving import Walk, program

from perdure.core import fold, machine, outstanding
from perdure.core.events import (
    ActivityCancelled,
    ActivityCompleted,
    ActivityFailed,
    CancelRequested,
    Event,
    Reopened,
    SignalReceived,
    TerminateRequested,
    TimerFired,
)
from perdure.core.watching import cause, completion, watch
from perdure.core.wire import state_to_bytes
from perdure.program import Program
from perdure.testing.laws import Open, check_restart
from perdure.values import SECOND

BROKEN = {"type": "X", "message": ""}


def arose(walk: Walk) -> Event | None:
    """The event from which a run that has ended badly did so."""
    assert walk.state.outcome is not None
    found = cause([walk.program], walk.events)
    return None if found is None else walk.events[found]


def test_a_timeout_arises_when_the_time_was_up_not_when_all_had_unwound() -> None:
    walk = Walk(program("  - {id: a, activity: one, timeout: 5s}\n"))
    deadline = next(frame for frame in walk.state.frames.values() if frame.due is not None)
    fired = TimerFired(5 * SECOND, deadline.id)
    walk.then(fired)
    walk.then(SignalReceived(6 * SECOND, "x", None, "s"))
    walk.then(ActivityCancelled(7 * SECOND, walk.frame("a")))
    assert arose(walk) == fired


def test_an_error_that_is_held_while_siblings_unwind_arises_where_it_was_raised() -> None:
    walk = Walk(
        program("  - {id: g, parallel: {branches: {x: [{id: a, activity: one}], y: [{id: b, activity: two}]}}}\n")
    )
    failed = ActivityFailed(1, walk.frame("a"), BROKEN)
    walk.then(failed)
    walk.then(ActivityCancelled(2, walk.frame("b")))
    assert arose(walk) == failed


def test_a_join_fails_where_it_could_no_longer_be_met() -> None:
    steps = "{id: a, activity: one}", "{id: b, activity: two}", "{id: c, activity: three}"
    branches = ", ".join(f"{name}: [{step}]" for name, step in zip("xyz", steps, strict=True))
    walk = Walk(program(f"  - {{id: g, parallel: {{join: 2, branches: {{{branches}}}}}}}\n"))
    walk.then(ActivityFailed(1, walk.frame("a"), BROKEN))
    last = ActivityFailed(2, walk.frame("b"), BROKEN)
    walk.then(last)
    walk.then(ActivityCancelled(3, walk.frame("c")))
    assert arose(walk) == last


def test_the_last_of_several_attempts_counts() -> None:
    walk = Walk(program("  - {id: a, activity: one, retry: {attempts: 2, delay: 1s, jitter: 0}}\n"))
    walk.then(ActivityFailed(1, walk.frame("a"), BROKEN))
    walk.then(TimerFired(2 * SECOND, next(frame.id for frame in walk.state.frames.values() if frame.due is not None)))
    last = ActivityFailed(3 * SECOND, walk.frame("a"), BROKEN)
    walk.then(last)
    assert arose(walk) == last


def test_an_error_in_finally_is_the_one_the_run_failed_of() -> None:
    walk = Walk(program("  - {id: a, activity: one, finally: [{id: f, activity: two}]}\n"))
    walk.then(ActivityFailed(1, walk.frame("a"), BROKEN))
    late = ActivityFailed(2, walk.frame("f"), {"type": "Y", "message": ""})
    walk.then(late)
    assert arose(walk) == late


def test_a_run_that_was_cancelled_or_terminated_ended_of_that() -> None:
    walk = Walk(program("  - {id: a, activity: one, compensate: {activity: undo}}\n  - {id: b, activity: two}\n"))
    walk.done("a")
    cancel = CancelRequested(1, None)
    walk.then(cancel)
    walk.then(ActivityCancelled(2, walk.frame("b")))
    walk.done("a/compensate")
    assert arose(walk) == cancel
    walk = Walk(program("  - {id: a, activity: one}\n"))
    terminate = TerminateRequested(1, None)
    walk.then(terminate)
    assert arose(walk) == terminate


def test_a_result_that_does_not_fit_fails_the_run_with_its_last_event() -> None:
    walk = Walk(program("  - {id: a, activity: one}\n", output_schema="{type: integer}"))
    walk.done("a", "text")
    assert isinstance(arose(walk), ActivityCompleted)


def test_a_step_completes_by_its_id_its_address_or_its_turn() -> None:
    walk = Walk(
        program("  - {id: each, foreach: '[1, 2]', steps: [{id: a, activity: one}]}\n  - {id: b, activity: two}\n")
    )
    walk.done("each[0]/a")
    walk.done("each[1]/a")
    walk.done("b")
    found = [completion([walk.program], walk.events, name) for name in ("each[0]/a", "a", "each", "b", "c")]
    assert found == [1, 2, 2, 3, None]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(), st.integers(0, 1_000_000))
def test_a_history_cut_where_its_error_arose_goes_on(found: Program, seed: int) -> None:
    chaos = Chaos(found, seed)
    chaos.run()
    for _ in watch([found], chaos.events):
        pass  # it folds as the machine does
    if chaos.state.status == "completed":
        return
    cut = cause([found], chaos.events)
    assert cut is not None
    if cut:
        state = fold(found, chaos.events[:cut])
        assert state.status == "running"
        assert state.ending is None or chaos.state.status == "failed"
        commands = machine.step(found, state, Reopened(chaos.now + SECOND, chaos.state.counter, chaos.state.draws))
        if state.status == "running":
            assert commands == outstanding(found, state)
            check_restart(found, state, Open.of(commands))
            again = fold(
                found, [*chaos.events[:cut], Reopened(chaos.now + SECOND, chaos.state.counter, chaos.state.draws)]
            )
            assert state_to_bytes(again) == state_to_bytes(state)
