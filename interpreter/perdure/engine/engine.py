"""The engine: what Python programs and the command line hold in their hands.

`open` gives one; with `work` it also moves runs, without it is a pure client that leaves the work to others on the
same store. Knows stores, workers and definitions; what a run does in between is the machine's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from perdure.activities import Registry
from perdure.core import State, wire
from perdure.core import labels as labels_of
from perdure.core import start as start_machine
from perdure.core.commands import CloseRun, Command, OpenAsk, StartActivity, StartTimer
from perdure.core.events import RunStarted
from perdure.core.lifecycle import TRANSITIONS
from perdure.definition import Definition, load
from perdure.engine.clock import Clock, SystemClock
from perdure.engine.live import LiveRun, ask_row
from perdure.engine.programs import Programs
from perdure.engine.records import Ask, RunInfo
from perdure.engine.run import Run, ask_of, brief
from perdure.engine.worker import SOON, Worker
from perdure.errors import ExpressionError, Fenced, InvalidInput, PerdureError, RunConflict, StoreError, UnknownRun
from perdure.program import Program
from perdure.schemas import check_value
from perdure.stores import RunExists, open_store
from perdure.stores.store import Closing, Commit, NewRun, RunRow, Store
from perdure.values import JSON, canonical, check, decode, encode

GRACE = 10.0
"""Seconds that running activities have to end when the engine closes."""
LOOK = 0.05
"""Seconds between two looks at whether another process has ended a run that is waited for."""


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
        self._watchers: dict[str, list[asyncio.Future[None]]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._creating: set[asyncio.Task[int | StoreError]] = set()

    # -- runs

    async def start(
        self,
        definition: str | Path | Definition,
        input: JSON = None,
        *,
        id: str | None = None,
        labels: Mapping[str, str] | None = None,
        **later: Any,
    ) -> Run:
        """Start a run and say so only once it is durable.

        The same `id` again attaches to the run that has it, if definition and input are the same. Raises
        DefinitionError, FileNotFoundError for a path without a file, InvalidInput, RunConflict, StoreError.
        """
        _refuse(later)
        if not isinstance(definition, Definition):
            definition = load(definition, catalogue=self._catalogue())
        value = _checked_input(definition, input)
        await self._keep(definition)
        run_id = _checked_id(id)
        event = RunStarted(self._clock.now(), run_id, value, uuid4().hex)
        state, commands = start_machine(definition.program, event)
        commit = self._first_commit(definition, event, {**_own_labels(definition, state), **_texts(labels or {})})
        # A caller that gives up must not leave behind a run that is this worker's and that nobody moves.
        creating = asyncio.get_running_loop().create_task(self._create(commit, definition.program, state, commands))
        self._creating.add(creating)
        creating.add_done_callback(self._creating.discard)
        answer = await asyncio.shield(creating)
        if isinstance(answer, RunExists):
            return await self._attach(answer.row, definition, value)
        if isinstance(answer, StoreError):
            raise answer
        return Run(self, run_id)

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
        _check_statuses(statuses)
        return [brief(row) for row in await self._store.runs(workflow=workflow, statuses=statuses, limit=limit)]

    async def asks(self, run: str | None = None) -> list[Ask]:
        """Open questions, oldest first; of one run, or of all."""
        return [ask_of(found) for found in await self._store.asks(run)]

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

    async def _ended(self, run_id: str) -> RunRow:
        """The row of a run once it has ended."""
        while True:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._watchers.setdefault(run_id, []).append(future)
            try:
                row = await self._row(run_id)
                if row.closed_at is not None:
                    return row
                if self._looking is None:
                    self._looking = asyncio.create_task(self._look())
                await future
            finally:
                waiting = self._watchers.get(run_id, [])
                if future in waiting:
                    waiting.remove(future)
                if not waiting:
                    self._watchers.pop(run_id, None)

    def _announce(self, run_id: str) -> None:
        for future in self._watchers.get(run_id, ()):
            if not future.done():
                future.set_result(None)

    async def _look(self) -> None:
        """Wake those who wait for runs when another process has written."""
        last, quiet = 0, 0.0
        try:
            while self._watchers:
                await asyncio.sleep(LOOK)
                quiet += LOOK
                with contextlib.suppress(StoreError):
                    stamp = await self._store.stamp()
                    if stamp != last or quiet >= 1:
                        last, quiet = stamp, 0.0
                        self._announce_all()
        finally:
            self._looking = None

    def _announce_all(self) -> None:
        for run_id in tuple(self._watchers):
            self._announce(run_id)

    # -- life

    async def _work(self, *, concurrency: int, only: Sequence[str] | None) -> None:
        self._worker = Worker(
            self._store,
            self._registry,
            self._programs,
            self._clock,
            concurrency=concurrency,
            only=only,
            closed=self._announce,
        )
        await self._worker.start()

    async def _close(self, grace: float) -> None:
        try:
            if self._worker is not None:
                await self._worker.close(grace)
            if self._creating:
                await asyncio.wait(self._creating)
        finally:
            if self._looking is not None:
                self._looking.cancel()
            try:
                await self._registry.aclose()
            finally:
                await self._store.close()
                self._announce_all()  # whoever still waits hears that the store is closed

    # -- starting

    async def _keep(self, definition: Definition) -> None:
        self._programs.add(definition)
        if definition.digest not in self._stored:
            await self._store.put_definition(
                definition.digest, definition.name, definition.version, definition.bundle, self._clock.now()
            )
            self._stored.add(definition.digest)

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
        self, commit: Commit, program: Program, state: State, commands: Sequence[Command]
    ) -> int | StoreError:
        """Make a run durable; where this worker owns it, it goes on at once. The run's key, or why there is none."""
        assert isinstance(commit.run, NewRun)
        run_id, at = commit.run.id, commit.run.created_at
        released = _settle_start(commit, state, commands, at)
        if released or not self._mine(run_id):
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
        if isinstance(answer, int) and commit.closing is None and self._worker is not None:
            if commit.worker is None:
                self._worker.expect(commit.run.wake_at)
            else:
                self._worker.adopt(LiveRun(answer, run_id, program, state, 1), commands, commit.worker)
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
    commit.asks_opened = [ask_row(0, command) for command in commands if isinstance(command, OpenAsk)]
    closing = next((command for command in commands if isinstance(command, CloseRun)), None)
    if closing is not None:
        commit.closing = Closing(closing.status, at, encode(closing.outcome))
        return True
    if any(isinstance(command, StartActivity) for command in commands):
        return False
    return all(command.due > at + SOON for command in commands if isinstance(command, StartTimer))


