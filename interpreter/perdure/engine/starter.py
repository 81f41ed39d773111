"""Starting runs: what is asked for is checked, made a first commit, and kept; or the run that has the id is dealt with.

Knows stores and definitions. What a start may ask for, and how that is checked, stands in `starting`; `creating` keeps
the run and hands it to the worker.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from os import urandom
from pathlib import Path
from typing import TYPE_CHECKING

from perdure.core import State, wire
from perdure.core import start as start_machine
from perdure.core.commands import Command
from perdure.core.events import RunStarted
from perdure.core.lifecycle import ENDED
from perdure.definition import Definition
from perdure.engine.creating import Creations
from perdure.engine.creation import first_commit, new_run
from perdure.engine.errands import runs_already
from perdure.engine.starting import (
    begins_at,
    check_policies,
    checked_id,
    checked_input,
    first_input,
    first_letters,
    own_labels,
    texts,
)
from perdure.engine.worker import Worker
from perdure.errors import RunConflict, StoreError, UnknownRun
from perdure.stores import RunExists
from perdure.stores.store import Commit, NewLetter, RunRow, SlotTaken
from perdure.values import JSON, decode, digest

if TYPE_CHECKING:
    from perdure.engine.engine import Engine
    from perdure.engine.run import Run

UNDONE = ("failed", "cancelled", "terminated")
"""Ends that `reuse="allow_failed"` does not let stand."""


@dataclass(slots=True, kw_only=True)
class Options:
    """How a run is started, as `Engine.start` was told; `reuse` and `conflict` are about a run that has the id."""

    id: str | None = None
    version: str | None = None
    labels: Mapping[str, str] | None = None
    delay: str | float | timedelta | None = None
    at: str | datetime | None = None
    reuse: str = "attach"
    conflict: str = "attach"
    signal: tuple[str, JSON] | None = None
    update: tuple[str, JSON] | None = None


@dataclass(slots=True)
class Wish:
    """What is to be started, checked."""

    id: str
    definition: Definition
    input: JSON
    options: Options


@dataclass(frozen=True, slots=True)
class Former:
    """A run that has ended and gives its id to another; its `generation` is its place among those that had the id."""

    key: int
    generation: int


class Starter:
    """Starts runs for one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._store = engine._store
        self._clock = engine._clock
        self._definitions = engine._definitions
        self._creations = Creations(engine)

    @property
    def _worker(self) -> Worker | None:
        """The worker that goes on with new runs, if there is one."""
        return self._engine._worker

    async def close(self) -> None:
        """Wait for starts that are under way."""
        await self._creations.close()

    async def start(self, given: str | Path | Definition, input: JSON, options: Options) -> Run:
        """See `Engine.start`."""
        check_policies(options.reuse, options.conflict)
        begins_at(options.delay, options.at, self._clock.now())
        run_id = checked_id(options.id)
        first_letters(run_id, 0, options.signal, options.update)
        definition = await self._definitions.find(given, options.version)
        wish = Wish(run_id, definition, checked_input(definition, input), options)
        run = self._engine.run(run_id)
        attached, letters = await self._bring_about(wish)
        if attached:
            for letter in letters:
                await run._post(letter.kind, decode(letter.body), letter.id)
        if options.update is not None:
            await run._replied(letters[-1].id, "accepted")
        return run

    async def _bring_about(self, wish: Wish) -> tuple[bool, list[NewLetter]]:
        """Create the run, or attach to the one that has the id; whether that, and the messages it is started with."""
        former: Former | None = None
        while True:
            answer, letters = await self._attempt(wish, former)
            if isinstance(answer, int):
                return False, letters
            if isinstance(answer, SlotTaken):
                raise RunConflict(runs_already(wish.definition.name, answer), run=wish.id)
            if not isinstance(answer, RunExists):
                raise answer
            attached, former = await self._deal_with(wish, answer.row)
            if attached:
                return True, letters

    async def _attempt(self, wish: Wish, former: Former | None) -> tuple[int | StoreError, list[NewLetter]]:
        """Create the run as it would be now; its key or why there is none, and the messages it starts with."""
        definition, options, now = wish.definition, wish.options, self._clock.now()
        begins = begins_at(options.delay, options.at, now)
        # Children, letters and idempotency keys are named after the run: not as those of the run before it were.
        generation = 0 if former is None else former.generation + 1
        event = RunStarted(now, wish.id, wish.input, urandom(16).hex(), generation=generation, begins=begins)
        state, commands = start_machine(definition.program, event)
        labels = {**own_labels(definition, state), **texts(options.labels or {})}
        commit = self._first_commit(definition, event, state, commands, labels, former)
        letters = first_letters(wish.id, now, options.signal, options.update)
        return await self._creations.create(commit, definition.program, state, commands, letters), letters

    async def _deal_with(self, wish: Wish, row: RunRow) -> tuple[bool, Former | None]:
        """What becomes of a run that has the id: whether it is the one wished for, else the one to be replaced; none
        where it is gone. Raises RunConflict where it is to stand."""
        options = wish.options
        if row.closed_at is None and options.conflict == "terminate":
            return False, await self._terminated(row)
        policy = options.conflict if row.closed_at is None else options.reuse
        if policy == "allow" or (policy == "allow_failed" and row.status in UNDONE):
            return False, await self._former(row)
        if policy != "attach":
            raise RunConflict(f"the run {row.id} exists already: it is {row.status}", run=row.id)
        first = await self._first(row)
        if first is None:
            return False, None
        _check_same(wish, row, first)
        self._engine._poke()
        return True, None

    async def _terminated(self, row: RunRow) -> Former | None:
        """A run once it has been terminated, or has ended in another way; none where it is gone."""
        run = self._engine.run(row.id)
        with contextlib.suppress(RunConflict, UnknownRun):
            await run.terminate("a new run was started under its id")
            await self._engine._end(row.id)
        found = await self._store.find(row.id)
        return None if found is None or found.closed_at is None else await self._former(found)

    async def _former(self, row: RunRow) -> Former | None:
        first = await self._first(row)
        return None if first is None else Former(row.key, first.generation)

    async def _first(self, row: RunRow) -> RunStarted | None:
        """How a run started; none where it was deleted since."""
        journal = await self._store.history(row.key, limit=1)
        if not journal:
            return None
        [(_, at, text)] = journal
        first = wire.event_from_bytes(at, text)
        assert isinstance(first, RunStarted)
        return first

    def _first_commit(
        self,
        definition: Definition,
        event: RunStarted,
        state: State,
        commands: Sequence[Command],
        labels: Mapping[str, str],
        former: Former | None,
    ) -> Commit:
        run = new_run(
            definition.program,
            event.run,
            event.at,
            labels=labels,
            status="running" if state.status in ENDED else state.status,
            owner=None if self._worker is None else self._worker.id,
            replaces=None if former is None else former.key,
        )
        return first_commit(run, state, commands, [event])


def _check_same(wish: Wish, row: RunRow, first: RunStarted) -> None:
    """RunConflict unless the run was started with the same definition and input."""
    if row.digest != wish.definition.digest:
        raise RunConflict(f"the run {row.id} exists with another definition", run=row.id)
    if first_input(first) != digest(wish.input):
        raise RunConflict(f"the run {row.id} exists with another input", run=row.id)
