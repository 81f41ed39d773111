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
from dataclasses import dataclass, field
from typing import Final, Protocol

from perdure.errors import StoreError
from perdure.stores.conditions import Condition

OPEN: Final = ("scheduled", "running", "paused", "stuck")
"""Statuses of runs that have not ended."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be created; `owner` is the worker that goes on with it at once, if any."""

    id: str
    workflow: str
    version: str | None
    digest: str
    status: str
    created_at: int
    labels: Mapping[str, str] = field(default_factory=dict)
    wake_at: int | None = None
    owner: str | None = None
    parent: str | None = None
    """The run id of the run it is a child of."""
    replaces: int | None = None
    """The key of the ended run that has this id and gives it up: it is renamed `id~N`, as a `successor` renames it."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as stored. `key` is the store's own integer name for it; `outcome` is there once it has ended."""

    key: int
    id: str
    workflow: str
    version: str | None
    digest: str
    status: str
    created_at: int
    closed_at: int | None
    labels: Mapping[str, str]
    wake_at: int | None
    owner: str | None
    recoveries: int
    outcome: bytes | None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class AskRow:
    """An open question. `frame` names it within the run; `body` is JSON: prompt, form, of, reminders."""

    run: int
    frame: int
    address: str
    opened_at: int
    due: int | None
    body: bytes


@dataclass(frozen=True, slots=True)
class OpenAsk:
    """An `AskRow` with the id and workflow of its run, as `asks` lists it."""

    run_id: str
    workflow: str
    ask: AskRow


@dataclass(frozen=True, slots=True)
class Letter:
    """Something that reached a run from outside and has not been journalled yet. `key` orders letters."""

    key: int
    run: int
    kind: str
    id: str
    at: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Take:
    """A wish for one of the `limit` slots of a key. Wishes for a key are granted in the order they came, each when
    fewer than its own `limit` are held.

    What is granted or refused arrives as a letter of kind `slot`: {frame, granted, reason}. `chain` names the slots
    held around this wish, as (run id, frame), also those of runs that wait for this one: a wish that could only be
    granted once somebody it waits for has got one of these is refused, since that would never happen. `conflict` says
    what a full key means: queue waits; reject refuses the whole commit (SlotTaken; a new run only); cancel_running
    posts a letter `cancel` to each run that holds one, and waits.
    """

    key: str
    frame: int
    limit: int
    conflict: str = "queue"
    chain: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True, slots=True)
class NewTask:
    """A call of an activity that another worker, which serves its queue, is to carry out; `body` is JSON."""

    frame: int
    queue: str
    priority: int
    body: bytes


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as stored. `worker` has taken it; `cancelled` where the run wants it no longer."""

    key: int
    run_id: str
    frame: int
    queue: str
    priority: int
    body: bytes
    worker: str | None
    cancelled: bool


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A schedule. `spec` and `state` are JSON of the engine's; `event` is the event whose publications it collects
    (None: none now); `revision` grows with every change, and every decision about it names the one it rests on."""

    id: str
    workflow: str
    spec: bytes
    state: bytes
    next_at: int | None
    event: str | None
    revision: int


@dataclass(frozen=True, slots=True)
class Firing:
    """With a new run: what its schedule becomes, in the same transaction. `nominal` is kept as fired; one that has
    fired before, or a schedule with another revision, refuses the whole commit (StaleSchedule). `occurrence` is the
    key of the collected event that this is the run of; it is deleted, and one that is gone refuses the commit too."""

    schedule: str
    revision: int
    state: bytes
    next_at: int | None
    nominal: int | None = None
    occurrence: int | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event that was published while a schedule listened to it, and for which no run was started yet. `id` is the
    publication's; keys grow and are never given twice."""

    key: int
    schedule: str
    id: str
    at: int
    body: bytes


@dataclass(frozen=True, slots=True)
class WorkerRow:
    id: str
    host: str
    boot: str
    pid: int
    pid_started: int
    lease_until: int


@dataclass(frozen=True, slots=True)
class Closing:
    """The run ends: its status, and `outcome` as JSON bytes."""

    status: str
    at: int
    outcome: bytes


@dataclass(frozen=True, slots=True)
class NewLetter:
    """A letter to a run by its id; the same (run, id) again is the same letter, also after it was read. Ids that begin
    with `~` are never repeated and are forgotten once read."""

    run_id: str
    kind: str
    id: str
    at: int
    body: bytes
    patient: bool = False
    """Does not wake a run that is paused or scheduled: it can wait until something else does."""


@dataclass(frozen=True, slots=True)
class UpdateRow:
    """How an update stands: waiting (for the run to look at it), accepted, completed or refused; `body` is the JSON
    that replied to it or refused it."""

    status: str
    body: bytes | None


