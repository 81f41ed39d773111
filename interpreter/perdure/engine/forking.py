"""Runs that go on from a point in the past: a fork is a new run, a retry takes the place of the run that failed.

Both copy the journal up to a point and end it with `Reopened`, so that the copy folds like any other history. Where a
history is to be cut, `perdure.core.watching` says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from perdure.core import State, fold, machine
from perdure.core.blocks.activity import ActivityFrame
from perdure.core.blocks.child import ChildFrame
from perdure.core.blocks.retry import RetryFrame
from perdure.core.events import (
    ActivityCancelled,
    ActivityFailed,
    AttemptLost,
    Delivered,
    Event,
    Migrated,
    PauseRequested,
    Reopened,
    RunStarted,
    SignalReceived,
    TimerFired,
)
from perdure.core.lifecycle import ENDED
from perdure.core.moving import move, obstacles
from perdure.core.watching import cause, completion, watch
from perdure.definition import Definition
from perdure.engine.copying import History, commit_of, create, history_of
from perdure.engine.creation import new_run
from perdure.engine.migration import refuse, stored
from perdure.engine.starting import checked_id
from perdure.errors import RunConflict
from perdure.program import Program
from perdure.stores.store import NewLetter, NewRun

if TYPE_CHECKING:
    from perdure.engine.engine import Engine

_FAILURES = (ActivityFailed, AttemptLost, ActivityCancelled)


# -- forks


async def fork(engine: Engine, run_id: str, step: str, id: str | None, definition: Definition | None) -> str:
    """The id of the new run."""
    found, new_id = await history_of(engine, run_id), checked_id(id)
    events, state, program = await asyncio.to_thread(_until_behind, found, step, new_id)
    now = max(engine._clock.now(), state.now)
    children = [frame.id for frame in state.frames.values() if isinstance(frame, ChildFrame)]
    if definition is not None:
        state, program = _moved(run_id, events, state, program, definition.program)
        await engine._definitions.keep(definition)
    reopened = Reopened(now, state.counter, state.draws + uuid4().int % (1 << 40), children)
    events.append(reopened)
    machine.step(program, state, reopened)
    run = _copied(found, new_id, state, program, now)
    await create(engine, commit_of(run, program, state, events))
    return new_id


def _until_behind(found: History, step: str, id: str) -> tuple[list[Event], State, Program]:
    """The history until a step has completed, as another run's, and what it comes to. Long for a long one."""
    run_id = found.row.id
    index = completion(found.programs, found.events, step)
    if index is None:
        raise RunConflict(f"{step} has not completed in the run {run_id} ({_completed(found)})", run=run_id)
    events = _renamed(found, _cut_behind(found, index, step), id)
    state, program = _folded(found, events)
    if state.status in ENDED:
        raise RunConflict(f"the run {run_id} ends with {step}: fork it at a step before", run=run_id)
    return events, state, program


def _cut_behind(found: History, index: int, step: str) -> list[Event]:
    """The history until a step has completed, and nothing has begun after it: a pause goes before its completion,
    unless the step would not complete then because it begins with the same event."""
    before, last = found.events[:index], found.events[index]
    if index == 0:
        return [last]
    held = [*before, PauseRequested(last.at, "forked"), last]
    programs = found.programs
    return held if completion(programs, held, step) == index + 1 else [*before, last]


def _renamed(found: History, events: Sequence[Event], id: str) -> list[Event]:
    """The events as those of another run, which has no part in the children that were let go before."""
    first = events[0]
    assert isinstance(first, RunStarted)
    copied: list[Event] = [replace(first, run=id, generation=0, children=None)]
    following = iter(found.programs)
    program = next(following)
    original, state = fold(program, events[:1]), fold(program, copied)
    _check_alike(found, original, state)
    for event in events[1:]:
        if isinstance(event, Migrated):
            before, program = program, next(following)
            copied.append(move(before, program, state, event.at)[0])
            original, state = machine.migrated(program, event), fold(program, copied[-1:])
            continue
        child = original.frames.get(getattr(event, "frame", 0))
        if isinstance(event, Delivered) and isinstance(child, ChildFrame):
            event = replace(event, result=event.result or child.child)
        copied.append(event)
        machine.step(program, original, event)
        machine.step(program, state, event)
        _check_alike(found, original, state)
    return copied


def _check_alike(found: History, original: State, copy: State) -> None:
    """The copy must do what the original did, though its id is another."""
    alike = original.frames.keys() == copy.frames.keys() and all(
        frame.node is original.frames[id].node for id, frame in copy.frames.items()
    )
    if not alike:
        message = f"what the run {found.row.id} did depends on its id (run.id): it cannot be forked"
        raise RunConflict(message, run=found.row.id)


def _completed(found: History) -> str:
    labels: dict[str, None] = {}
    for seen in watch(found.programs, found.events):
        labels.update(dict.fromkeys(end.label for end in (seen.turn.ended if seen.turn else ()) if end.completed))
    names = list(labels)
    return "completed are " + ", ".join(names[-20:]) if names else "no step has"


# -- retries


