"""Schedules and tasks of an SQLite file, as calls; what is written stands in `sqlite_schedules` and `sqlite_tasks`."""

from __future__ import annotations

from collections.abc import Mapping

from perdure.stores import sqlite_schedules as schedules
from perdure.stores import sqlite_tasks as tasks
from perdure.stores.rows import Occurrence, ScheduleRow, TaskRow
from perdure.stores.sqlite_handle import SQLiteHandle


class SQLiteOperations(SQLiteHandle):
    """The part of `Store` that serves schedules and tasks."""

    # -- schedules

    async def put_schedule(
        self,
        id: str,
        workflow: str,
        spec: bytes,
        state: bytes,
        *,
        next_at: int | None,
        event: str | None,
        revision: int | None = None,
    ) -> bool:
        return await self._open_writer().submit(
            lambda transaction: schedules.put_schedule(transaction, id, workflow, spec, state, next_at, event, revision)
        )

    async def change_schedule(
        self, id: str, revision: int, state: bytes, *, next_at: int | None, event: str | None, fired: int | None = None
    ) -> bool:
        return await self._open_writer().submit(
            lambda transaction: schedules.change_schedule(transaction, id, revision, state, next_at, event, fired)
        )

    async def delete_schedule(self, id: str) -> bool:
        return await self._open_writer().submit(lambda transaction: schedules.delete_schedule(transaction, id))

    async def schedule(self, id: str) -> ScheduleRow | None:
        rows = await self._read("find_schedule", (id,))
        return ScheduleRow(*rows[0]) if rows else None

    async def schedules(self, *, workflow: str | None = None) -> list[ScheduleRow]:
        if workflow is None:
            rows = await self._read("all_schedules")
        else:
            rows = await self._read("schedules_of_workflow", (workflow,))
        return [ScheduleRow(*row) for row in rows]

    async def due_schedules(self, now: int, limit: int = 100) -> list[ScheduleRow]:
        return [ScheduleRow(*row) for row in await self._read("due_schedules", (now, max(limit, 0)))]

    async def next_schedule(self) -> int | None:
        rows = await self._read("next_schedule")
        next_at: int | None = rows[0][0]
        return next_at

    async def fired(self, id: str, since: int, until: int) -> list[int]:
        return [nominal for (nominal,) in await self._read("fired", (id, since, until))]

    async def occurrences(self, *, after: int = 0, limit: int = 100) -> list[Occurrence]:
        return [Occurrence(*row) for row in await self._read("occurrences_page", (after, max(limit, 0)))]

    async def drop_occurrence(self, key: int) -> bool:
        return await self._open_writer().submit(lambda transaction: schedules.drop_occurrence(transaction, key))

    # -- tasks

    async def take_tasks(self, worker_id: str, queues: Mapping[str, int]) -> list[TaskRow]:
        [(nothing,)] = await self._read("nothing_to_take", (worker_id,))
        if nothing:
            return []
        return await self._open_writer().submit(lambda transaction: tasks.take_tasks(transaction, worker_id, queues))

    async def tasks(self, worker_id: str) -> list[TaskRow]:
        return [tasks.task_row(row) for row in await self._read("tasks_of_worker", (worker_id,))]

    async def finish_task(self, worker_id: str, key: int, body: bytes, at: int) -> bool:
        return await self._open_writer().submit(
            lambda transaction: tasks.finish_task(transaction, worker_id, key, body, at)
        )
