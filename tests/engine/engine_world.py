"""What the tests of the engine share: places that outlive an engine, activities that can be held, looks that wait."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import perdure
from perdure.activities import activity, context
from perdure.engine import Engine
from perdure.errors import StoreUnavailable
from perdure.stores import MemoryStore, SQLiteStore, Store
from perdure.stores.memory_file import MemoryFile
from perdure.stores.store import WorkerRow

OpenEngine = Callable[..., AbstractAsyncContextManager[Engine]]


class Place:
    """What survives a process: a file, in memory or on disk. Each `store()` is another process's handle."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._file = MemoryFile()

    def store(self) -> Store:
        return MemoryStore(self._file) if self.path is None else SQLiteStore(self.path)


class Gate:
    """Activities of one test: `hold` waits until it is let go, the others do as they are named."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.contexts: list[Any] = []
        self.entered = asyncio.Event()
        self.open = asyncio.Event()
        self.thread_entered = threading.Event()
        self.thread_open = threading.Event()
        self.stopped: list[str] = []

    def activities(self) -> list[Any]:
        gate = self

        @activity("echo")
        async def echo(value: Any = None) -> Any:
            gate.calls.append(f"echo {value}")
            return value

        @activity("fail")
        async def fail(type: str = "Broken", retryable: bool = True) -> None:
            gate.calls.append("fail")
            raise perdure.ActivityError(type, "it broke", retryable=retryable)

        @activity("undo")
        async def undo(what: str) -> None:
            gate.calls.append(f"undo {what}")

        @activity("hold")
        async def hold(value: Any = None) -> Any:
            gate.calls.append(f"hold {value}")
            gate.contexts.append(context())
            gate.entered.set()
            try:
                await gate.open.wait()
            except asyncio.CancelledError:
                gate.stopped.append("hold")
                raise
            return value

        @activity("hold.thread")
        def hold_thread(value: Any = None) -> Any:
            gate.calls.append(f"hold.thread {value}")
            gate.contexts.append(context())
            gate.thread_entered.set()
            while not gate.thread_open.wait(0.005):
                if context().cancelled:
                    gate.stopped.append("hold.thread")
                    return "told to stop"
            return value

        return [echo, fail, undo, hold, hold_thread]


def opener(place: Place, gate: Gate) -> OpenEngine:
    def open_engine(*more: object, store: Store | None = None, **options: Any) -> Any:
        options.setdefault("grace", 0.05)
        return perdure.open(store or place.store(), activities=[*gate.activities(), *more], **options)

    return open_engine


async def eventually(look: Callable[[], Awaitable[Any]], seconds: float = 20) -> Any:
    """What `look` gives as soon as it gives something."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):
            await asyncio.sleep(0.003)
        return found


async def live(run: perdure.Run, *addresses: str) -> list[dict[str, Any]]:
    """The run's live steps, once they are the ones with these addresses."""

    async def look() -> list[dict[str, Any]] | None:
        parts = (await run.describe()).live
        return parts if [part["address"] for part in parts] == list(addresses) else None

    return await eventually(look) if addresses else (await run.describe()).live


async def events(run: perdure.Run) -> list[str]:
    """The journal of a run: `event step` per row."""
    return [f"{row['event']} {row.get('step', '')}".strip() for row in await run.history()]


async def settled(engine: Engine) -> None:
    """Wait until the engine has no run in memory."""

    async def look() -> bool:
        return not engine._worker._runs  # type: ignore[union-attr]

    await eventually(look)


class Shaky:
    """A store that fails as told: `before` the call does its work, or `after` it; and that counts its calls."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.before: set[str] = set()
        self.after: set[str] = set()
        self.failures = 0
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            self.calls[name] += 1
            if name in self.before:
                self.failures += 1
                raise StoreUnavailable(f"{name}: no space left on the disk")
            answer = await method(*arguments, **options)
            if name in self.after:
                self.failures += 1
                raise StoreUnavailable(f"{name}: the answer was lost")
            return answer

        return call


async def failed(shaky: Shaky, times: int) -> None:
    """Wait until it has failed so often."""

    async def look() -> bool:
        return shaky.failures >= times

    await eventually(look)


async def held(gate: Gate, times: int) -> bool:
    return gate.calls.count("hold 2") >= times


def worker_row() -> WorkerRow:
    """Another worker, on another host, that has not died."""
    return WorkerRow("other", "elsewhere", "boot", 1, 1, 10**18)
