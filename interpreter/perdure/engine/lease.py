"""A worker's place among the workers of a store: its row, its lease, and the burial of those that have died.

A worker whose row is gone has been declared dead and must drop what it owned; it then comes back under another id.
Knows nothing of runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from perdure.engine import identity
from perdure.engine.clock import Clock
from perdure.errors import StoreError
from perdure.stores.store import Store
from perdure.values import SECOND

log = logging.getLogger("perdure.engine")

LEASE: Final = 30 * SECOND
"""How long a worker that cannot be asked is taken to be alive after its last sign of life."""
RENEWAL: Final = 5.0
DEATH_WATCH: Final = 0.25
"""Seconds between two looks at whether other workers still live."""


class Lease:
    """`lost` is told when this worker was declared dead, `freed` when runs of a dead one can be claimed."""

    def __init__(self, store: Store, clock: Clock, lost: Callable[[], None], freed: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._lost = lost
        self._freed = freed
        self.id = ""
        """Empty while this worker has no row."""

    async def take(self) -> None:
        """Register under a new id, if there is none, and bury the dead."""
        if self.id:
            return
        row = identity.new_worker(self._clock.now() + LEASE)
        await self._store.register(row)
        self.id = row.id
        await self._bury_the_dead()

    def lose(self) -> None:
        """The row is gone. What was done in its name and is not committed is lost."""
        if self.id:
            log.warning("this worker was taken for dead and its runs were given away; starting anew")
            self.id = ""
            self._lost()

    async def keep(self) -> None:
        """Stay alive, and look after the others, until cancelled."""
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        while True:
            await asyncio.sleep(DEATH_WATCH)
            try:
                if loop.time() - renewed >= RENEWAL:
                    renewed = loop.time()
                    await self._renew()
                await self._bury_the_dead()
            except StoreError as problem:
                log.error("the lease cannot be renewed: %s", problem)
            except Exception:
                log.exception("a fault while the lease was kept; going on")

    async def hand_back(self) -> None:
        """Say farewell: the runs are free at once, and nobody counts them as recovered."""
        worker, self.id = self.id, ""
        if worker:
            with contextlib.suppress(StoreError):
                await self._store.bury(worker, self._clock.now(), died=False)

    async def _renew(self) -> None:
        worker = self.id
        if worker and not await self._store.renew(worker, self._clock.now() + LEASE) and worker == self.id:
            self.lose()

    async def _bury_the_dead(self) -> None:
        now = self._clock.now()
        for worker in await self._store.workers():
            if worker.id != self.id and identity.is_gone(worker, now):
                runs = await self._store.bury(worker.id, now)
                if runs:
                    log.warning("worker %s (pid %d) has died; %d of its runs go on", worker.id, worker.pid, len(runs))
                self._freed()