@dataclass(slots=True)
class Commit:
    """What one turn of a run decided. All of it or none of it becomes durable.

    `run` is the run's key, or a `NewRun` to create (then `events` starts with seq 1). Nothing else is
    needed for the usual case of one finished step: one journal row.
    """

    run: int | NewRun
    worker: str | None = None
    """The worker in whose name this is written; None for a client that creates a run for others."""
    events: Sequence[tuple[int, int, bytes]] = ()
    """(seq, at, event): seq counts from 1 without gaps within a run."""
    consumed: Sequence[int] = ()
    """Keys of the letters that these events carry; deleted, but for their ids (see `NewLetter`)."""
    asks_opened: Sequence[AskRow] = ()
    asks_closed: Sequence[int] = ()
    """Frames whose question is no longer open (an answered one may be gone already: that is no error)."""
    heartbeats: Mapping[int, bytes] = field(default_factory=dict)
    """Frame → latest heartbeat details; replaces what was there."""
    heartbeats_dropped: Sequence[int] = ()
    snapshot: tuple[int, bytes] | None = None
    """(seq it includes, state); replaces the run's earlier snapshot."""
    status: str | None = None
    """A new status of a run that stays open."""
    note: bytes | None = None
    """With a status: why, as JSON; kept as the run's `outcome` while it is open."""
    release: bool = False
    """Give the run up: no owner any more, `wake_at` as given here. If a letter for the run is waiting, `wake_at`
    becomes the present moment at the latest (`at` of the newest such letter): no wake-up may be lost."""
    wake_at: int | None = None
    recoveries: int | None = None
    moved: tuple[str, str | None] | None = None
    """A new (digest, version) of a run that stays open."""
    takes: Sequence[Take] = ()
    """Wishes for slots; one for a frame that has one already, granted or not, changes nothing."""
    leaves: Sequence[int] = ()
    """Frames whose slot, held or waited for, is given back (one without is no error); done before `takes`."""
    cached: Mapping[str, tuple[bytes, int | None]] = field(default_factory=dict)
    """Cache key → (value, when it expires); replaces what was there."""
    tasks: Sequence[NewTask] = ()
    """One for a frame that has a task already changes nothing."""
    tasks_cancelled: Sequence[int] = ()
    """Frames whose task is wanted no longer: one that nobody has taken is deleted and the run gets a letter `task`
    with {frame, cancelled: true}; one that is taken is marked, and whoever has it finishes it."""
    firing: Firing | None = None
    received: Sequence[str] = ()
    """Ids of letters that count as read, though they never were in this inbox."""
    letters: Sequence[NewLetter] = ()
    """Letters to other runs, posted as `post` does when all else of this is done (so a run may write to itself, or to
    its successor); one to a run that is unknown or has ended is dropped."""
    replies: Mapping[str, bytes] = field(default_factory=dict)
    """Update id → what became of it (JSON): replaces `accepted`. What became of an update never changes again."""
    accepted: Sequence[str] = ()
    """Ids of updates that these events have accepted."""
    refused: Mapping[str, bytes] = field(default_factory=dict)
    """Update id → why it was refused (JSON)."""
    listens: Mapping[str, bool] = field(default_factory=dict)
    """Event name → whether the run waits for it from now on."""
    closing: Closing | None = None
    """Ends the run: sets status, closed_at, outcome; deletes its snapshot, asks and heartbeats; owner and wake_at
    become None; its tasks are cancelled, its slots given back. Letters that are still waiting stay where they are: they
    are the record of what was unread. Updates
    that were accepted and not replied to, or are still waiting as letters, get the reply `ended` (status refused, the
    letters are deleted); the run listens to no event any more."""
    ended: bytes = b"null"
    """With `closing`: the reply to updates that the run leaves open."""
    successor: NewRun | None = None
    """With `closing`: the run that goes on under the same id. The ended one keeps its key and its row under `id~N`, N
    counting from 1 and passing over ids that are taken. The letters that wait move to the successor (not answers:
    they belong to questions of the ended run) and so do the updates that wait; if nobody owns it, they bring its
    `wake_at` forward as with `release`. `successor_events` are its first events. Refused with StoreError without
    `closing` or with another id than the ended run has."""
    successor_events: Sequence[tuple[int, int, bytes]] = ()
    successor_takes: Sequence[Take] = ()
    """Wishes of the successor. Where the ended run has a slot of the same key, held or waited for, the successor gets
    just that one, in its place; if it is held it gets the letter that says so."""


