"""Would a recorded history still be valid? Folds it with another definition, or anew with its own, and compares.

A history is valid when every event finds the same steps alive. Changes nothing anywhere; what a step was called with
and what texts say is not compared, for what has happened has happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from perdure.core import State, fold, machine, wire
from perdure.core.blocks.activity import ActivityFrame
from perdure.core.blocks.child import ChildFrame
from perdure.core.events import Event, Migrated, RunStarted
from perdure.core.frame import Frame
from perdure.core.lifecycle import ENDED
from perdure.core.moving import move, obstacles
from perdure.engine.copying import history_of
from perdure.engine.transfer import read_run
from perdure.errors import InternalError, PerdureError
from perdure.program import Position, Program
from perdure.schemas import check_value
from perdure.stores.conditions import Compare
from perdure.stores.store import OPEN
from perdure.values import JSON, canonical, decode

if TYPE_CHECKING:
    from perdure.engine.engine import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`verdict` is valid, differs (from the event `seq` on) or declined (it cannot be told); `old` and `new` are where
    the step in question is written, as `file:line:column`."""

    run: str
    verdict: str
    reason: str | None = None
    seq: int | None = None
    old: str | None = None
    new: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


async def replay_run(engine: Engine, run_id: str, program: Program | None) -> Verdict:
    """Replay a run of a store with a program, or with those it had. Raises UnknownRun, StoreError."""
    try:
        found = await history_of(engine, run_id)
    except InternalError as problem:
        return Verdict(run=run_id, verdict="declined", reason=problem.message)
    if program is not None:
        return await asyncio.to_thread(replay, run_id, found.events, found.programs, program)
    snapshot, _, _ = await engine._store.load(found.row.key)
    outcome = None if found.row.closed_at is None else decode(found.row.outcome or b"null")
    return await asyncio.to_thread(refold, run_id, found.events, found.programs, outcome=outcome, snapshot=snapshot)


def replay_lines(lines: Iterable[str | bytes], program: Program | None) -> Verdict:
    """Replay a run that was exported. Raises InvalidInput with the number of a line that is wrong."""
    found = read_run(lines)
    if program is not None:
        return replay(found.run.id, found.events, found.programs, program)
    return Verdict(run=found.run.id, verdict="valid")  # it was folded, and came to what it says


async def open_runs(engine: Engine, workflow: str | None) -> list[str]:
    """Ids of the runs that have not ended, newest first; of one workflow, or of all."""
    where = None if workflow is None else Compare("workflow", "=", workflow)
    ids: list[str] = []
    before = None
    while rows := await engine._store.runs(where=where, statuses=OPEN, before=before, limit=1000):
        ids.extend(row.id for row in rows)
        before = rows[-1].key
    return ids


def refold(
    run_id: str,
    events: Sequence[Event],
    programs: Sequence[Program],
    *,
    outcome: JSON = None,
    snapshot: tuple[int, bytes] | None = None,
) -> Verdict:
    """Whether a history comes to what is stored of it: its outcome, its snapshot."""
    try:
        if snapshot is not None:
            state = fold(programs, events[: snapshot[0]])
            if wire.state_to_bytes(state) != snapshot[1]:
                return Verdict(run=run_id, verdict="differs", reason="the snapshot is another", seq=snapshot[0])
        state = fold(programs, events)
    except PerdureError as problem:
        return Verdict(run=run_id, verdict="declined", reason=f"the history cannot be folded: {problem}")
    if state.status in ENDED and outcome is not None and canonical(outcome) != canonical(state.outcome):
        return Verdict(run=run_id, verdict="differs", reason="the outcome is another", seq=len(events))
    return Verdict(run=run_id, verdict="valid")


def replay(run_id: str, events: Sequence[Event], programs: Sequence[Program], new: Program) -> Verdict:
    """Whether a history could be that of another program; from its last migration on, if it has any."""
    old = programs[-1]
    start = max((n for n, event in enumerate(events) if isinstance(event, Migrated)), default=0)
    beginning = _begin(events[start], old, new)
    if isinstance(beginning, str):
        return Verdict(run=run_id, verdict="declined", reason=beginning)
    before, after = beginning
    for seq, event in enumerate(events[start:], start + 1):
        try:
            if seq > start + 1:
                machine.step(old, before, event)
                machine.step(new, after, event)
        except PerdureError as problem:
            return Verdict(run=run_id, verdict="differs", seq=seq, reason=str(problem))
        found = _difference(old, before, new, after)
        if found is not None:
            reason, *places = found
            told = [None if place is None else f"{place.file}:{place.line}:{place.column}" for place in places]
            return Verdict(run=run_id, verdict="differs", seq=seq, reason=reason, old=told[0], new=told[1])
    return Verdict(run=run_id, verdict="valid")


def _begin(first: Event, old: Program, new: Program) -> tuple[State, State] | str:
    """The states that both begin with, or why they cannot."""
    if old.name != new.name:
        return f"the definition is of {new.name}, and the run is of {old.name}"
    if isinstance(first, Migrated):
        state = machine.migrated(old, first)
        found = obstacles(old, new, state)
        return "; ".join(map(str, found)) if found else (state, fold(new, move(old, new, state, state.now)))
    assert isinstance(first, RunStarted)
    problems = [] if new.input_schema is None else check_value(new.input_schema, first.input)
    if problems:
        return f"the run's input does not fit the definition: {'; '.join(problems)}"
    return machine.start(old, first)[0], machine.start(new, first)[0]


def _difference(
    old: Program, before: State, new: Program, after: State
) -> tuple[str, Position | None, Position | None] | None:
    """The first frame that is another one, in words and with both places."""
    for one, other in zip_longest(before.frames.values(), after.frames.values()):
        if one is None or other is None or _shape(one) != _shape(other):
            places = [None if f is None else p.positions.get(f.node.step) for p, f in ((old, one), (new, other))]
            return f"{_told(old, before, one)}, now {_told(new, after, other)}", places[0], places[1]
    if before.status != after.status:
        return f"the run was {before.status}, now it is {after.status}", old.positions.get(""), new.positions.get("")
    return None


def _shape(frame: Frame) -> tuple[object, ...]:
    calls = frame.node.name if isinstance(frame, ActivityFrame) else None
    child = frame.node.workflow if isinstance(frame, ChildFrame) else None
    return frame.id, frame.node.address, type(frame), calls, child


def _told(program: Program, state: State, frame: Frame | None) -> str:
    if frame is None:
        return f"nothing more was open ({state.status})"
    step = program.label(frame.node.step, state.turns(frame)) or "the document"
    part = frame.node.address.rpartition("#")[2] if "#" in frame.node.address else ""
    kind = program.kinds.get(frame.node.step, "")
    what = f"{kind} {frame.node.name}" if isinstance(frame, ActivityFrame) else kind
    return f"{step} ({what}{f', {part}' if part else ''}) was open"
