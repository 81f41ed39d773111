"""The store on one SQLite file: writes go to the writer's thread, reads to a second connection.

Several processes may use one file. A call that is cancelled while it waits may have been carried out all the
same. What is written stands in `sqlite_writes` and `sqlite_messages`, how in `sqlite_writer`, opening in `sqlite_file`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import weakref
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiosqlite

from perdure.errors import StoreError
from perdure.stores import sqlite_messages as messages
from perdure.stores import sqlite_writes as writes
from perdure.stores.sqlite_file import PATIENCE, Durability, address, explain, open_file
from perdure.stores.sqlite_rows import SQL, json_list, run_row
from perdure.stores.sqlite_writer import Writer
from perdure.stores.store import AskRow, Commit, Letter, NewLetter, OpenAsk, RunRow, UpdateRow, WorkerRow

_LARGEST: Final = 2**63 - 1


class SQLiteStore:
    """Implements `Store`. `durability="normal"` may lose the last commits on power loss, never when only the
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
        return f"SQLiteStore({str(self.path)!r}, durability={self._durability!r})"

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

    # -- writing

    async def commit(self, batch: Sequence[Commit]) -> list[int | StoreError]:
        writer = self._open_writer()
        if not batch:
            return []
        return await writer.submit_all([partial(writes.write_commit, commit=commit) for commit in batch])

    async def put_definition(self, digest: str, workflow: str, version: str | None, bundle: bytes, at: int) -> None:
        await self._open_writer().submit(
            lambda transaction: writes.keep_definition(transaction, digest, workflow, version, bundle, at)
        )

    async def post(self, run_id: str, kind: str, body: bytes, *, id: str, at: int) -> RunRow | None:
        letter = NewLetter(run_id, kind, id, at, body)
        return await self._open_writer().submit(lambda transaction: messages.post(transaction.db, letter))

    async def publish(self, event: str, body: bytes, *, id: str, at: int) -> int:
        return await self._open_writer().submit(
            lambda transaction: messages.publish(transaction.db, event, body, id, at)
        )

    async def answer(self, run_id: str, frame: int, body: bytes, *, id: str, at: int) -> bool:
        letter = NewLetter(run_id, "answer", id, at, body)
        return await self._open_writer().submit(lambda transaction: messages.answer(transaction.db, frame, letter))

    # -- ownership

    async def register(self, worker: WorkerRow) -> None:
        await self._open_writer().submit(lambda transaction: writes.register(transaction, worker))

    async def renew(self, worker_id: str, lease_until: int) -> bool:
        return await self._open_writer().submit(lambda transaction: writes.renew(transaction, worker_id, lease_until))

    async def workers(self) -> list[WorkerRow]:
        return [WorkerRow(*row) for row in await self._read("all_workers")]

    async def bury(self, worker_id: str, at: int, *, died: bool = True) -> list[RunRow]:
        return await self._open_writer().submit(lambda transaction: writes.bury(transaction, worker_id, at, died))

    async def claim(self, worker_id: str, now: int, limit: int, *, only: Sequence[str] | None = None) -> list[RunRow]:
        among = None if only is None else json_list(only)
        return await self._open_writer().submit(
            lambda transaction: writes.claim(transaction, worker_id, now, max(limit, 0), among)
        )

    async def next_wake(self, *, only: Sequence[str] | None = None) -> int | None:
        if only is None:
            rows = await self._read("next_wake")
        else:
            rows = await self._read("next_wake_among", (json_list(only),))
        wake_at: int | None = rows[0][0]
        return wake_at

    # -- reading

    async def load(self, run: int) -> tuple[tuple[int, bytes] | None, list[tuple[int, int, bytes]], dict[int, bytes]]:
        snapshot: tuple[int, bytes] | None = None
        events: list[tuple[int, int, bytes]] = []
        heartbeats: dict[int, bytes] = {}
        for kind, number, at, body in await self._read("load_run", {"run": run}):
            if kind == 1:
                events.append((number, at, body))
            elif kind == 0:
                snapshot = (number, body)
            else:
                heartbeats[number] = body
        events.sort(key=lambda event: event[0])  # SQL promises no order here; they nearly always have it
        return snapshot, events, heartbeats

    async def letters(self, worker_id: str, *, after: int = 0, limit: int = 1000) -> list[Letter]:
        rows = await self._read("letters_of_worker", (after, worker_id, max(limit, 0)))
        return [Letter(*row) for row in rows]

    async def letters_of(self, run: int) -> list[Letter]:
        return [Letter(*row) for row in await self._read("letters_of_run", (run,))]

    async def definition(self, digest: str) -> bytes | None:
        rows = await self._read("definition", (digest,))
        return rows[0][0] if rows else None

    async def latest(self, workflow: str) -> str | None:
        rows = await self._read("newest_definition", (workflow,))
        return rows[0][0] if rows else None

    async def update(self, run_id: str, id: str) -> UpdateRow | None:
        rows = await self._read("find_update", (run_id, id))
        return UpdateRow(*rows[0]) if rows else None

    async def find(self, run_id: str) -> RunRow | None:
        rows = await self._read("find_run", (run_id,))
        return run_row(rows[0]) if rows else None

    async def runs(
        self,
        *,
        workflow: str | None = None,
        statuses: Sequence[str] | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[RunRow]:
        wanted = {
            "before": _LARGEST if before is None else before,
            "limit": max(limit, 0),
            "workflow": workflow,
        }
        if statuses is not None:
            name = "runs_page_with_status"
            wanted["statuses"] = json_list(statuses)
        else:
            name = "runs_page" if workflow is None else "runs_page_of_workflow"
        return [run_row(row) for row in await self._read(name, wanted)]

    async def history(self, run: int, *, after: int = 0, limit: int = 1000) -> list[tuple[int, int, bytes]]:
        return list(await self._read("history", (run, after, max(limit, 0))))

    async def asks(self, run_id: str | None = None, *, limit: int = 1000) -> list[OpenAsk]:
        if run_id is None:
            rows = await self._read("asks_page", (max(limit, 0),))
        else:
            rows = await self._read("asks_page_of_run", (run_id, max(limit, 0)))
        return [OpenAsk(row[0], row[1], AskRow(*row[2:])) for row in rows]

    async def stamp(self) -> int:
        return self._open_writer().version()

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
        reader = self._reader
        if self._state != "open" or reader is None:
            self._open_writer()  # says which of the two
            raise StoreError("the store is closed")
        try:
            return list(await reader.execute_fetchall(SQL[name], wanted))
        except (sqlite3.Error, OverflowError, ValueError) as error:
            raise explain(error, self.path) from error


def _part(writer: Writer) -> None:
    """At exit, or when a store that nobody closed is collected: write what was accepted."""
    writer.stop()
    writer.join(5.0)
