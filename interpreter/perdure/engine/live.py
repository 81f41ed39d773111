"""A run in memory: its machine state, what it has decided since the last batch, and whether it can be let go.

Knows the machine and what a commit holds; knows neither store nor activities. `Worker` moves it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from perdure.core import State, machine, wire
from perdure.core.blocks.activity import ActivityFrame
from perdure.core.blocks.sending import DeliverFrame
from perdure.core.commands import Command
from perdure.core.events import AttemptLost, AttemptStarted, Event
from perdure.engine.commits import listening, write_down
from perdure.engine.deferred import Deferred
from perdure.program import Program
from perdure.stores.store import Commit, NewRun, RunRow

SNAPSHOT_EVENTS: Final = 500
"""Events after which a snapshot is due, at the least; a state larger than its tail waits for a longer tail."""
PARKED_EVENTS: Final = 50
"""Events since the last snapshot that a run being parked may leave to be folded when it wakes."""


@dataclass(slots=True)
class Decided:
    """What has been decided and is not yet durable."""

    events: list[tuple[int, int, bytes]] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    consumed: list[int] = field(default_factory=list)
    heartbeats: dict[int, bytes] = field(default_factory=dict)
    heartbeats_dropped: list[int] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    refused: dict[str, bytes] = field(default_factory=dict)
    withdrawn: list[int] = field(default_factory=list)
    """Frames of questions that are still open, and are to be answered by nobody any more."""


class LiveRun:
    """One run that this worker owns."""

    __slots__ = (
        "attempts", "beaten", "decided", "deferred", "errands", "fresh", "heartbeats", "id", "key", "last_letter",
        "late", "listening", "missed", "origin", "parking", "program", "promised", "recoveries", "seq", "snapshot_seq",
        "snapshot_size", "state", "status", "tail_size", "timers", "withdrawing", "withdrawn",
    )  # fmt: skip

    def __init__(
        self, key: int, origin: NewRun | RunRow, program: Program, state: State, seq: int, *, recoveries: int = 0
    ) -> None:
        self.key = key
        self.id = origin.id
        self.origin = origin
        self.program = program
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
        self.status = state.status
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
        """Just come into memory; its letters have not been read yet, so it may not leave."""
        self.parking = False
        """On its way out of memory: nothing may reach it any more."""
        self.missed = False
        """Whether a letter was left to whoever has the run next."""

    def advance(self, event: Event) -> None:
        """Move the machine by one event; what comes of it waits for the next batch."""
        commands = machine.step(self.program, self.state, event)
        self.seq += 1
        text = wire.event_to_bytes(event)
        self.tail_size += len(text)
        self.decided.events.append((self.seq, event.at, text))
        self.decided.commands.extend(commands)

    def commit(self, worker: str, soon: int, *, park: bool) -> Commit:
        """Everything decided, as one commit. With `park` a run that will have nothing to do before `soon` is let go."""
        decided = self.decided
        commit = Commit(
            self.key,
            worker,
            events=decided.events,
            consumed=decided.consumed,
            heartbeats=decided.heartbeats,
            heartbeats_dropped=decided.heartbeats_dropped,
            accepted=decided.accepted,
            refused=decided.refused,
        )
        if decided.commands:
            write_down(commit, self.key, self.origin, self.state, decided.commands)
        if decided.withdrawn:
            commit.asks_closed = [*commit.asks_closed, *decided.withdrawn]
            self.withdrawing = True
        if commit.closing is None:
            self._keep(commit, soon, park)
            self._tell(commit)
        if self.recoveries and any_progress(decided):
            commit.recoveries = self.recoveries = 0
        return commit

    def _keep(self, commit: Commit, soon: int, park: bool) -> None:
        """Add a snapshot where one is due, and the release of a run that only waits."""
        if park and not self.busy():
            due = self.next_due()
            if due is None or due > soon:
                self.parking = commit.release = True
                commit.wake_at = due
        tail = self.seq - self.snapshot_seq
        if tail >= (PARKED_EVENTS if commit.release else SNAPSHOT_EVENTS) and self.tail_size >= self.snapshot_size:
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
        waiting = self.promised or self.errands or self.deferred or self.withdrawn
        return bool(self.fresh or self.attempts or waiting) or any(
            isinstance(frame, ActivityFrame | DeliverFrame) and frame.id not in self.state.held
            for frame in self.state.frames.values()
        )

    def next_due(self) -> int | None:
        return min((frame.due for frame in self.state.frames.values() if frame.due is not None), default=None)


_MARKS: Final = tuple(wire.event_to_bytes(kind(0, 0))[:5] for kind in (AttemptStarted, AttemptLost))


def any_progress(decided: Decided) -> bool:
    """Whether anything happened besides attempts beginning and being lost."""
    return any(not text.startswith(_MARKS) for _, _, text in decided.events)
