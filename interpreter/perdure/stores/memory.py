"""A store in memory, for tests and for runs that need not outlive the process.

A `MemoryFile` stands for the file: several `MemoryStore` objects on it are several processes on a database.
Nothing here awaits, so every call is atomic by itself; all handles of a file belong to one event loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Final

from perdure.errors import Fenced, StoreError
from perdure.stores.commits import Commit, NewLetter
from perdure.stores.conditions import Condition, check, holds
from perdure.stores.memory_commit import delete, write_commit
from perdure.stores.memory_file import MemoryFile
from perdure.stores.memory_operations import MemoryOperations
from perdure.stores.memory_tasks import lose_tasks
from perdure.stores.memory_types import fits
from perdure.stores.rows import OPEN, Letter, OpenAsk, RunRow, UpdateRow, WorkerRow

_CLAIMABLE: Final = ("scheduled", "running", "paused")


class MemoryStore(MemoryOperations):
    """Implements `Store`; on a `file` of its own, or on one it shares with other handles."""

    # -- writing

    async def commit(self, batch: Sequence[Commit]) -> list[int | StoreError]:
        file = self._open_file()
        outcomes: list[int | StoreError] = []
        for commit in batch:
            outcomes.append(write_commit(file, commit))
            self._changed()
        return outcomes

    async def put_definition(self, digest: str, workflow: str, version: str | None, bundle: bytes, at: int) -> None:
        file = self._open_file()
        fits(texts=(digest, workflow, version or ""), integers=(at,), blobs=(bundle,))
        file.definitions.setdefault(digest, bundle)
        file.newest[workflow] = digest
        if version is not None:
            file.newest_versions[workflow, version] = digest
        self._changed()

    async def post(
        self, run_id: str, kind: str, body: bytes, *, id: str, at: int, patient: bool = False
    ) -> RunRow | None:
        file = self._open_file()
        fits(texts=(run_id, kind, id), integers=(at,), blobs=(body,))
        if file.post(NewLetter(run_id, kind, id, at, body, patient)):
            self._changed()
        return file.find(run_id)

    async def publish(self, event: str, body: bytes, *, id: str, at: int) -> int:
        file = self._open_file()
        fits(texts=(event, id), integers=(at,), blobs=(body,))
        reached = file.publish(event, body, id, at)
        self._changed()
        return reached

    async def answer(self, run_id: str, frame: int, body: bytes, *, id: str, at: int) -> bool:
        file = self._open_file()
        fits(texts=(run_id, id), integers=(frame, at), blobs=(body,))
        row = file.find_open(run_id)
        if row is None or (row.key, frame) not in file.asks:
            return False
        if not file.post(NewLetter(run_id, "answer", id, at, body, patient=True)):
            return False
        del file.asks[row.key, frame]
        self._changed()
        return True

    async def delete(self, run: int) -> bool:
        deleted = delete(self._open_file(), run)
        if deleted:
            self._changed()
        return deleted

    # -- ownership

    async def register(self, worker: WorkerRow) -> None:
        self._open_file().workers[worker.id] = worker
        self._changed()

    async def renew(self, worker_id: str, lease_until: int) -> bool:
        workers = self._open_file().workers
        if worker_id not in workers:
            return False
        workers[worker_id] = replace(workers[worker_id], lease_until=lease_until)
        self._changed()
        return True

    async def workers(self) -> list[WorkerRow]:
        return sorted(self._open_file().workers.values(), key=attrgetter("id"))

    async def bury(self, worker_id: str, at: int, *, died: bool = True) -> list[RunRow]:
        file = self._open_file()
        file.workers.pop(worker_id, None)
        freed = []
        for key, row in file.runs.items():
            if row.owner == worker_id:
                freed.append(replace(row, owner=None, wake_at=at, recoveries=row.recoveries + died))
                file.runs[key] = freed[-1]
        lose_tasks(file, worker_id, at)
        self._changed()
        return freed

    async def claim(self, worker_id: str, now: int, limit: int, *, only: Sequence[str] | None = None) -> list[RunRow]:
        file = self._open_file()
        if worker_id not in file.workers:
            raise Fenced
        due = [(at, row) for at, row in _claimable(file, only) if at <= now]
        due.sort(key=lambda entry: (entry[0], entry[1].key))
        claimed = [replace(row, owner=worker_id) for _, row in due[: max(limit, 0)]]
        file.runs.update((row.key, row) for row in claimed)
        if claimed:
            self._changed()
        return claimed

    async def next_wake(self, *, only: Sequence[str] | None = None) -> int | None:
        return min((at for at, _ in _claimable(self._open_file(), only)), default=None)

    # -- reading

    async def load(self, run: int) -> tuple[tuple[int, bytes] | None, list[tuple[int, int, bytes]], dict[int, bytes]]:
        file = self._open_file()
        snapshot = file.snapshots.get(run)
        after = snapshot[0] if snapshot else 0
        return snapshot, _events(file, run, after), dict(file.heartbeats.get(run, {}))

    async def letters(self, worker_id: str, *, after: int = 0, limit: int = 1000) -> list[Letter]:
        file = self._open_file()
        found: list[Letter] = []
        for run, box in file.inbox.items():
            row = file.runs[run]
            if row.owner == worker_id and row.status in OPEN:
                found += (letter for letter in box.values() if letter.key > after)
        return sorted(found, key=attrgetter("key"))[: max(limit, 0)]

    async def letters_of(self, run: int) -> list[Letter]:
        return list(self._open_file().inbox.get(run, {}).values())

    async def definition(self, digest: str) -> bytes | None:
        return self._open_file().definitions.get(digest)

    async def latest(self, workflow: str, version: str | None = None) -> str | None:
        file = self._open_file()
        return file.newest.get(workflow) if version is None else file.newest_versions.get((workflow, version))

    async def update(self, run_id: str, id: str) -> UpdateRow | None:
        return self._open_file().updates.get((run_id, id))

    async def find(self, run_id: str) -> RunRow | None:
        return self._open_file().find(run_id)

    async def runs(
        self,
        *,
        where: Condition | None = None,
        statuses: Sequence[str] | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[RunRow]:
        if where is not None:
            check(where)
        found = [
            row
            for key, row in sorted(self._open_file().runs.items(), reverse=True)
            if (before is None or key < before)
            and (where is None or holds(where, row))
            and (statuses is None or row.status in statuses)
        ]
        return found[: max(limit, 0)]

    async def ended(self, before: int, limit: int = 100) -> list[RunRow]:
        moments = [(row.closed_at, key) for key, row in self._open_file().runs.items() if row.closed_at is not None]
        due = sorted((at, key) for at, key in moments if at < before)
        return [self._open_file().runs[key] for _, key in due[: max(limit, 0)]]

    async def history(self, run: int, *, after: int = 0, limit: int = 1000) -> list[tuple[int, int, bytes]]:
        return _events(self._open_file(), run, after)[: max(limit, 0)]

    async def asks(self, run_id: str | None = None, *, limit: int = 1000) -> list[OpenAsk]:
        file = self._open_file()
        found = []
        for ask in sorted(file.asks.values(), key=attrgetter("opened_at", "run", "frame")):
            row = file.runs.get(ask.run)
            if row is not None and run_id in (None, row.id):
                found.append(OpenAsk(row.id, row.workflow, ask))
        return found[: max(limit, 0)]

    async def stamp(self) -> int:
        return self._open_file().changes - self._own_changes


def _claimable(file: MemoryFile, only: Sequence[str] | None) -> list[tuple[int, RunRow]]:
    if only is None:
        rows = list(file.runs.values())
    else:
        rows = [row for row in map(file.find, dict.fromkeys(only)) if row is not None]
    return [
        (row.wake_at, row) for row in rows if row.owner is None and row.wake_at is not None and row.status in _CLAIMABLE
    ]


def _events(file: MemoryFile, run: int, after: int) -> list[tuple[int, int, bytes]]:
    return [(seq, *event) for seq, event in sorted(file.journal.get(run, {}).items()) if seq > after]
