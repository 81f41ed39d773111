"""What the engine asks of a store. Two implementations here: `sqlite` and `memory`.

Rules of this file
1. A store keeps rows; it does not know steps, events or commands. Events, snapshots and bodies are bytes to it.
2. `commit` is the only way the journal grows. Each `Commit` of a batch is all or nothing; the batch is one
   transaction wherever possible. When `commit` returns, what it accepted is durable.
3. Times are microseconds since the epoch, always handed in by the caller: a store has no clock of its own.
4. A run is claimed by one worker at a time. A worker exists while it has a row; a commit in the name of a
   worker without a row is `Fenced`, so a worker that was declared dead cannot write.
5. Every method may raise `StoreError`; after it nothing of the call has happened, unless the method says otherwise.
6. Methods may be called at once from many tasks of one event loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from perdure.errors import StoreError
from perdure.stores.commits import (
    Closing,
    Commit,
    Firing,
    NewLetter,
    NewRun,
    NewTask,
    ParentEnded,
    RunExists,
    SequenceTaken,
    SlotTaken,
    StaleSchedule,
    Steps,
    Take,
)
from perdure.stores.conditions import Condition
from perdure.stores.rows import (
    OPEN,
    AskRow,
    Letter,
    Occurrence,
    OpenAsk,
    RunRow,
    ScheduleRow,
    SlotRow,
    TaskRow,
    UpdateRow,
    WorkerRow,
)

__all__ = [
    "OPEN",
    "AskRow",
    "Closing",
    "Commit",
    "Firing",
    "Letter",
    "NewLetter",
    "NewRun",
    "NewTask",
    "Occurrence",
    "OpenAsk",
    "ParentEnded",
    "RunExists",
    "RunRow",
    "ScheduleRow",
    "SequenceTaken",
    "SlotRow",
    "SlotTaken",
    "StaleSchedule",
    "Steps",
    "Store",
    "Take",
    "TaskRow",
    "UpdateRow",
    "WorkerRow",
]


class Store(Protocol):
    async def open(self) -> None:
        """Create or migrate what is needed. Raises StoreUnavailable or StoreCorrupt. Call once, first."""

    async def close(self) -> None:
        """Let everything go; may be called twice."""

    # -- writing

    async def commit(self, batch: Sequence[Commit]) -> list[int | StoreError]:
        """Make a batch durable. One answer per commit, in order: the run's key, or why nothing of it was kept
        (RunExists, ParentEnded, SequenceTaken, Fenced, SlotTaken, StaleSchedule). A failure of one does not touch the
        others. Raises StoreError when the whole batch failed (disk full, file gone); then nothing of it was kept."""

    async def put_definition(self, digest: str, workflow: str, version: str | None, bundle: bytes, at: int) -> None:
        """Keep a definition by the digest of its content. Doing it again changes nothing but what is `latest`."""

    async def post(
        self, run_id: str, kind: str, body: bytes, *, id: str, at: int, patient: bool = False
    ) -> RunRow | None:
        """Put a letter into an open run's inbox and see that somebody wakes: if nobody owns the run its `wake_at`
        becomes `at` (or stays, where it is earlier), unless the letter is `patient` and the run paused or scheduled. A
        letter of kind `update` or `migrate` is answered: see `update`. The same (run, id) again is dropped silently,
        also after it was read; ids that begin with `~` are never repeated and are forgotten once read. Returns the
        run's row; None where no such run exists. A row whose status is not open means: refused, nothing was kept."""

    async def publish(self, event: str, body: bytes, *, id: str, at: int) -> int:
        """Post a letter of kind `event` to every open run that listens to the event, in one transaction; how many it
        reached. Publishing the same id again reaches nobody twice. The letters are patient: an event is a message, and
        a run that is paused or scheduled takes none before something else wakes it. In the same transaction every
        schedule that listens to the event gets an `Occurrence`, once per id (also after it was started or dropped;
        ids that begin with `~` are forgotten then); they do not count."""

    async def update(self, run_id: str, id: str) -> UpdateRow | None:
        """How an update (or a migration) stands; None where there is none of that id. One posted as a letter is
        `waiting` until a commit accepts or refuses it; posting one that is known already changes nothing. It is known
        by the id its run had when it was posted, whichever successor deals with it."""

    async def latest(self, workflow: str, version: str | None = None) -> str | None:
        """The digest of the definition that was put last under a workflow's name, with this version label if given."""

    async def delete(self, run: int) -> bool:
        """Delete an ended run and everything of it: journal, letters, their ids, updates, labels, tasks. False where it
        is open or gone. The nominal times it was started for stay known as fired; its key is never given again."""

    async def purge(self, now: int, limit: int = 1000) -> int:
        """Delete up to so many cache entries that have expired by `now`; how many."""

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
        """Create a schedule, or replace it; its revision grows, also over a deletion in between. With a `revision` only
        where it still is that one, 0 where there is none; False where it is not: nothing changed."""

    async def change_schedule(
        self, id: str, revision: int, state: bytes, *, next_at: int | None, event: str | None, fired: int | None = None
    ) -> bool:
        """Replace what a schedule has come to; `fired` is a nominal time that counts as fired from now on, though no
        run was started. False where it has another revision or is gone: nothing changed."""

    async def delete_schedule(self, id: str) -> bool:
        """With its occurrences, their ids and the nominal times it fired. False where there is none."""

    async def schedule(self, id: str) -> ScheduleRow | None: ...

    async def schedules(self, *, workflow: str | None = None) -> list[ScheduleRow]:
        """By id."""

    async def due_schedules(self, now: int, limit: int = 100) -> list[ScheduleRow]:
        """Those with a `next_at` of `now` or before, longest due first."""

    async def next_schedule(self) -> int | None:
        """The earliest `next_at`."""

    async def fired(self, id: str, since: int, until: int) -> list[int]:
        """Nominal times of a schedule that count as fired, from `since` up to but not including `until`, in order."""

    async def occurrences(self, *, after: int = 0, limit: int = 100) -> list[Occurrence]:
        """Events that wait for their runs, oldest first, with a key beyond `after`."""

    async def drop_occurrence(self, key: int) -> bool:
        """Let an event go without a run; False where it is gone."""

    # -- tasks

    async def take_tasks(self, worker_id: str, queues: Mapping[str, int]) -> list[TaskRow]:
        """Take up to so many free tasks of each queue, and of all queues together under the name `*`: higher priority
        first, then older, and so the answer. Cheap where there are none: asked often. Raises Fenced where the worker
        has no row. When a worker is buried its tasks end: their runs get a letter `task` {frame, lost: true}.
        All letters `task` of a frame have the id `~task/<frame>`."""

    async def tasks(self, worker_id: str) -> list[TaskRow]:
        """What the worker has taken and not finished, oldest first; what belonged to a deleted run is gone."""

    async def finish_task(self, worker_id: str, key: int, body: bytes, at: int) -> bool:
        """Delete a task the worker has taken and post a letter `task` with this body to its run, in one transaction.
        False where it is not the worker's (any more)."""

    async def answer(self, run_id: str, frame: int, body: bytes, *, id: str, at: int) -> bool:
        """Close an open question and post the answer (a letter of kind `answer`), in one transaction. False where
        the question is not open (any more): of two answers at once exactly one wins."""

    # -- ownership

    async def register(self, worker: WorkerRow) -> None:
        """Write the worker's row."""

    async def renew(self, worker_id: str, lease_until: int) -> bool:
        """Prolong the worker's lease; False where its row is gone: it has been declared dead."""

    async def workers(self) -> list[WorkerRow]: ...

    async def bury(self, worker_id: str, at: int, *, died: bool = True) -> list[RunRow]:
        """Delete the worker's row and set its runs free (`wake_at` = at), in one transaction. When it `died`,
        `recoveries` of each of its runs grows by one; else (an orderly farewell) it does not."""

    async def claim(self, worker_id: str, now: int, limit: int, *, only: Sequence[str] | None = None) -> list[RunRow]:
        """Take up to `limit` open runs (not stuck) without an owner whose `wake_at` is due, longest due
        first; `only` names the run ids to choose among. Raises Fenced where the worker has no row."""

    async def next_wake(self, *, only: Sequence[str] | None = None) -> int | None:
        """The earliest `wake_at` of an open run without an owner (not stuck)."""

    # -- reading

    async def load(self, run: int) -> tuple[tuple[int, bytes] | None, list[tuple[int, int, bytes]], dict[int, bytes]]:
        """The latest snapshot (seq, state), the events after it (seq, at, event), and heartbeat details by frame."""

    async def letters(self, worker_id: str, *, after: int = 0, limit: int = 1000) -> list[Letter]:
        """Waiting letters of open runs that the worker owns, oldest first, with a key beyond `after`."""

    async def letters_of(self, run: int) -> list[Letter]:
        """All waiting letters of one run, open or closed, oldest first."""

    async def definition(self, digest: str) -> bytes | None: ...

    async def find(self, run_id: str) -> RunRow | None: ...

    async def runs(
        self,
        *,
        where: Condition | None = None,
        statuses: Sequence[str] | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[RunRow]:
        """Newest first; `before` is the key to go on below (key-set paging). A condition that names an id, a parent, a
        label, a status or a workflow is answered from an index; any other one may look at every run."""

    async def ended(self, before: int, limit: int = 100) -> list[RunRow]:
        """Runs that ended before a time, longest ago first."""

    async def cached(self, key: str, now: int) -> bytes | None:
        """What is kept under a cache key, unless it has expired."""

    async def slots(self, *, limit: int = 1000) -> list[SlotRow]:
        """Who has a slot and who waits for one: by key, those that have one first, then in the order of the queue."""

    async def history(self, run: int, *, after: int = 0, limit: int = 1000) -> list[tuple[int, int, bytes]]:
        """Events of a run with a seq beyond `after`, in order."""

    async def asks(self, run_id: str | None = None, *, limit: int = 1000) -> list[OpenAsk]:
        """Open questions, oldest first."""

    async def stamp(self) -> int:
        """A number that changes when another process (or another store object on the same file) has committed
        something since the last call. Cheap: asked many times a second."""
