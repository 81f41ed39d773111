"""Moving an open run to another definition: asked for as a letter, decided by whoever owns the run.

`migrate` is the caller's side: it looks at the stored state first, so that most refusals come at once. `Answer` is the
worker's side: it looks again, at the live state. What may move is `perdure.core.moving`'s to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from perdure.core import State, fold, wire
from perdure.core.events import Migrated, SignalReceived
from perdure.core.moving import move, obstacles
from perdure.definition import Definition
from perdure.engine.live import LiveRun
from perdure.engine.programs import Programs
from perdure.engine.resume import restore
from perdure.errors import DefinitionError, RunConflict, StoreCorrupt, UnknownRun
from perdure.program import Program
from perdure.program.compare import Obstacle
from perdure.stores.store import Commit, Letter, RunRow, UpdateRow
from perdure.values import decode, encode

if TYPE_CHECKING:
    from perdure.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class Answer:
    """What can be said to the letter of a migration: the program it is to, or why there is none."""

    program: Program | None
    reason: str = ""

    def settle(self, run: LiveRun) -> tuple[str | None, Sequence[SignalReceived]]:
        """Move the run: why it cannot be moved, or else the signals that it takes now."""
        if self.program is None:
            return self.reason, ()
        if self.program.digest == run.program.digest:
            return None, ()
        found = obstacles(run.program, self.program, run.state)
        if found:
            return listed(found), ()
        first, *early = move(run.program, self.program, run.state, run.state.now)
        assert isinstance(first, Migrated)
        run.migrate(self.program, first)
        return None, [event for event in early if isinstance(event, SignalReceived)]


async def judge(programs: Programs, letter: Letter) -> Answer:
    """The program that the letter of a migration names. Raises StoreError where the store cannot be read."""
    try:
        return Answer(await programs.get(decode(letter.body)["digest"]))
    except (StoreCorrupt, DefinitionError, ValueError, KeyError, TypeError) as problem:
        return Answer(None, f"the definition cannot be read: {problem}")


def listed(found: Sequence[Obstacle]) -> str:
    """Obstacles, one a line."""
    return "\n".join(["it cannot go on with this definition", *(f"- {obstacle}" for obstacle in found)])


async def migrate(engine: Engine, run_id: str, definition: Definition) -> None:
    """Raises RunConflict with what is in the way; nothing has changed then."""
    row = await engine._row(run_id)
    if row.closed_at is not None:
        raise RunConflict(f"the run {run_id} has ended: it is {row.status}", run=run_id)
    if row.digest == definition.digest:
        return
    state, seq, old = await stored(engine, row)
    refuse(run_id, obstacles(old, definition.program, state))
    await engine._definitions.keep(definition)
    if row.status == "stuck":
        await _mend(engine, row, state, seq, old, definition.program)
        return
    letter = uuid4().hex
    body = encode({"digest": definition.digest})
    found = await engine._store.post(run_id, "migrate", body, id=letter, at=engine._clock.now())
    if found is None or found.closed_at is not None:
        raise RunConflict(f"the run {run_id} has ended", run=run_id)
    engine._poke()
    reply = await engine._watching.until(run_id, lambda: _settled(engine, run_id, letter))
    if reply.status == "refused":
        raise RunConflict(f"the run {run_id}: {decode(reply.body or b'{}').get('reason')}", run=run_id)


def refuse(run_id: str, found: Sequence[Obstacle]) -> None:
    """Raise RunConflict where there are obstacles."""
    if found:
        raise RunConflict(f"the run {run_id}: {listed(found)}", run=run_id)


async def stored(engine: Engine, row: RunRow) -> tuple[State, int, Program]:
    """What the journal of an open run comes to, its last event's number, and the run's program."""
    program = await engine._programs.get(row.digest)
    snapshot, tail, _ = await engine._store.load(row.key)
    return *restore(program, snapshot, tail), program


async def _mend(engine: Engine, row: RunRow, state: State, seq: int, old: Program, new: Program) -> None:
    """Nobody moves a stuck run: it is moved from here, and goes on."""
    now = engine._clock.now()
    events = move(old, new, state, now)
    moved = fold(new, events)
    await engine.run(row.id)._commit(
        Commit(
            row.key,
            events=[(seq + n, event.at, wire.event_to_bytes(event)) for n, event in enumerate(events, 1)],
            snapshot=(seq + len(events), wire.state_to_bytes(moved)),
            moved=(new.digest, new.version),
            status="running",
            release=True,
            wake_at=now,
            recoveries=0,
        )
    )


async def _settled(engine: Engine, run_id: str, letter: str) -> UpdateRow | None:
    row = await engine._store.update(run_id, letter)
    if row is None:
        raise UnknownRun(f"the run {run_id} is gone", run=run_id)
    return row if row.status in ("refused", "completed") else None
