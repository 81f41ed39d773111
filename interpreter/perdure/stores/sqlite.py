"""The store on one SQLite file: writes go to the writer's thread, reads to a second connection.

Several processes may use one file. A call that is cancelled while it waits may have been carried out all the
same. What is written stands in `sqlite_writes` and the files it names, how in `sqlite_writer`; opening and closing in
`sqlite_handle`, reading in `sqlite_reading`, schedules and tasks in `sqlite_operations`.
"""

from __future__ import annotations

from collections.abc import Sequence

from perdure.errors import StoreError
from perdure.stores import sqlite_messages as messages
from perdure.stores import sqlite_ownership as ownership
from perdure.stores import sqlite_writes as writes
from perdure.stores.commits import Commit, NewLetter
from perdure.stores.rows import RunRow, WorkerRow
from perdure.stores.sqlite_operations import SQLiteOperations
from perdure.stores.sqlite_reading import SQLiteReading
from perdure.stores.sqlite_rows import json_list


class SQLiteStore(SQLiteReading, SQLiteOperations):
    """Implements `Store`. `durability="normal"` may lose the last commits on power loss, never when only the
    process dies; `patience` is how many seconds a call waits for another process's lock."""

    # -- writing

    async def commit(self, batch: Sequence[Commit]) -> list[int | StoreError]:
        writer = self._open_writer()
        if not batch:
            return []
        return await writer.submit_all(writes.write_commit, batch)

    async def put_definition(self, digest: str, workflow: str, version: str | None, bundle: bytes, at: int) -> None:
        await self._open_writer().submit(
            lambda transaction: writes.keep_definition(transaction, digest, workflow, version, bundle, at)
        )

    async def post(
        self, run_id: str, kind: str, body: bytes, *, id: str, at: int, patient: bool = False
    ) -> RunRow | None:
        letter = NewLetter(run_id, kind, id, at, body, patient)
        return await self._open_writer().submit(lambda transaction: messages.post(transaction.db, letter))

    async def publish(self, event: str, body: bytes, *, id: str, at: int) -> int:
        return await self._open_writer().submit(
            lambda transaction: messages.publish(transaction.db, event, body, id, at)
        )

    async def answer(self, run_id: str, frame: int, body: bytes, *, id: str, at: int) -> bool:
        letter = NewLetter(run_id, "answer", id, at, body, patient=True)
        return await self._open_writer().submit(lambda transaction: messages.answer(transaction.db, frame, letter))

    async def delete(self, run: int) -> bool:
        return await self._open_writer().submit(lambda transaction: writes.delete(transaction, run))

    async def purge(self, now: int, limit: int = 1000) -> int:
        return await self._open_writer().submit(lambda transaction: writes.purge(transaction, now, max(limit, 0)))

    # -- ownership

    async def register(self, worker: WorkerRow) -> None:
        await self._open_writer().submit(lambda transaction: ownership.register(transaction, worker))

    async def renew(self, worker_id: str, lease_until: int) -> bool:
        return await self._open_writer().submit(
            lambda transaction: ownership.renew(transaction, worker_id, lease_until)
        )

    async def workers(self) -> list[WorkerRow]:
        return [WorkerRow(*row) for row in await self._read("all_workers")]

    async def bury(self, worker_id: str, at: int, *, died: bool = True) -> list[RunRow]:
        return await self._open_writer().submit(lambda transaction: ownership.bury(transaction, worker_id, at, died))

    async def claim(self, worker_id: str, now: int, limit: int, *, only: Sequence[str] | None = None) -> list[RunRow]:
        among = None if only is None else json_list(only)
        return await self._open_writer().submit(
            lambda transaction: ownership.claim(transaction, worker_id, now, max(limit, 0), among)
        )

    async def next_wake(self, *, only: Sequence[str] | None = None) -> int | None:
        if only is None:
            rows = await self._read("next_wake")
        else:
            rows = await self._read("next_wake_among", (json_list(only),))
        wake_at: int | None = rows[0][0]
        return wake_at
