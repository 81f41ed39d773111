"""How runs come into a worker's hands: those that are due are claimed, those that are its own already are found again.

A claim, a start or a read may fail after the store has made a run this worker's; such runs are in doubt until the store
can be asked. Knows rows and what it takes to resume a run, not how runs are moved.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from perdure.core.commands import Command
from perdure.engine.clock import Clock
from perdure.engine.lease import Lease
from perdure.engine.live import LiveRun
from perdure.engine.programs import Programs
from perdure.engine.resume import resume
from perdure.errors import Fenced, StoreCorrupt, StoreError
from perdure.stores.store import RunRow, Store

log = logging.getLogger("perdure.engine")

CLAIM: Final = 200
MOST_RECOVERIES: Final = 10
"""Deaths of its worker in a row, without any progress, after which a run is set aside as stuck."""


class Claims:
    """Hands runs to `admit` (at once, with the commands to carry out), or to `hold` those that cannot be resumed.

    `runs` are the worker's, by key; `closed` is told of runs in doubt that turn out to have ended.
    """

    def __init__(
        self,
        store: Store,
        programs: Programs,
        clock: Clock,
        lease: Lease,
        runs: Mapping[int, LiveRun],
        only: Sequence[str] | None,
        admit: Callable[[LiveRun, Sequence[Command]], None],
        hold: Callable[[int, str, str], None],
        closed: Callable[[str], None],
    ) -> None:
        self._store = store
        self._programs = programs
        self._clock = clock
        self._lease = lease
        self._runs = runs
        self._only = only
        self._admit = admit
        self._hold = hold
        self._closed = closed
        self._doubtful: set[str] = set()
        """Ids of runs that may be ours by the store and are not here."""
        self._unknown = False
        """Whether there may be such runs whose ids are not known."""

    async def claim(self, most: int) -> bool:
        """Claim some of what is due, while fewer than so many runs are in memory; whether more may be due. Those that
        have come are to begin before the next do: after a crash there may be thousands. Raises Fenced, StoreError."""
        if len(self._runs) >= most:
            return False
        try:
            rows = await self._store.claim(self._lease.id, self._clock.now(), CLAIM, only=self._only)
        except Fenced:
            raise
        except StoreError:
            self._unknown = True
            raise
        self._doubtful.update(row.id for row in rows)
        for row in rows:
            await self._take(row)
            self._believe(row)
        return len(rows) == CLAIM

    def doubt(self, run_id: str) -> None:
        """See next time whether this run is ours."""
        self._doubtful.add(run_id)

    def forget(self) -> None:
        """Nothing is ours any more."""
        self._doubtful.clear()
        self._unknown = False

    async def settle_doubts(self) -> None:
        """Bring in the runs that the store says are ours and that are not here. Raises StoreError."""
        if self._unknown:
            before = None
            while rows := await self._store.runs(
                statuses=("scheduled", "running", "paused"), before=before, limit=1000
            ):
                before = rows[-1].key
                self._doubtful.update(row.id for row in rows if self._is_missing(row))
            self._unknown = False
        for run_id in tuple(self._doubtful):
            row = await self._store.find(run_id)
            if row is not None and row.closed_at is not None:
                self._closed(run_id)
            if row is None:
                self._doubtful.discard(run_id)
                continue
            if self._is_missing(row):
                await self._take(row, again=True)
            self._believe(row)

    def doubts(self, run_id: str) -> bool:
        return run_id in self._doubtful

    def _believe(self, row: RunRow) -> None:
        """Doubt no longer, unless the run was claimed while it still was on its way out of memory: what is there is the
        one that was let go, not the one that was claimed."""
        run = self._runs.get(row.key)
        if run is None or not run.parking:
            self._doubtful.discard(row.id)

    def _is_missing(self, row: RunRow) -> bool:
        return row.owner == self._lease.id and row.key not in self._runs

    async def _take(self, row: RunRow, *, again: bool = False) -> None:
        """Bring a run that is ours to life; one that cannot be read harms only itself. Raises StoreError where the
        store cannot be read at all. `again` where it may have been here in the meantime."""
        if row.recoveries > MOST_RECOVERIES:
            self._hold(row.key, row.id, f"its worker died {row.recoveries} times in a row while it ran")
            return
        try:
            run, commands = await resume(self._store, self._programs, row, self._clock.now())
        except Exception as problem:
            if isinstance(problem, StoreError) and not isinstance(problem, StoreCorrupt):
                raise
            log.exception("run %s cannot be resumed", row.id)
            self._hold(row.key, row.id, f"it cannot be resumed: {problem}")
            return
        current = await self._store.find(row.id) if again else row
        if current is not None and current.owner == row.owner and self._is_missing(row):
            self._admit(run, commands)
