"""Those who wait for runs: until one has ended, an update is answered, or anything else shows in the store.

Whoever waits looks into the store, and again whenever something has become of the run: this process's worker says so
at once, the writes of others show by the store's stamp. The end of a run that the worker has in memory is told with
what it came to, so that the store is not asked for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from perdure.errors import StoreError
from perdure.stores.store import Closing, RunRow, Store

T = TypeVar("T")

LOOK: Final = 0.05
"""Seconds between two looks at whether another process has written."""
QUIET: Final = 1.0
"""Seconds after which everyone looks again, whatever the signs say."""
TRUST: Final = 10.0
"""Seconds for which those who wait for a run of this process's worker leave it to that, which may have lost the run and
be unable to notice."""


@dataclass(frozen=True, slots=True)
class End:
    """How a run has ended; `outcome` is JSON."""

    id: str
    status: str
    outcome: bytes


Waiting = dict[asyncio.Future[End | None], None]


class Watching:
    """All who wait, by run id, and there by update; those who wait for the end of the run have no update."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, dict[str | None, Waiting]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    async def end(self, run_id: str, find: Callable[[str], Awaitable[RunRow]], is_here: Callable[[str], bool]) -> End:
        """How a run has ended, once it has. While it `is_here`, in the memory of this process's worker, that one will
        say so, and hardly anybody looks."""

        async def ended() -> End | None:
            row = await find(run_id)
            return None if row.closed_at is None else End(row.id, row.status, row.outcome or b"{}")

        loop = asyncio.get_running_loop()
        looked = loop.time()
        while is_here(run_id) and not self._closed:
            told = await self._news(run_id)
            if told is None and loop.time() - looked >= TRUST:
                looked = loop.time()
                told = await ended()
            if told is not None:
                return told
        return await self.until(run_id, ended)

    async def until(self, run_id: str, look: Callable[[], Awaitable[T | None]], update: str | None = None) -> T:
        """What `look` finds, at once or when something has become of a run, or of this update to it; nothing is missed
        in between."""
        while True:
            future = self._listen(run_id, update)
            try:
                found = await look()
                if found is not None:
                    return found
                await future
            finally:
                self._leave(run_id, update, future)

    async def _news(self, run_id: str) -> End | None:
        """The next thing that becomes of a run, if that is its end."""
        future = self._listen(run_id, None)
        try:
            return await future
        finally:
            self._leave(run_id, None, future)

    def announce(self, run_id: str, closing: Closing | None = None) -> None:
        """Something has become of a run; `closing` where that is its end."""
        end = None
        if closing is not None and closing.status != "continued":
            end = End(run_id, closing.status, closing.outcome)
        for waiting in self._waiting.get(run_id, {}).values():
            _tell(waiting, end)

    def announce_updates(self, run_id: str, updates: Iterable[str]) -> None:
        """Something has become of these updates; nobody else need look."""
        by_update = self._waiting.get(run_id, {})
        for update in updates:
            _tell(by_update.get(update, {}), None)

    def announce_all(self) -> None:
        for run_id in tuple(self._waiting):
            self.announce(run_id)

    async def close(self) -> None:
        """Look no more; whoever waits is still told by `announce`."""
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    def _listen(self, run_id: str, update: str | None) -> asyncio.Future[End | None]:
        future: asyncio.Future[End | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(run_id, {}).setdefault(update, {})[future] = None
        if self._looking is None and not self._closed:
            self._looking = asyncio.create_task(self._look())
        return future

    def _leave(self, run_id: str, update: str | None, future: asyncio.Future[End | None]) -> None:
        by_update = self._waiting[run_id]
        del by_update[update][future]
        if not by_update[update]:
            del by_update[update]
        if not by_update:
            del self._waiting[run_id]

    async def _look(self) -> None:
        """Wake those who wait for runs when another process has written."""
        last, quiet = 0, 0.0
        try:
            while self._waiting:
                await asyncio.sleep(LOOK)
                quiet += LOOK
                with contextlib.suppress(StoreError):
                    stamp = await self._store.stamp()
                    if stamp != last or quiet >= QUIET:
                        last, quiet = stamp, 0.0
                        self.announce_all()
        finally:
            self._looking = None


def _tell(waiting: Waiting, end: End | None) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(end)
