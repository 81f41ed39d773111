"""The engine: what Python programs and the command line hold in their hands.

`open` gives one; with `work` it also moves runs, without it is a pure client that leaves the work to others on the
same store. Knows stores, workers and definitions; what a run does in between is the machine's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from perdure.activities import Registry
from perdure.core import State, wire
from perdure.core import start as start_machine
from perdure.core.commands import Command, OpenAsk, StartTimer
from perdure.core.events import RunStarted
from perdure.core.lifecycle import ENDED
from perdure.definition import Definition, load
from perdure.engine.clock import Clock, SystemClock
from perdure.engine.commits import listening, write_down
from perdure.engine.live import LiveRun
from perdure.engine.programs import Programs
from perdure.engine.records import Ask, RunInfo
from perdure.engine.run import Run, ask_of, brief
from perdure.engine.siblings import siblings
from perdure.engine.starting import (
    check_json,
    check_statuses,
    checked_id,
    checked_input,
    first_letters,
    own_labels,
    refuse_later,
    texts,
)
from perdure.engine.watching import End, Watching
from perdure.engine.worker import SOON, Worker
from perdure.errors import Fenced, InvalidInput, PerdureError, RunConflict, StoreError, UnknownRun
from perdure.program import Program
from perdure.stores import RunExists, open_store
from perdure.stores.conditions import Compare
from perdure.stores.store import Commit, NewLetter, NewRun, RunRow, Store
from perdure.values import JSON, canonical, decode, encode

GRACE = 10.0
"""Seconds that running activities have to end when the engine closes."""


@contextlib.asynccontextmanager
async def open(
    url: str | Store,
    *,
    activities: Iterable[object] = (),
    secrets: object = None,
    clock: Clock | None = None,
    work: bool = True,
    concurrency: int = 1000,
    only: Sequence[str] | None = None,
    grace: float = GRACE,
) -> AsyncIterator[Engine]:
    """An engine on a store, closed at the end of the block.

    `url` is `sqlite:///file`, `memory://` or the path of a file that ends in .db; `sqlite:///file?durability=normal`
    may lose the last moments on power loss, never on a crash of the process. `activities` are modules (names, paths of
    .py files, or module objects) or decorated functions and classes. `work=False` gives a pure client. `concurrency` is
    the number of activities that run at a time; `only` confines the worker to these run ids. On closing, running
    activities have `grace` seconds to end. Raises StoreError.
    """
    if secrets is not None:
        raise PerdureError("secrets are not supported yet")
    activities = list(activities)
    registry = Registry.load(activities)
    if concurrency < 1:
        raise PerdureError("concurrency is at least 1")
    store = open_store(url) if isinstance(url, str) else url
    await store.open()
    engine = Engine(store, registry, clock or SystemClock(), checks=work or bool(activities))
    try:
        await registry.setup()
        if work:
            await engine._work(concurrency=concurrency, only=only)
        yield engine
    finally:
        await engine._close(grace)


class Engine:
    """Starts runs and finds them again. Made by `perdure.open`."""

    def __init__(self, store: Store, registry: Registry, clock: Clock, *, checks: bool) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._checks = checks
        self._programs = Programs(store)
        self._worker: Worker | None = None
        self._stored: set[str] = set()
        self._watching = Watching(store)
        self._creating: set[asyncio.Task[int | StoreError]] = set()

    # -- runs

    async def start(
        self,
        definition: str | Path | Definition,
        input: JSON = None,
        *,
        id: str | None = None,
        labels: Mapping[str, str] | None = None,
        signal: tuple[str, JSON] | None = None,
        update: tuple[str, JSON] | None = None,
        **later: Any,
    ) -> Run:
        """Start a run and say so only once it is durable.

        Children's definitions that are not deployed are deployed with it, if they lie beside its file as `NAME.yaml`,
        `.yml` or `.json`. The same `id` again attaches to the run that has it, if definition and input are the same.
        With `signal` or `update`, each (name, data), the run is started with that message, both or neither; an attached
        run gets it too. Raises DefinitionError, FileNotFoundError for a path without a file, InvalidInput, RunConflict,
        UpdateRejected, StoreError.
        """
        refuse_later(later)
        if not isinstance(definition, Definition):
            definition = load(definition, catalogue=self._catalogue())
        value = checked_input(definition, input)
        for sibling in await siblings(definition, self._is_deployed, self._catalogue()):
            await self._keep(sibling)
        await self._keep(definition)
        run_id = checked_id(id)
        event = RunStarted(self._clock.now(), run_id, value, uuid4().hex)
        state, commands = start_machine(definition.program, event)
        commit = self._first_commit(definition, event, {**own_labels(definition, state), **texts(labels or {})})
        letters = first_letters(run_id, event.at, signal, update)
        # A caller that gives up must not leave behind a run that is this worker's and that nobody moves.
        creating = asyncio.get_running_loop().create_task(
            self._create(commit, definition.program, state, commands, letters)
        )
        self._creating.add(creating)
        creating.add_done_callback(self._creating.discard)
        answer = await asyncio.shield(creating)
        if isinstance(answer, RunExists):
            run = await self._attach(answer.row, definition, value)
            for letter in letters:
                await run._post(letter.kind, decode(letter.body), letter.id)
        elif isinstance(answer, StoreError):
            raise answer
        else:
            run = Run(self, run_id)
        if update is not None:
            await run._replied(letters[-1].id, "accepted")
        return run

    def run(self, id: str) -> Run:
        """A handle on a run; whether it exists shows with the first call."""
        return Run(self, id)

    async def runs(
        self,
        *,
        workflow: str | None = None,
        statuses: Sequence[str] | None = None,
        limit: int = 100,
    ) -> list[RunInfo]:
        """Runs, newest first, without what they are doing at the moment (`Run.describe` says that).

        Raises InvalidInput unless `statuses` is a list of statuses, StoreError.
        """
        check_statuses(statuses)
        where = None if workflow is None else Compare("workflow", "=", workflow)
        return [brief(row) for row in await self._store.runs(where=where, statuses=statuses, limit=limit)]

    async def asks(self, run: str | None = None) -> list[Ask]:
        """Open questions, oldest first; of one run, or of all."""
        return [ask_of(found) for found in await self._store.asks(run)]

    async def emit(self, event: str, data: JSON = None, *, id: str | None = None) -> int:
        """Publish an event to every run that waits for it; on return it is durable. How many runs were reached."""
        if not isinstance(event, str) or not event:
            raise InvalidInput("an event's name is a text")
        check_json(data, "the event's data")
        body = encode({"event": event, "data": data})
        reached = await self._store.publish(event, body, id=id or f"~{uuid4().hex}", at=self._clock.now())
        self._poke()
        return reached

    async def deploy(self, definition: str | Path | Definition) -> Definition:
        """Check a definition and keep it in the store. Raises DefinitionError, FileNotFoundError, StoreError."""
        if not isinstance(definition, Definition):
            definition = load(definition, catalogue=self._catalogue())
        await self._keep(definition)
        return definition

    def _catalogue(self) -> dict[str, dict[str, Any]] | None:
        """What calls in definitions are checked against; a client that has no activities leaves that to the workers."""
        return self._registry.catalogue() if self._checks else None

    # -- for handles

    async def _row(self, run_id: str) -> RunRow:
        row = await self._store.find(run_id)
        if row is None:
            raise UnknownRun(f"no run has the id {run_id}", run=run_id)
        return row

    def _poke(self) -> None:
        if self._worker is not None:
            self._worker.poke()

    async def _end(self, run_id: str) -> End:
        """How a run has ended, once it has."""
        soon = self._worker is not None and self._worker.has(run_id)
        return await self._watching.end(run_id, self._row, soon=soon)

    # -- life

    async def _work(self, *, concurrency: int, only: Sequence[str] | None) -> None:
        self._worker = Worker(
            self._store,
            self._registry,
            self._programs,
            self._clock,
            concurrency=concurrency,
            only=only,
            changed=self._watching.announce,
        )
        await self._worker.start()

    async def _close(self, grace: float) -> None:
        try:
            if self._worker is not None:
                await self._worker.close(grace)
            if self._creating:
                await asyncio.wait(self._creating)
        finally:
            self._watching.close()
            try:
                await self._registry.aclose()
            finally:
                await self._store.close()
                self._watching.announce_all()  # whoever still waits hears that the store is closed

    # -- starting

    async def _keep(self, definition: Definition) -> None:
        self._programs.add(definition)
        if definition.digest not in self._stored:
            await self._store.put_definition(
                definition.digest, definition.name, definition.version, definition.bundle, self._clock.now()
            )
            self._stored.add(definition.digest)

    async def _is_deployed(self, workflow: str) -> bool:
        return await self._store.latest(workflow) is not None

    def _first_commit(self, definition: Definition, event: RunStarted, labels: Mapping[str, str]) -> Commit:
        worker = None if self._worker is None else self._worker.id
        run = NewRun(
            id=event.run,
            workflow=definition.name,
            version=definition.version,
            digest=definition.digest,
            status="running",
            created_at=event.at,
            labels=labels,
            wake_at=event.at,
            owner=worker,
        )
        return Commit(run, worker, events=[(1, event.at, wire.event_to_bytes(event))])

    async def _create(
        self,
        commit: Commit,
        program: Program,
        state: State,
        commands: Sequence[Command],
        letters: Sequence[NewLetter] = (),
    ) -> int | StoreError:
        """Make a run durable; where this worker owns it, it goes on at once. The run's key, or why there is none."""
        assert isinstance(commit.run, NewRun)
        run_id, at = commit.run.id, commit.run.created_at
        # A run that is over at once and comes with messages is ended by whoever claims it: they are to reach it first.
        early = bool(letters) and state.status in ENDED
        released = not early and _settle_start(commit, state, commands, at)
        commit.letters = [*commit.letters, *letters]
        if released or early or not self._mine(run_id):
            _disown(commit, released, state)
        try:
            [answer] = await self._store.commit([commit])
            if isinstance(answer, Fenced):
                self._poke()
                _disown(commit, released, state)
                [answer] = await self._store.commit([commit])
        except StoreError as problem:
            if self._worker is not None:
                self._worker.doubt(run_id)  # it may have been kept all the same
            return problem
        if isinstance(answer, int) and (commit.successor is not None or commit.letters):
            self._poke()
        if isinstance(answer, int) and commit.closing is None and self._worker is not None:
            if commit.worker is None:
                self._worker.expect(commit.run.wake_at)
            else:
                self._worker.adopt(LiveRun(answer, commit.run, program, state, 1), commands, commit.worker)
        return answer

    def _mine(self, run_id: str) -> bool:
        """Whether this engine's worker would go on with a new run."""
        worker = self._worker
        return worker is not None and bool(worker.id) and (worker.only is None or run_id in worker.only)

    async def _attach(self, row: RunRow, definition: Definition, input: JSON) -> Run:
        history = await self._store.history(row.key, limit=1)
        first = wire.event_from_bytes(history[0][1], history[0][2])
        if row.digest != definition.digest:
            raise RunConflict(f"the run {row.id} exists with another definition", run=row.id)
        if not isinstance(first, RunStarted) or canonical(first.input) != canonical(input):
            raise RunConflict(f"the run {row.id} exists with another input", run=row.id)
        self._poke()
        return Run(self, row.id)


def _settle_start(commit: Commit, state: State, commands: Sequence[Command], at: int) -> bool:
    """Put into the first commit what the start has already settled; whether nobody needs to own the run."""
    assert isinstance(commit.run, NewRun)
    write_down(commit, 0, commit.run, state, commands)
    commit.listens = dict.fromkeys(listening(state), True)
    if commit.closing is not None:
        return True
    if commit.letters or any(not isinstance(command, StartTimer | OpenAsk) for command in commands):
        return False
    return all(command.due > at + SOON for command in commands if isinstance(command, StartTimer))


def _disown(commit: Commit, released: bool, state: State) -> None:
    """Leave the run to whoever claims it: at once, or when it is next due."""
    assert isinstance(commit.run, NewRun)
    dues = [frame.due for frame in state.frames.values() if frame.due is not None]
    wake_at = min(dues, default=None) if released else commit.run.wake_at
    commit.worker = None
    commit.run = replace(commit.run, wake_at=wake_at, owner=None)


__all__ = ["Engine", "open"]