def _disown(commit: Commit, released: bool, state: State) -> None:
    """Leave the run to whoever claims it: at once, or when it is next due."""
    assert isinstance(commit.run, NewRun)
    dues = [frame.due for frame in state.frames.values() if frame.due is not None]
    wake_at = min(dues, default=None) if released else commit.run.wake_at
    commit.worker = None
    commit.run = replace(commit.run, wake_at=wake_at, owner=None)


def _checked_input(definition: Definition, input: JSON) -> JSON:
    value = {} if input is None else input
    try:
        check(value)
    except ValueError as problem:
        raise InvalidInput(f"the input is not JSON: {problem}") from None
    if not isinstance(value, dict):
        raise InvalidInput("the input is a mapping from names to values")
    schema = definition.program.input_schema
    problems = [] if schema is None else check_value(schema, value)
    if problems:
        raise InvalidInput(f"the input does not fit: {'; '.join(problems)}", problems=problems)
    return decode(encode(value))  # the caller may go on changing its own


def _checked_id(id: str | None) -> str:
    if id is None:
        return uuid4().hex[:16]
    if not isinstance(id, str) or not id or len(id) > 200 or not id.isprintable():
        raise InvalidInput("a run id is a printable text of 1 to 200 characters")
    return id


def _check_statuses(statuses: object) -> None:
    if statuses is None:
        return
    if isinstance(statuses, str) or not isinstance(statuses, Collection):
        raise InvalidInput(f"statuses are a list, such as ['running'], not {statuses!r}")
    for status in statuses:
        if status not in [*TRANSITIONS]:  # a list: what is asked for may have no hash
            raise InvalidInput(f"{status!r} is no status of a run; there are {', '.join(TRANSITIONS)}")


def _own_labels(definition: Definition, state: State) -> dict[str, str]:
    try:
        return labels_of(definition.program, state)
    except ExpressionError as problem:
        raise InvalidInput(f"the labels cannot be made from this input: {problem}") from None


def _texts(labels: Mapping[str, str]) -> dict[str, str]:
    return {str(name): str(value) for name, value in labels.items()}


def _refuse(later: Mapping[str, Any]) -> None:
    """Arguments whose feature is still to come; unknown ones are a slip."""
    known = {"version", "delay", "at", "reuse", "conflict", "signal", "update"}
    for name in later:
        if name in known:
            raise PerdureError(f"start({name}=…) is not supported yet")
        raise TypeError(f"start() got an unexpected argument {name!r}")


__all__ = ["Engine", "open"]
