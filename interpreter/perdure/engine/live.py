"""A run in memory: its machine state, what it has decided since the last batch, and whether it can be let go.

Knows the machine and what a commit holds; knows neither store nor activities. `Worker` moves it.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Final

from perdure.core import State, machine, wire
from perdure.core.blocks.activity import ActivityFrame
from perdure.core.blocks.lock import LockFrame
from perdure.core.blocks.sending import DeliverFrame
from perdure.core.commands import CancelActivity, Command, StartActivity
from perdure.core.events import ActivityCompleted, AttemptLost, AttemptStarted, Event, Migrated
from perdure.core.lifecycle import KEEPING
from perdure.engine.commits import ERRANDS, KEPT, write_down
from perdure.engine.creation import listening
from perdure.engine.deferred import Deferred
from perdure.program import Program
from perdure.stores.store import Commit, NewRun, NewTask, RunRow, Steps
from perdure.vault import struck

SNAPSHOT_EVENTS: Final = 500
"""Events after which a snapshot is due, at the least; a state larger than its tail waits for a longer tail."""
PARKED_EVENTS: Final = 50
"""Events since the last snapshot that a run being parked may leave to be folded when it wakes."""


@dataclass(slots=True)
class Besides:
    """What has been decided besides events and commands: nothing, in most turns."""

    consumed: list[int] = field(default_factory=list)
    heartbeats: dict[int, bytes] = field(default_factory=dict)
    heartbeats_dropped: list[int] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    refused: dict[str, bytes] = field(default_factory=dict)
    tasks: list[NewTask] = field(default_factory=list)
    moved: tuple[str, str | None] | None = None
    withdrawn: list[int] = field(default_factory=list)
    """Frames of questions that are still open, and are to be answered by nobody any more."""

    def put_into(self, commit: Commit) -> None:
        """Add it to a commit, but for what is withdrawn."""
        commit.consumed, commit.tasks, commit.moved = self.consumed, self.tasks, self.moved
        commit.heartbeats, commit.heartbeats_dropped = self.heartbeats, self.heartbeats_dropped
        commit.accepted, commit.refused = self.accepted, self.refused


class Decided:
    """What has been decided and is not yet durable."""

    __slots__ = ("commands", "errands", "events", "rest")

    def __init__(self) -> None:
        self.events: list[tuple[int, int, bytes]] = []
        self.commands: list[Command] = []
        self.errands = 0
        """How many of the commands are errands; counted when it is to be written."""
        self.rest: Besides | None = None

    @property
    def besides(self) -> Besides:
        """Where to note something that is neither event nor command."""
        if self.rest is None:
            self.rest = Besides()
        return self.rest


class LiveRun:
    """One run that this worker owns."""

    __slots__ = (
        "attempts", "beaten", "decided", "deferred", "errands", "fresh", "heartbeats", "id", "key", "last_letter",
        "late", "listening", "missed", "origin", "parking", "program", "promised", "recoveries", "seq", "slotted",
        "snapshot_seq", "snapshot_size", "state", "status", "tail_size", "timers", "withdrawing", "withdrawn",
        "workflow",
    )  # fmt: skip

    def __init__(
        self, key: int, origin: NewRun | RunRow, program: Program, state: State, seq: int, *, recoveries: int = 0
    ) -> None:
        self.key = key
        self.id = origin.id
        self.origin = origin
        self.program = program
        self.workflow = program.name
        self.state = state
        self.seq = seq
        self.recoveries = recoveries
        self.snapshot_seq = 0
        self.snapshot_size = 0
        self.tail_size = 0
        self.decided = Decided()
        self.attempts: set[int] = set()
        """Frames whose activity is running or queued here."""
        self.promised = 0
        """How many errands stand in commits that are being written."""
        self.errands = 0
        """How many of what it asked for in other runs are under way."""
        self.deferred = Deferred()
        """Messages that wait: for those before them to be handled, or for a resumption."""
        self.status = origin.status
        self.listening = listening(state)
        """What the store knows: the run's status and the events it waits for."""
        self.timers: dict[int, int] = {}
        """Frame → due of the timers asked for."""
        self.late: list[tuple[int, int]] = []
        """(frame, due) of timers that wait for the questions they would end to be withdrawn."""
        self.withdrawn: set[int] = set()
        """Frames of questions that nobody can answer any more, once that is written."""
        self.withdrawing = False
        """Whether it is being written."""
        self.heartbeats: dict[int, bytes] = {}
        self.beaten: dict[int, int] = {}
        """Slot → when a heartbeat last asked to be written."""
        self.last_letter = 0
        """The newest letter in this state; it may still be in the store. Letters of a run come in the order of keys."""
        self.fresh = False
        """Just come into memory, or has just asked for a slot; its letters have not been read yet, so it may not
        leave."""
        self.slotted = bool(state.holds) or any(isinstance(frame, LockFrame) for frame in state.frames.values())
        """Whether it may have slots that others wait for."""
        self.parking = False
        """On its way out of memory: nothing may reach it any more."""
        self.missed = False
        """Whether a letter was left to whoever has the run next."""

    def note_heartbeat(self, slot: int, details: bytes) -> None:
        """Details that are to be kept for the next attempt."""
        self.heartbeats[slot] = self.decided.besides.heartbeats[slot] = details

    def note_end(self, slot: int, event: Event) -> None:
        """An attempt has ended: after one that was completed nobody needs the details of its heartbeats."""
        if isinstance(event, ActivityCompleted) and slot in self.heartbeats:
            del self.heartbeats[slot]
            self.decided.besides.heartbeats.pop(slot, None)
            self.decided.besides.heartbeats_dropped.append(slot)

    def advance(self, event: Event) -> None:
        """Move the machine by one event, without markers of secrets; what comes of it waits for the next batch."""
        text = wire.event_to_bytes(event)
        if (kept := struck(text)) != text:
            event, text = wire.event_from_bytes(event.at, kept), kept
        commands = machine.step(self.program, self.state, event)
        self._journal(event.at, text)
        self.decided.commands.extend(commands)

    def migrate(self, program: Program, event: Migrated) -> None:
        """Go on with another program. What is under way stays so: frames keep their ids."""
        self.program, self.workflow, self.state = program, program.name, machine.migrated(program, event)
        self.origin = replace(self.origin, digest=event.digest, version=event.version)
        self._journal(event.at, wire.event_to_bytes(event))
        self.decided.besides.moved = (event.digest, event.version)

    def _journal(self, at: int, text: bytes) -> None:
        self.seq += 1
        self.tail_size += len(text)
        self.decided.events.append((self.seq, at, text))

    def commit(self, worker: str, soon: int, *, park: bool) -> Commit:
        """Everything decided, as one commit. With `park` a run that will have nothing to do before `soon` is let go."""
        decided = self.decided
        rest, kinds = decided.rest, set(map(type, decided.commands))
        if not ERRANDS.isdisjoint(kinds):
            decided.errands = sum(type(command) in ERRANDS for command in decided.commands)
            self.promised += decided.errands
        keeps = not KEPT.isdisjoint(kinds)
        if rest is None and not keeps and not self.recoveries and self._goes_on(kinds):
            return Steps(self.key, worker, decided.events)
        commit = Commit(self.key, worker, decided.events)
        if rest is not None:
            rest.put_into(commit)
        if keeps:
            commit.tasks_cancelled = self._unwanted(decided.commands)
            write_down(commit, self.key, self.origin, self.program, self.state, decided.commands)
            if commit.takes:
                self.fresh = self.slotted = True
        if rest is not None and rest.withdrawn:
            commit.asks_closed = [*commit.asks_closed, *rest.withdrawn]
            self.withdrawing = True
        if commit.closing is None:
            self._keep(commit, soon, park)
            self._tell(commit)
        if self.recoveries and any_progress(decided):
            commit.recoveries = self.recoveries = 0
        return commit

    def _goes_on(self, asked: Set[type[Command]]) -> bool:
        """Whether the store has nothing to learn of the run but its events: it stays, as it was. What it has `asked`
        for last often tells: an activity is this process's to start."""
        return (
            self.seq - self.snapshot_seq < SNAPSHOT_EVENTS
            and self.state.status == self.status
            and not self.listening
            and not self.state.waiting
            and (StartActivity in asked or self.busy())
        )

    def _unwanted(self, commands: Sequence[Command]) -> list[int]:
        """The frames whose attempts other workers have and that are told to stop."""
        stopping = (command.frame for command in commands if isinstance(command, CancelActivity))
        return [frame for frame in stopping if getattr(self.state.frames.get(frame), "queued", False)]

    def _keep(self, commit: Commit, soon: int, park: bool) -> None:
        """Add a snapshot where one is due, and the release of a run that only waits."""
        if park and not self.busy():
            due = self.next_due()
            if due is None or due > soon:
                self.parking = commit.release = True
                commit.wake_at = due
        tail = self.seq - self.snapshot_seq
        due_now = tail >= (PARKED_EVENTS if commit.release else SNAPSHOT_EVENTS)
        # Behind a migration there is another program: a run is restored from a snapshot that is not older.
        if (due_now and self.tail_size >= self.snapshot_size) or commit.moved is not None:
            state = wire.state_to_bytes(self.state)
            commit.snapshot = (self.seq, state)
            self.snapshot_seq, self.snapshot_size, self.tail_size = self.seq, len(state), 0

    def untold(self) -> bool:
        """Whether the store does not know yet which events the run waits for."""
        return bool(self.listening or self.state.waiting) and listening(self.state) != self.listening

    def _tell(self, commit: Commit) -> None:
        """Add what the store must know to route what comes: the status, and the events waited for."""
        if self.state.status != self.status:
            commit.status = self.status = self.state.status
        if self.listening or self.state.waiting:
            now = listening(self.state)
            if now != self.listening:
                commit.listens = {event: event in now for event in now ^ self.listening}
                self.listening = now

    def busy(self) -> bool:
        """Whether anything is under way, or about to be, that only this process knows of."""
        here = self.fresh or self.attempts or self.promised or self.errands or self.withdrawn
        # What a run that stands still keeps for later is patient: the store wakes nobody for it.
        kept = self.deferred.lines and self.state.status not in KEEPING
        return bool(here or kept) or self._works()

    def _works(self) -> bool:
        """Whether a frame has asked for something that only this process does. The newest frames are the innermost."""
        held = self.state.held
        for frame in reversed(self.state.frames.values()):
            if isinstance(frame, ActivityFrame):
                if not frame.queued and frame.id not in held:
                    return True
            elif isinstance(frame, DeliverFrame) and frame.id not in held:
                return True
        return False

    def next_due(self) -> int | None:
        return min((frame.due for frame in self.state.frames.values() if frame.due is not None), default=None)


_MARKS: Final = tuple(wire.event_to_bytes(kind(0, 0))[:5] for kind in (AttemptStarted, AttemptLost))


def any_progress(decided: Decided) -> bool:
    """Whether anything happened besides attempts beginning and being lost."""
    return any(not text.startswith(_MARKS) for _, _, text in decided.events)