async def retry(engine: Engine, run_id: str) -> None:
    """The run goes on from before what it failed of, under its own id."""
    found = await history_of(engine, run_id)
    _check_retriable(found)
    cut, (state, program), (final, _) = await asyncio.to_thread(_until_cause, found)
    events, tail = found.events[:cut], found.events[cut:]
    _check_undone(found, state, final)
    _check_at_most_once(found, state, tail)
    anew = [tail[0].frame] if tail and isinstance(tail[0], TimerFired) else []
    anew += await _children_anew(engine, found, state)
    now = max(engine._clock.now(), state.now)
    events.append(Reopened(now, final.counter, final.draws, anew))
    machine.step(program, state, events[-1])
    if program.digest != found.row.digest:
        state, program = _moved(run_id, events, state, program, found.programs[-1])
    for event in tail[1:]:
        if isinstance(event, SignalReceived):
            events.append(replace(event, at=now))
            machine.step(program, state, events[-1])
    commit = commit_of(_copied(found, run_id, state, program, now, again=True), program, state, events)
    commit.received = [event.id for event in events if isinstance(event, SignalReceived)]
    letters = await engine._store.letters_of(found.row.key)
    commit.letters = [
        *commit.letters,
        *(NewLetter(run_id, letter.kind, letter.id, now, letter.body) for letter in letters if letter.kind == "signal"),
    ]
    await create(engine, commit)


def _until_cause(found: History) -> tuple[int, tuple[State, Program], tuple[State, Program]]:
    """How many events came before what the run failed of, what they come to, and what all come to. Long for a long
    history."""
    cut = cause(found.programs, found.events)
    if cut == 0:
        raise RunConflict(f"the run {found.row.id} failed as it began: start it again", run=found.row.id)
    cut = len(found.events) if cut is None else cut
    return cut, _folded(found, found.events[:cut]), _folded(found, found.events)


def _check_retriable(found: History) -> None:
    row, first = found.row, found.events[0]
    assert isinstance(first, RunStarted)
    if row.closed_at is None:
        raise RunConflict(f"the run {row.id} has not ended: it is {row.status}", run=row.id)
    if row.status not in ("failed", "cancelled", "terminated"):
        raise RunConflict(f"the run {row.id} is {row.status}: only a run that ended badly is retried", run=row.id)
    if first.run != row.id:
        raise RunConflict(f"the run {row.id} has given its id {first.run} to another run; fork it", run=row.id)


def _check_undone(found: History, state: State, final: State) -> None:
    """What was undone would have to be done again, and the copied history says it is done."""
    undone = [
        *final.undone[len(state.undone) :],
        *(entry["step"] for entry in final.not_undone[len(state.not_undone) :]),
    ]
    if undone:
        steps = ", ".join(undone)
        message = f"steps of the run {found.row.id} were undone since it failed: {steps}"
        raise RunConflict(f"{message}; fork it at a step before them, or start it again", run=found.row.id)


def _check_at_most_once(found: History, state: State, tail: Sequence[Event]) -> None:
    """A step that may run once only must not run again beside the one that is retried."""
    failed = tail[0].frame if tail and isinstance(tail[0], _FAILURES) else 0
    for frame in state.frames.values():
        if isinstance(frame, ActivityFrame) and (frame.started or frame.queued) and frame.id != failed:
            around = state.frames.get(frame.parent)
            while around is not None and around.node.step == frame.node.step:
                if isinstance(around, RetryFrame) and around.most == 1:
                    label = found.programs[-1].label(frame.node.step, state.turns(frame))
                    message = f"{label} runs at most once, and had begun: a retry would run it again"
                    raise RunConflict(f"{message}; fork the run at a step before it", run=found.row.id)
                around = state.frames.get(around.parent)


async def _children_anew(engine: Engine, found: History, state: State) -> list[int]:
    """The children that are waited for and must be started again: those that did not complete and never will."""
    anew = []
    for frame in state.frames.values():
        if not isinstance(frame, ChildFrame) or frame.id in state.held or frame.cancelling:
            continue
        row = await engine._store.find(frame.child)
        if row is None or row.status == "completed" or (row.closed_at is None and not await _stopping(engine, row.id)):
            continue
        anew.append(frame.id)
    return anew


async def _stopping(engine: Engine, child: str) -> bool:
    """Whether an open run has been told to stop."""
    row = await engine._row(child)
    state, _, _ = await stored(engine, row)
    letters = await engine._store.letters_of(row.key)
    return state.ending is not None or any(letter.kind in ("cancel", "terminate") for letter in letters)


# -- both


def _folded(found: History, events: Sequence[Event]) -> tuple[State, Program]:
    """What some of a history comes to, and the program it has then."""
    migrations = sum(1 for event in events if isinstance(event, Migrated))
    return fold(found.programs, events), found.programs[migrations]


def _moved(run_id: str, events: list[Event], state: State, old: Program, new: Program) -> tuple[State, Program]:
    if old.digest == new.digest:
        return state, old
    refuse(run_id, obstacles(old, new, state))
    further = move(old, new, state, state.now)
    events.extend(further)
    return fold(new, further), new


def _copied(found: History, id: str, state: State, program: Program, now: int, *, again: bool = False) -> NewRun:
    row = found.row
    copied = new_run(program, id, found.events[0].at, labels=row.labels, parent=row.parent if again else None)
    status = copied.status if state.status in ENDED else state.status
    return replace(copied, status=status, wake_at=now, replaces=row.key if again else None)
