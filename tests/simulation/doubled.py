"""A store of two: every call is made on a memory store and on SQLite, and the answers are compared.

SQLite's threads are left out, since their pace follows from no seed: what its writer would do in its thread it does at
once, in the same transactions. What the engine hears is SQLite's answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from perdure.errors import StoreError
from perdure.stores import MemoryStore, SQLiteStore
from perdure.stores.sqlite_file import address, open_file
from perdure.stores.sqlite_writer import Call, Writer, _tell

APART: Final = ("open", "close", "stamp", "workers")
"""Calls of which the answers differ: `workers` is asked of the memory store, where the stage says who has died."""


class Doubled:
    """A handle on both. `accuse` is told of answers that differ."""

    def __init__(self, memory: MemoryStore, path: Path, accuse: Callable[[str], None]) -> None:
        self._memory = memory
        self._sqlite = _AtOnce(path, durability="normal")
        self._accuse = accuse

    def __getattr__(self, name: str) -> Any:
        async def call(*given: Any, **named: Any) -> Any:
            expected = await _answer(getattr(self._memory, name), given, named)
            found = await _answer(getattr(self._sqlite, name), given, named)
            if _plain(expected) != _plain(found):
                self._accuse(f"{name} answers {found!r} with SQLite, and {expected!r} in memory")
            if isinstance(found, Exception):
                raise found
            return found

        return getattr(self._memory, name) if name in APART else call

    async def open(self) -> None:
        await self._memory.open()
        await self._sqlite.open()

    async def close(self) -> None:
        await self._memory.close()
        await self._sqlite.close()


async def _answer(method: Any, given: Any, named: Any) -> Any:
    try:
        return await method(*given, **named)
    except StoreError as problem:
        return problem


def _plain(answer: Any) -> Any:
    """Of errors their kind: how they are worded is each store's own."""
    if isinstance(answer, list):
        return [_plain(one) for one in answer]
    return type(answer).__name__ if isinstance(answer, StoreError) else answer


class _AtOnce(SQLiteStore):
    async def open(self) -> None:
        self._writer = _WriterAtOnce(self.path, self._durability)  # type: ignore[assignment]
        self._reader = _Reader(self.path)  # type: ignore[assignment]
        self._state = "open"

    async def close(self) -> None:
        if self._state == "open":
            self._state = "closed"
            self._reader._db.close()  # type: ignore[union-attr]
            self._writer._db.close()  # type: ignore[union-attr]


class _WriterAtOnce(Writer):
    def __init__(self, path: Path, durability: Any) -> None:
        self._db = open_file(path, durability)
        self._path = path
        self._patience = 0.0

    def _put(self, write: Any, items: Any, single: bool) -> Any:
        call = Call(write, items, single, asyncio.get_running_loop().create_future())
        failure: BaseException | None = None
        try:
            self._write([call])
        except BaseException as error:
            failure = error
        _tell([call], failure, self._path)
        return call.future

    def _check_file(self) -> None:
        pass


class _Reader:
    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(address(path, "rw"), uri=True, isolation_level=None)

    async def execute_fetchall(self, text: str, wanted: Any) -> Any:
        with contextlib.closing(self._db.execute(text, wanted)) as found:
            return found.fetchall()
