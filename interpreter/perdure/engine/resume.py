"""Bringing a run back from the store: its snapshot, the events after it, and what it is waiting for."""

from __future__ import annotations

from perdure.core import State, fold, outstanding, wire
from perdure.core.blocks.activity import ActivityFrame
from perdure.core.commands import CloseRun, Command, OpenAsk
from perdure.core.events import ActivityCancelled, AttemptLost, Event, RunStarted, SignalReceived
from perdure.core.lifecycle import ENDED
from perdure.engine.live import LiveRun
from perdure.engine.programs import Programs
from perdure.program import Program
from perdure.stores.store import RunRow, Store


async def resume(store: Store, programs: Programs, row: RunRow, now: int) -> tuple[LiveRun, list[Command]]:
    """A claimed run as it was, and the commands to carry out. Attempts whose start is in the journal are lost: nobody
    else can be running them. Raises StoreError, or InternalError where the history cannot be folded."""
    program = await programs.get(row.digest)
    snapshot, tail, heartbeats = await store.load(row.key)
    state, seq = restore(program, snapshot, tail)
    run = LiveRun(row.key, row, program, state, seq, recoveries=row.recoveries)
    run.heartbeats = heartbeats
    if snapshot is not None:
        run.snapshot_seq, run.snapshot_size = snapshot[0], len(snapshot[1])
    run.tail_size = sum(len(event) for _, _, event in tail)
    commands = outstanding(program, state)
    begun = snapshot is None and _only_begun(tail)
    if begun:
        run.listening = set()  # a child, or a run that was continued, is left to its first worker as it was started
    overdue = any(frame.due is not None and frame.due <= now for frame in state.frames.values())
    run.decided.commands.extend(_unwritten(state, begun or overdue, commands))
    settled = set()
    for event in _of_the_dead(state, now):
        settled.add(event.frame)  # type: ignore[union-attr]
        run.advance(event)
    return run, [command for command in commands if getattr(command, "frame", None) not in settled]


def _unwritten(state: State, begun: bool, commands: list[Command]) -> list[Command]:
    """What was decided and nobody has written; `begun` where that is the beginning of a run."""
    if state.status in ENDED:
        assert state.outcome is not None
        return [CloseRun(state.status, state.outcome)]
    return [command for command in commands if begun and isinstance(command, OpenAsk)]


def _only_begun(tail: list[tuple[int, int, bytes]]) -> bool:
    """Whether nobody has moved the run yet, as far as the journal tells."""
    return all(isinstance(wire.event_from_bytes(at, event), RunStarted | SignalReceived) for _, at, event in tail)


def restore(
    program: Program, snapshot: tuple[int, bytes] | None, tail: list[tuple[int, int, bytes]]
) -> tuple[State, int]:
    """The state after the last event, and that event's number."""
    state = None if snapshot is None else wire.state_from_bytes(program, snapshot[1])
    state = fold(program, (wire.event_from_bytes(at, event) for _, at, event in tail), state)
    seq = tail[-1][0] if tail else snapshot[0] if snapshot is not None else 0
    return state, seq


def _of_the_dead(state: State, now: int) -> list[Event]:
    """What became of the attempts that ran when the run was last in memory."""
    at = max(now, state.now)
    events: list[Event] = []
    for frame in state.frames.values():
        if isinstance(frame, ActivityFrame) and not frame.queued:
            if frame.cancelling:
                events.append(ActivityCancelled(at, frame.id))
            elif frame.started:
                events.append(AttemptLost(at, frame.id))
    return events
