"""Schedules, tasks and cached values of a memory store, as calls."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter

from perdure.errors import Fenced
from perdure.stores import memory_schedules as schedules
from perdure.stores import memory_tasks as tasks
from perdure.stores.memory_handle import MemoryHandle
from perdure.stores.memory_types import fits
from perdure.stores.rows import Occurrence, ScheduleRow, SlotRow, TaskRow


class MemoryOperations(MemoryHandle):
    """The part of `Store` that serves schedules, tasks and caches."""

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
        file = self._open_file()
        fits(texts=(id, workflow, event or ""), integers=(next_at or 0, revision or 0), blobs=(spec, state))
        kept = schedules.put_schedule(file, id, workflow, spec, state, next_at, event, revision)
        if kept:
            self._changed()
        return kept

    async def change_schedule(
        self, id: str, revision: int, state: bytes, *, next_at: int | None, event: str | None, fired: int | None = None
    ) -> bool:
        file = self._open_file()
        fits(texts=(id, event or ""), integers=(revision, next_at or 0, fired or 0), blobs=(state,))
        changed = schedules.change_schedule(file, id, revision, state, next_at, event, fired)
        if changed:
            self._changed()
        return changed

    async def delete_schedule(self, id: str) -> bool:
        deleted = schedules.delete_schedule(self._open_file(), id)
        self._changed()
        return deleted

    async def schedule(self, id: str) -> ScheduleRow | None:
        return self._open_file().schedules.get(id)

    async def schedules(self, *, workflow: str | None = None) -> list[ScheduleRow]:
        rows = self._open_file().schedules.values()
        return sorted((row for row in rows if workflow in (None, row.workflow)), key=attrgetter("id"))

    async def due_schedules(self, now: int, limit: int = 100) -> list[ScheduleRow]:
        rows = self._open_file().schedules.values()
        due = sorted((row.next_at, row.id) for row in rows if row.next_at is not None and row.next_at <= now)
        return [self._open_file().schedules[id] for _, id in due[: max(limit, 0)]]

    async def next_schedule(self) -> int | None:
        rows = self._open_file().schedules.values()
        return min((row.next_at for row in rows if row.next_at is not None), default=None)

    async def fired(self, id: str, since: int, until: int) -> list[int]:
        return sorted(nominal for nominal in self._open_file().fired.get(id, ()) if since <= nominal < until)

    async def occurrences(self, *, after: int = 0, limit: int = 100) -> list[Occurrence]:
        found = self._open_file().occurrences.values()
        return [occurrence for occurrence in found if occurrence.key > after][: max(limit, 0)]

    async def drop_occurrence(self, key: int) -> bool:
        dropped = schedules.settle_occurrence(self._open_file(), key)
        if dropped:
            self._changed()
        return dropped

    # -- tasks

    async def take_tasks(self, worker_id: str, queues: Mapping[str, int]) -> list[TaskRow]:
        file = self._open_file()
        if worker_id not in file.workers:
            raise Fenced
        taken = tasks.take_tasks(file, worker_id, queues)
        if taken:
            self._changed()
        return taken

    async def tasks(self, worker_id: str) -> list[TaskRow]:
        return tasks.tasks_of(self._open_file(), worker_id)

    async def finish_task(self, worker_id: str, key: int, body: bytes, at: int) -> bool:
        file = self._open_file()
        fits(integers=(key, at), blobs=(body,))
        finished = tasks.finish_task(file, worker_id, key, body, at)
        if finished:
            self._changed()
        return finished

    # -- slots

    async def slots(self, *, limit: int = 1000) -> list[SlotRow]:
        file = self._open_file()
        found = [slot for of_run in file.slots.by_run.values() for slot in of_run.values()]
        found.sort(key=lambda slot: (slot.key, not slot.granted, slot.place))
        rows = [(file.runs[slot.run], slot) for slot in found[: max(limit, 0)]]
        return [SlotRow(slot.key, run.id, run.workflow, slot.frame, slot.limit, slot.granted) for run, slot in rows]

    # -- cached values

    async def cached(self, key: str, now: int) -> bytes | None:
        value, expires_at = self._open_file().cache.get(key, (None, None))
        return None if expires_at is not None and expires_at <= now else value

    async def purge(self, now: int, limit: int = 1000) -> int:
        cache = self._open_file().cache
        expired = sorted((at, key) for key, (_, at) in cache.items() if at is not None and at <= now)
        for _, key in expired[: max(limit, 0)]:
            del cache[key]
        if expired:
            self._changed()
        return min(len(expired), max(limit, 0))
