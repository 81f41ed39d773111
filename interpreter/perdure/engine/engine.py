"""The engine: what Python programs and the command line hold in their hands.

`open` gives one; with `work` it also moves runs, without it is a pure client that leaves the work to others on the
same store. Knows stores, workers and definitions; what a run does in between is the machine's.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from perdure.activities import Registry
from perdure.activities.secrets import Source, source_of
from perdure.definition import Definition
from perdure.engine.clock import Clock, SystemClock
from perdure.engine.definitions import Definitions
from perdure.engine.describing import ask_of, brief
from perdure.engine.programs import Programs
from perdure.engine.query import parse
from perdure.engine.queues import served
from perdure.engine.records import Ask, LockInfo, RunInfo
from perdure.engine.retention import Retention
from perdure.engine.run import Run
from perdure.engine.scheduler import Scheduler
from perdure.engine.schedules import Schedules
from perdure.engine.starter import Options, Starter
from perdure.engine.starting import check_json, span_of
from perdure.engine.transfer import import_run
from perdure.engine.watching import End, Watching
from perdure.engine.worker import Worker
from perdure.errors import InvalidInput, PerdureError, RunConflict, UnknownRun
from perdure.stores import open_store
from perdure.stores.store import Closing, RunRow, Store
from perdure.values import JSON, encode

GRACE = 10.0
"""Seconds that running activities have to end when the engine closes."""
PAGE = 1000
"""Runs that are read from the store at a time."""


@contextlib.asynccontextmanager
async def open(
    url: str | Store,
    *,
    activities: Iterable[object] = (),
    secrets: object = None,
    clock: Clock | None = None,
    work: bool = True,
    concurrency: int = 1000,
    queues: Mapping[str, int] | Sequence[str] | None = None,
    only: Sequence[str] | None = None,
    grace: float = GRACE,
    retention: str | float | timedelta | None = None,
) -> AsyncIterator[Engine]:
    """An engine on a store, closed at the end of the block.

    `url` is `sqlite:///file`, `memory://` or the path of a file that ends in .db; `sqlite:///file?durability=normal`
    may lose the last moments on power loss, never on a crash of the process. `activities` are modules (names, paths of
    .py files, or module objects) or decorated functions and classes. `secrets` come from the environment
    (`PERDURE_SECRET_NAME`), from `file:///directory`, a mapping, or an object with a method `get(name)`. `work=False`
    gives a pure client. `concurrency` is the number of activities that run at a time; `queues` names the only queues
    whose activities are run here, and with a mapping how many of each at a time; steps that name no queue go to
    `default`. `only` confines the worker to these run ids, and leaves schedules to others. On closing, running
    activities have `grace` seconds to end. With `retention` (`30d`, seconds or a timedelta) runs that ended longer ago
    are deleted, by any engine that works and is not confined. Raises StoreError.
    """
    activities = list(activities)
    registry, source = Registry.load(activities), source_of(secrets)
    if concurrency < 1:
        raise PerdureError("concurrency is at least 1")
    kept = _kept(retention)
    limits = served(queues, concurrency)
    store = open_store(url) if isinstance(url, str) else url
    await store.open()
    engine = Engine(store, registry, clock or SystemClock(), checks=work or bool(activities))
    try:
        await registry.setup()
        if work:
            await engine._work(source, concurrency=concurrency, queues=limits, only=only, retention=kept)
        yield engine
    finally:
        await engine._close(grace)


def _kept(retention: object) -> int | None:
    """Microseconds that ended runs are kept. Raises PerdureError."""
    if retention is None:
        return None
    try:
        return span_of(retention)
    except ValueError as problem:
        raise PerdureError(f"retention: {problem}") from None


class Engine:
    """Starts runs and finds them again. Made by `perdure.open`."""

    def __init__(self, store: Store, registry: Registry, clock: Clock, *, checks: bool) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._checks = checks
        self._programs = Programs(store)
        self._worker: Worker | None = None
        self._retention: Retention | None = None
        self._scheduler: Scheduler | None = None
        self._watching = Watching(store)
        self._definitions = Definitions(store, self._programs, clock, self._catalogue)
        self._starter = Starter(self)
        self.schedules = Schedules(self)

    # -- runs

    async def start(
        self,
        definition: str | Path | Definition,
        input: JSON = None,
        *,
        id: str | None = None,
        version: str | None = None,
        labels: Mapping[str, str] | None = None,
        delay: str | float | timedelta | None = None,
        at: str | datetime | None = None,
        reuse: str = "attach",
        conflict: str = "attach",
        signal: tuple[str, JSON] | None = None,
        update: tuple[str, JSON] | None = None,
    ) -> Run:
        """Start a run and say so only once it is durable.

        `definition` is a path, a text, a `Definition`, or the name of a deployed one, of the given `version` or the
        newest. Children's definitions that are not deployed are deployed with it, if they lie beside its file as
        `NAME.yaml`, `.yml` or `.json`. With a `delay` (`90s`, seconds or a timedelta) or `at` a time (with its offset)
        the run is `scheduled` until then.

        Where a run has the `id` already and is open, `conflict` says what happens: `attach` to it if definition and
        input are the same, else RunConflict; `reject`; or `terminate` it, which takes a worker, and start anew. Where
        it has ended, `reuse` does: `attach`, which gives its result; `allow` a new run under the id; `allow_failed`,
        only unless it completed; or `reject`.

        With `signal` or `update`, each (name, data), the run is started with that message, both or neither; an attached
        run gets it too. Raises DefinitionError, FileNotFoundError for a path without a file, InvalidInput, RunConflict,
        UpdateRejected, StoreError.
        """
        options = Options(
            id=id,
            version=version,
            labels=labels,
            delay=delay,
            at=at,
            reuse=reuse,
            conflict=conflict,
            signal=signal,
            update=update,
        )
        return await self._starter.start(definition, input, options)

    def run(self, id: str) -> Run:
        """A handle on a run; whether it exists shows with the first call."""
        return Run(self, id)

    async def runs(self, query: str | None = None, *, limit: int = 100) -> list[RunInfo]:
        """Runs, newest first, without what they are doing at the moment (`Run.describe` says that).

        `query` says which, such as `workflow = 'order' and status in (failed, stuck) and started > -1d`. Raises
        InvalidInput with the place where it does not read, StoreError.
        """
        where = None if query is None else parse(query, self._clock.now())
        rows: list[RunRow] = []
        while len(rows) < limit:
            before = rows[-1].key if rows else None
            page = await self._store.runs(where=where, before=before, limit=min(PAGE, limit - len(rows)))
            rows.extend(page)
            if len(page) < PAGE:
                break
        return [brief(row) for row in rows]

    async def asks(self, run: str | None = None) -> list[Ask]:
        """Open questions, oldest first; of one run, or of all."""
        return [ask_of(found) for found in await self._store.asks(run)]

    async def locks(self, *, limit: int = 1000) -> list[LockInfo]:
        """Who holds locks and places of `concurrency`, and who waits for them: by key, holders first, then in the
        order in which they will get it. Raises StoreError."""
        rows = await self._store.slots(limit=limit)
        return [
            LockInfo(key=row.key, run=row.run_id, workflow=row.workflow, held=row.granted, limit=row.limit)
            for row in rows
        ]

    async def emit(self, event: str, data: JSON = None, *, id: str | None = None) -> int:
        """Publish an event to every run that waits for it and every schedule that it starts runs of; on return it is
        durable. How many runs were reached."""
        if not isinstance(event, str) or not event:
            raise InvalidInput("an event's name is a text")
        check_json(data, "the event's data")
        body = encode({"event": event, "data": data})
        reached = await self._store.publish(event, body, id=id or f"~{uuid4().hex}", at=self._clock.now())
        self._poke()
        self._poke_schedules()
        return reached

    async def deploy(self, definition: str | Path | Definition) -> Definition:
        """Check a definition, keep it in the store and make its schedules the store's.

        Those of an earlier version that it does not have any more are removed; one that is paused stays paused. Doing
        it again changes nothing. Children's definitions come along as with `start`. Raises DefinitionError,
        FileNotFoundError, InvalidInput where a schedule made by hand has the id of one of its, StoreError.
        """
        definition = self._definitions.checked(definition)
        changes = await self.schedules.changes(definition)
        await self._definitions.deploy(definition)
        await self.schedules._register(definition, changes)
        return definition

    async def deployed(self, workflow: str) -> str | None:
        """The digest of the definition that was kept last under a name. Raises StoreError."""
        return await self._store.latest(workflow)

    async def import_run(self, lines: Iterable[str | bytes]) -> Run:
        """A run as `Run.export` wrote it, from another store; an open one goes on here.

        Everything is checked first: raises InvalidInput with the number of the line that is wrong, RunConflict where
        a run has its id, StoreError; nothing has changed then. An open run must not go on in its old store too.
        """
        return Run(self, await import_run(self, lines))

    def _catalogue(self) -> Mapping[str, dict[str, Any]] | None:
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

    def _poke_schedules(self) -> None:
        if self._scheduler is not None:
            self._scheduler.poke()

    async def _stop(self, run_id: str, kind: str, letter: str, reason: str) -> None:
        """Cancel or terminate a run that makes room for the next of its schedule, if it still is open."""
        row = await self._store.find(run_id)
        if row is None or row.closed_at is not None:
            return
        if row.status == "stuck" and kind == "terminate":
            with contextlib.suppress(RunConflict):  # it has ended meanwhile
                await self.run(run_id).terminate(reason)
            return
        await self._store.post(run_id, kind, encode({"reason": reason}), id=letter, at=self._clock.now())
        self._poke()

    def _changed(self, run_id: str, closing: Closing | None) -> None:
        self._watching.announce(run_id, closing)
        if closing is not None and self._scheduler is not None:
            self._scheduler.ended(run_id)

    async def _end(self, run_id: str) -> End:
        """How a run has ended, once it has."""
        return await self._watching.end(run_id, self._row, self._is_here)

    def _is_here(self, run_id: str) -> bool:
        return self._worker is not None and self._worker.has(run_id)

    # -- life

    async def _work(
        self,
        secrets: Source,
        *,
        concurrency: int,
        queues: Mapping[str, int] | None,
        only: Sequence[str] | None,
        retention: int | None,
    ) -> None:
        self._worker = Worker(
            self._store,
            self._registry,
            secrets,
            self._programs,
            self._clock,
            concurrency=concurrency,
            queues=queues,
            only=only,
            changed=self._changed,
            answered=self._watching.announce_updates,
            published=self._poke_schedules,
        )
        await self._worker.start()
        if only is None:
            self._scheduler = Scheduler(self._store, self._programs, self._clock, self._stop, self._poke)
            self._scheduler.start()
            if retention is not None:
                self._retention = Retention(self._store, self._clock, retention)
                self._retention.start()

    async def _close(self, grace: float) -> None:
        try:
            if self._scheduler is not None:
                await self._scheduler.close()
            if self._retention is not None:
                await self._retention.close()
            if self._worker is not None:
                await self._worker.close(grace)
            await self._starter.close()
        finally:
            await self._watching.close()
            try:
                await self._registry.aclose()
            finally:
                await self._store.close()
                self._watching.announce_all()  # whoever still waits hears that the store is closed


__all__ = ["Engine", "open"]
