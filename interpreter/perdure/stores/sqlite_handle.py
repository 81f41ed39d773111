"""A handle on one SQLite file: the writer's thread and a second connection for reads, opened and closed together.

Knows when it is open; not what is written or read (`sqlite`, `sqlite_reading`, `sqlite_operations`).
"""

from __future__ import annotations

import asyncio
import sqlite3
import weakref
from pathlib import Path
from typing import Any

import aiosqlite

from perdure.errors import StoreError
from perdure.stores.sqlite_file import PATIENCE, Durability, address, explain, open_file
from perdure.stores.sqlite_rows import SQL
from perdure.stores.sqlite_writer import Writer


class SQLiteHandle:
    """`durability="normal"` may lose the last commits on power loss, never when only the
    process dies; `patience` is how many seconds a call waits for another process's lock."""

    def __init__(self, path: str | Path, *, durability: Durability = "full", patience: float = PATIENCE) -> None:
        if durability not in ("full", "normal"):
            raise StoreError(f"durability is full or normal, not {durability}")
        self.path = Path(path).absolute()
        self._durability = durability
        self._patience = patience
        self._writer: Writer | None = None
        self._reader: aiosqlite.Connection | None = None
        self._state = "new"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r}, durability={self._durability!r})"

    async def open(self) -> None:
        if self._state != "new":
            raise StoreError(f"the store is {self._state} already; make a new one to open it again")
        self._state = "opening"
        try:
            db = await asyncio.to_thread(open_file, self.path, self._durability, self._patience)
            self._writer = Writer(db, self.path, self._patience, asyncio.get_running_loop())
            weakref.finalize(self, _part, self._writer)
            self._reader = await self._open_reader()
            if self._state != "opening":
                raise StoreError("the store was closed while it was being opened")
            self._state = "open"
        except BaseException:
            self._state = "closed"
            await self._let_go()
            raise

    async def close(self) -> None:
        was, self._state = self._state, "closed"
        if was != "opening":
            await self._let_go()

    async def _let_go(self) -> None:
        if self._writer is not None:
            self._writer.stop()
        if self._reader is not None:
            reader, self._reader = self._reader, None
            await reader.close()
        if self._writer is not None:
            await asyncio.to_thread(self._writer.join)

    def _open_writer(self) -> Writer:
        if self._state != "open" or self._writer is None:
            raise StoreError(
                "the store is closed" if self._state == "closed" else "the store is not open; await open()"
            )
        return self._writer

    async def _open_reader(self) -> aiosqlite.Connection:
        reader = aiosqlite.connect(
            address(self.path, "rw"),
            uri=True,
            isolation_level=None,
            timeout=self._patience,
            cached_statements=256,
        )
        # Its thread is none of a daemon, and would keep a process alive that forgot to close the store.
        reader._thread.daemon = True
        try:
            await reader
            await reader.execute("PRAGMA query_only = ON")
        except sqlite3.Error as error:
            await reader.close()
            raise explain(error, self.path) from error
        return reader

    async def _read(self, name: str, wanted: Any = ()) -> list[Any]:
        return await self._read_text(SQL[name], wanted)

    async def _read_text(self, text: str, wanted: Any) -> list[Any]:
        reader = self._reader
        if self._state != "open" or reader is None:
            self._open_writer()  # says which of the two
            raise StoreError("the store is closed")
        try:
            return list(await reader.execute_fetchall(text, wanted))
        except (sqlite3.Error, OverflowError, ValueError) as error:
            raise explain(error, self.path) from error


def _part(writer: Writer) -> None:
    """At exit, or when a store that nobody closed is collected: write what was accepted."""
    writer.stop()
    writer.join(5.0)
