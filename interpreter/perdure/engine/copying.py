"""A run made of a history: read from the store, folded, and written as a new run that any worker takes up.

Forks, retries and imports share this. Knows what a first commit of such a run must hold, so that nothing it waits for
is missing: its questions, the events it listens to, a snapshot from which it is restored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure.core import State, outstanding, wire
from perdure.core.commands import CloseRun
from perdure.core.events import Event
from perdure.core.lifecycle import ENDED
from perdure.engine.commits import write_down
from perdure.engine.creation import first_commit, rows_of
from perdure.errors import RunConflict, StoreError
from perdure.program import Program
from perdure.stores.store import Commit, NewRun, RunExists, RunRow

if TYPE_CHECKING:
    from perdure.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class History:
    """The whole journal of a run, and the programs it had in turn."""

    row: RunRow
    events: list[Event]
    programs: list[Program]


async def history_of(engine: Engine, run_id: str) -> History:
    """Raises UnknownRun, StoreError."""
    row = await engine._row(run_id)
    events = [wire.event_from_bytes(at, text) for _, at, text in await journal_of(engine, row)]
    return History(row, events, await engine._programs.along(events, row.digest))


async def journal_of(engine: Engine, row: RunRow) -> list[tuple[int, int, bytes]]:
    """All events of a run as stored."""
    journal: list[tuple[int, int, bytes]] = []
    while page := await engine._store.history(row.key, after=journal[-1][0] if journal else 0):
        journal.extend(page)
    return journal


def commit_of(run: NewRun, program: Program, state: State, events: Sequence[Event]) -> Commit:
    """The first commit of a run with a past: open, or ended as its history ends."""
    if state.status in ENDED:
        assert state.outcome is not None
        commit = Commit(run, None, events=rows_of(events))
        write_down(commit, 0, run, program, state, [CloseRun(state.status, state.outcome)])
    else:
        commit = first_commit(run, state, outstanding(program, state), events)
        commit.snapshot = (len(events), wire.state_to_bytes(state))
    return commit


async def create(engine: Engine, commit: Commit) -> None:
    """Raises RunConflict where a run has the id, StoreError."""
    assert isinstance(commit.run, NewRun)
    [answer] = await engine._store.commit([commit])
    if isinstance(answer, RunExists):
        raise RunConflict(f"a run with the id {commit.run.id} exists already", run=commit.run.id)
    if isinstance(answer, StoreError):
        raise answer
    if engine._worker is not None:
        engine._worker.expect(commit.run.wake_at)
    engine._poke()
