"""What a store is told to write with one turn of a run, and why it may refuse.

The rules that hold for all of it stand in `store`; what is kept afterwards in `rows`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from perdure.errors import StoreError
from perdure.record import record
from perdure.stores.rows import AskRow, RunRow


class Nothing(dict[Any, Any]):
    """An empty mapping that stays empty: what most fields of most commits are, so it is made once."""

    __hash__ = object.__hash__  # type: ignore[assignment]

    def __setitem__(self, key: object, value: object) -> NoReturn:
        raise TypeError("a commit's fields are replaced, not changed")


NOTHING: Final = Nothing()

ANSWERED: Final = ("update", "migrate")
"""Kinds of letters that have a row beside them which says how they stand."""


@record
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
    attached: bool = False
    """Not begun once its parent has ended: whoever ends takes leave of the children there are. `ParentEnded` then."""
    replaces: int | None = None
    """The key of the ended run that has this id and gives it up: it is renamed `id~N`, as a `successor` renames it.
    RunExists where the id belongs to another run, or to one that is open; one that is gone is no error."""
    apart: bool = False
    """With `replaces`: nothing of the ended run is this one's. Its updates are known by its new id from then on."""


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
class Take:
    """A wish for one of the `limit` slots of a key. Wishes for a key are granted in the order they came, each when
    fewer than its own `limit` are held.

    What is granted or refused arrives as a letter of kind `slot`: {frame, granted, reason}. `chain` names the slots
    held around this wish, as (run id, frame), also those of runs that wait for this one: a wish that could only be
    granted once somebody it waits for has got one of these is refused, since that would never happen. `conflict` says
    what a full key means: queue waits; reject refuses the whole commit (SlotTaken) of a new run, and the wish alone of
    any other; cancel_running posts a letter `cancel` to each run that holds one, or waits for one, and waits. Letters
    `slot` have the id `~slot/<frame>`. A wish of a run that has ended means nothing.
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


@record
class Closing:
    """The run ends: its status, and `outcome` as JSON bytes."""

    status: str
    at: int
    outcome: bytes


@dataclass
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
    heartbeats: Mapping[int, bytes] = NOTHING
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
    """Frames whose slot, held or waited for, is given back (one without is no error), with the letter about it that
    nobody has read; done before `takes`."""
    cached: Mapping[str, tuple[bytes, int | None]] = NOTHING
    """Cache key → (value, when it expires); replaces what was there."""
    tasks: Sequence[NewTask] = ()
    """One for a frame that has a task already changes nothing, and so does one of a run that has ended."""
    tasks_cancelled: Sequence[int] = ()
    """Frames whose task is wanted no longer: one that nobody has taken is deleted and the run gets a letter `task`
    with {frame, cancelled: true}; one that is taken is marked, and whoever has it finishes it. Done before `tasks`."""
    firing: Firing | None = None
    received: Sequence[str] = ()
    """Ids of letters that count as read, though they never were in this inbox (but for those that begin with `~`)."""
    letters: Sequence[NewLetter] = ()
    """Letters to other runs, posted as `post` does when all else of this is done (so a run may write to itself, or to
    its successor); one to a run that is unknown or has ended is dropped."""
    replies: Mapping[str, bytes] = NOTHING
    """Update id → what became of it (JSON): replaces `accepted`. What became of an update never changes again."""
    accepted: Sequence[str] = ()
    """Ids of updates that these events have accepted."""
    refused: Mapping[str, bytes] = NOTHING
    """Update id → why it was refused (JSON)."""
    listens: Mapping[str, bool] = NOTHING
    """Event name → whether the run waits for it from now on."""
    closing: Closing | None = None
    """Ends the run: sets status, closed_at, outcome; deletes its snapshot, asks and heartbeats; owner and wake_at
    become None; its tasks are cancelled, its slots given back. Letters that are still waiting stay where they are: they
    are the record of what was unread (but for those about slots). Updates and migrations that were accepted and not
    replied to, or are still waiting as letters, get the reply `ended` (status refused, the letters are deleted); the
    run listens to no event any more."""
    ended: bytes = b"null"
    """With `closing`: the reply to updates that the run leaves open."""
    successor: NewRun | None = None
    """With `closing`: the run that goes on under the same id. The ended one keeps its key and its row under `id~N`, N
    counting from 1 and passing over ids that are taken. The letters that wait move to the successor (not answers,
    slots and tasks: they belong to frames of the ended run) and so do the updates that wait; if nobody owns it, they
    bring its `wake_at` forward as with `release`. Letters that the ended run, or those it was the successor of, have
    read count as read by the successor too. `successor_events` are its first events. Refused with StoreError
    without `closing` or with another id than the ended run has."""
    successor_events: Sequence[tuple[int, int, bytes]] = ()
    successor_takes: Sequence[Take] = ()
    """Wishes of the successor. Where the ended run has a slot of the same key, held or waited for, the successor gets
    just that one, in its place; if it is held it gets the letter that says so."""

    @property
    def moment(self) -> int:
        """When this was decided: the time of the letters that it causes."""
        if self.events:
            return self.events[-1][1]
        if self.closing is not None:
            return self.closing.at
        return self.run.created_at if isinstance(self.run, NewRun) else 0

    @property
    def is_for_owner(self) -> bool:
        """Whether only the worker that owns the run may do this: give it up, end it, set its status. Where it does not
        own it, it is refused as SequenceTaken; what has only events rests on their numbers."""
        return self.worker is not None and (self.release or self.closing is not None or self.status is not None)


class Steps(Commit):
    """What most commits are: events of a run that exists, and nothing else."""

    def __init__(self, run: int, worker: str | None, events: Sequence[tuple[int, int, bytes]]) -> None:
        self.run, self.worker, self.events = run, worker, events


class RunExists(StoreError):
    """A run with this id exists already."""

    def __init__(self, row: RunRow) -> None:
        self.row = row
        super().__init__(f"a run with the id {row.id} exists already")


class ParentEnded(StoreError):
    """The parent of a new run has ended, or is gone."""


class SequenceTaken(StoreError):
    """The run's journal already has an event with this number, or the run is another's, or nobody's: somebody else
    advanced it, or this very commit was kept before and the answer to it was lost."""


class SlotTaken(StoreError):
    """No slot is free, and the new run was not to wait for one."""

    def __init__(self, key: str, holders: Sequence[str]) -> None:
        self.key = key
        self.holders = list(holders)
        """Ids of the runs that hold one."""
        super().__init__(f"{key} is taken by {', '.join(holders)}")


class StaleSchedule(StoreError):
    """The schedule has changed since, or this nominal time or event has had its run: somebody else was faster."""
