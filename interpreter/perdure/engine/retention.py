"""Deleting runs that ended long ago, page by page, while an engine works.

Knows when, not what: what a run leaves in a store, the store knows.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from perdure.engine.clock import Clock
from perdure.errors import StoreError
from perdure.stores.store import Store
from perdure.values import HOUR, MINUTE, SECOND, format_duration

log = logging.getLogger("perdure.engine")

PAGE: Final = 200
"""Runs that are looked up at a time; in between others have their turn."""


class Retention:
    """Deletes runs that ended more than `span` microseconds ago."""

    def __init__(self, store: Store, clock: Clock, span: int) -> None:
        self._store = store
        self._clock = clock
        self._span = span
        self._pause = min(max(span // 20, MINUTE), HOUR) / SECOND
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Sweep now and then, until it is closed."""
        self._task = asyncio.create_task(self._keep(), name="perdure retention")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def sweep(self) -> int:
        """Delete all that is old enough now; how many runs. Raises StoreError."""
        count, gone = 0, PAGE
        while gone:
            page = await self._store.ended(self._clock.now() - self._span, PAGE)
            gone = sum([await self._store.delete(row.key) for row in page])
            count += gone
        if count:
            log.info("deleted %d runs that ended more than %s ago", count, format_duration(self._span))
        return count

    async def _keep(self) -> None:
        while True:
            try:
                await self.sweep()
            except StoreError as problem:
                log.error("runs that ended long ago cannot be deleted; trying again: %s", problem)
            await asyncio.sleep(self._pause)
