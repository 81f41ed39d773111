"""What the tests of messages, children and pauses share: waits that end, and workers that die without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from engine_world import Place, events, eventually

import perdure
from perdure.engine import Engine
from perdure.errors import StoreUnavailable, UpdateRejected
from perdure.stores.store import Store

T = TypeVar("T")


class Mortal:
    """A store whose process can die: nothing it is asked from then on happens. `last` names the call that kills it,
    once that has done its work, if `fatal` says so of its arguments."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.dead = asyncio.Event()
        self.last = ""
        self.fatal: Callable[..., bool] = lambda *arguments, **options: True

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            if name == "close":
                return await method()
            if self.dead.is_set():
                raise StoreUnavailable("the process is dead")
            answer = await method(*arguments, **options)
            if name == self.last and self.fatal(*arguments, **options):
                self.dead.set()
                raise StoreUnavailable("the process is dead")
            return answer

        return call


async def bury_all(place: Place) -> None:
    """What another worker does once it sees that those on this place have died."""
    store = place.store()
    await store.open()
    for worker in await store.workers():
        await store.bury(worker.id, 0)
    await store.close()


async def soon(awaited: Awaitable[T], seconds: float = 15) -> T:
    """What comes of something that may not hang."""
    async with asyncio.timeout(seconds):
        return await awaited


async def refusal(awaited: Awaitable[Any]) -> str:
    """Why an update is refused."""
    with pytest.raises(UpdateRejected) as caught:
        await soon(awaited)
    return caught.value.message


async def journal(run: perdure.Run, *times: str) -> list[str]:
    """The run's journal without the marks of attempts, once each of these events is in it as often as it is named."""

    async def look() -> list[str] | None:
        rows = [row for row in await events(run) if not row.startswith("AttemptStarted")]
        return rows if all(rows.count(row) >= times.count(row) for row in times) else None

    found: list[str] = await eventually(look)
    return found


async def posted(engine: Engine, run: str, update: str) -> None:
    """Wait until an update is in the store, whatever has become of it."""
    await eventually(lambda: engine._store.update(run, update))


async def existing(engine: Engine, run: str) -> None:
    """Wait until there is a run with this id."""
    await eventually(lambda: engine._store.find(run))


async def has_status(run: perdure.Run, status: str) -> perdure.RunInfo:
    """The run's description, once it has this status."""

    async def look() -> perdure.RunInfo | None:
        info = await run.describe()
        return info if info.status == status else None

    found: perdure.RunInfo = await eventually(look)
    return found


def in_memory(engine: Engine) -> int:
    return len(engine._worker._runs)  # type: ignore[union-attr]
