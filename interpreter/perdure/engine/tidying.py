"""What a worker clears away now and then: cached results that have expired. Knows the store, no runs in memory."""

from __future__ import annotations

from typing import Final

from perdure.engine.clock import Clock
from perdure.stores.store import Store
from perdure.values import SECOND

PAUSE: Final = 60 * SECOND
"""Between two looks."""
PAGE: Final = 1_000
"""Results that go at a time, so that no transaction is long."""


class Tidying:
    """Asked in every round of a worker; does something only now and then."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._last = 0

    async def tidy(self) -> None:
        """A page of what has expired; where that was not all, the next round goes on. Raises StoreError."""
        now = self._clock.now()
        if now >= self._last + PAUSE and await self._store.purge(now, PAGE) < PAGE:
            self._last = now
