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
from perdure.stores.memory_commit import write_commit
from perdure.stores.memory_file import MemoryFile, fits
from perdure.stores.store import OPEN, Commit, Letter, NewLetter, OpenAsk, RunRow, UpdateRow, WorkerRow

_CLAIMABLE: Final = ("scheduled", "running", "paused")


class MemoryStore:
    """Implements `Store`; on a `file` of its own, or on one it shares with other handles."""

    def __init__(self, file: MemoryFile | None = None) -> None:
        self.file = file or MemoryFile()
        self._state = "new"
        self._own_changes = 0

    async def open(self) -> None:
        if self._state != "new":
            raise StoreError(f"the store is {self._state} already; make a new one to open it again")
        self._state = "open"

    async def close(self) -> None:
        self._state = "closed"

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
        self._changed()

    async def post(self, run_id: str, kind: str, body: bytes, *, id: str, at: int) -> RunRow | None:
        file = self._open_file()
        fits(texts=(run_id, kind, id), integers=(at,), blobs=(body,))
        if file.post(NewLetter(run_id, kind, id, at, body)):
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
        if not file.post(NewLetter(run_id, "answer", id, at, body)):
            return False
        del file.asks[row.key, frame]
        self._changed()
        return True

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

    async def latest(self, workflow: str) -> str | None:
        return self._open_file().newest.get(workflow)

    async def update(self, run_id: str, id: str) -> UpdateRow | None:
        return self._open_file().updates.get((run_id, id))

    async def find(self, run_id: str) -> RunRow | None:
        return self._open_file().find(run_id)

    async def runs(
        self,
        *,
        workflow: str | None = None,
        statuses: Sequence[str] | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[RunRow]:
        found = [
            row
            for key, row in sorted(self._open_file().runs.items(), reverse=True)
            if (before is None or key < before)
            and (workflow is None or row.workflow == workflow)
            and (statuses is None or row.status in statuses)
        ]
        return found[: max(limit, 0)]

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

    def _open_file(self) -> MemoryFile:
        if self._state != "open":
            raise StoreError(
                "the store is closed" if self._state == "closed" else "the store is not open; await open()"
            )
        return self.file

    def _changed(self) -> None:
        self.file.changes += 1
        self._own_changes += 1


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