class RunExists(StoreError):
    """A run with this id exists already."""

    def __init__(self, row: RunRow) -> None:
        self.row = row
        super().__init__(f"a run with the id {row.id} exists already")


class SequenceTaken(StoreError):
    """The run's journal already has an event with this number: somebody else advanced the run."""


class SlotTaken(StoreError):
    """No slot is free, and the new run was not to wait for one."""

    def __init__(self, key: str, holders: Sequence[str]) -> None:
        self.key = key
        self.holders = list(holders)
        """Ids of the runs that hold one."""
        super().__init__(f"{key} is taken by {', '.join(holders)}")


class StaleSchedule(StoreError):
    """The schedule has changed since, or this nominal time or event has had its run: somebody else was faster."""


class Store(Protocol):
    async def open(self) -> None:
        """Create or migrate what is needed. Raises StoreUnavailable or StoreCorrupt. Call once, first."""

    async def close(self) -> None:
        """Let everything go; may be called twice."""

    # -- writing

    async def commit(self, batch: Sequence[Commit]) -> list[int | StoreError]:
        """Make a batch durable. One answer per commit, in order: the run's key, or why nothing of it was kept
        (RunExists, SequenceTaken, Fenced, SlotTaken, StaleSchedule). A failure of one does not touch the others. Raises StoreError when the
        whole batch failed (disk full, file gone); then nothing of it was kept."""

    async def put_definition(self, digest: str, workflow: str, version: str | None, bundle: bytes, at: int) -> None:
        """Keep a definition by the digest of its content. Doing it again changes nothing but what is `latest`."""

    async def post(
        self, run_id: str, kind: str, body: bytes, *, id: str, at: int, patient: bool = False
    ) -> RunRow | None:
        """Put a letter into an open run's inbox and see that somebody wakes: if nobody owns the run its `wake_at`
        becomes `at` (or stays, where it is earlier), unless the letter is `patient` and the run paused or scheduled. A
        letter of kind `update` or `migrate` is answered: see `update`. The same (run, id) again is dropped silently, also after it was
        read; ids that begin with `~` are never repeated and are forgotten once read. Returns the run's row; None where
        no such run exists. A row whose status is not open means: refused, nothing was kept."""

    async def publish(self, event: str, body: bytes, *, id: str, at: int) -> int:
        """Post a letter of kind `event` to every open run that listens to the event, in one transaction; how many it
        reached. Publishing the same id again reaches nobody twice. In the same transaction every schedule that listens
        to the event gets an `Occurrence`, once per id; they do not count."""

    async def update(self, run_id: str, id: str) -> UpdateRow | None:
        """How an update (or a migration) stands; None where there is none of that id. One posted as a letter is
        `waiting` until a commit accepts or refuses it; posting one that is known already changes nothing. It is known
        by the id its run had when it was posted, whichever successor deals with it."""

    async def latest(self, workflow: str, version: str | None = None) -> str | None:
        """The digest of the definition that was put last under a workflow's name, with this version label if given."""

    async def delete(self, run: int) -> bool:
        """Delete an ended run and everything of it: journal, letters, their ids, updates, labels. False where it is
        open or gone. The nominal times it was started for stay known as fired."""

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
        """Create a schedule, or replace it; its revision grows. With a `revision` only where it still is that one, 0
        where there is none; False where it is not: nothing changed."""

    async def change_schedule(
        self, id: str, revision: int, state: bytes, *, next_at: int | None, event: str | None, fired: int | None = None
    ) -> bool:
        """Replace what a schedule has come to; `fired` is a nominal time that counts as fired from now on, though no
        run was started. False where it has another revision or is gone: nothing changed."""

    async def delete_schedule(self, id: str) -> bool:
        """With its occurrences and the nominal times it fired. False where there is none."""

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
        """Take up to so many free tasks of each queue: higher priority first, then older. Raises Fenced where the
        worker has no row. When a worker is buried its tasks end: their runs get a letter `task` {frame, lost: true}."""

    async def tasks(self, worker_id: str) -> list[TaskRow]:
        """What the worker has taken and not finished."""

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
        """Newest first; `before` is the key to go on below (key-set paging)."""

    async def cached(self, key: str, now: int) -> bytes | None:
        """What is kept under a cache key, unless it has expired."""

    async def history(self, run: int, *, after: int = 0, limit: int = 1000) -> list[tuple[int, int, bytes]]:
        """Events of a run with a seq beyond `after`, in order."""

    async def asks(self, run_id: str | None = None, *, limit: int = 1000) -> list[OpenAsk]:
        """Open questions, oldest first."""

    async def stamp(self) -> int:
        """A number that changes when another process (or another store object on the same file) has committed
        something since the last call. Cheap: asked many times a second."""
