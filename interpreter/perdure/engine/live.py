"""A run in memory: its machine state, what it has decided since the last batch, and whether it can be let go.

Knows the machine and what a commit holds; knows neither store nor activities. `Worker` moves it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from perdure.core import State, machine, wire
from perdure.core.blocks.activity import ActivityFrame
from perdure.core.commands import CloseAsk, CloseRun, Command, OpenAsk
from perdure.core.events import AttemptLost, AttemptStarted, Event
from perdure.program import Program
from perdure.stores.store import AskRow, Closing, Commit
from perdure.values import encode

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


class LiveRun:
    """One run that this worker owns."""

    __slots__ = (
        "attempts", "beaten", "decided", "heartbeats", "id", "key", "last_letter", "missed", "parking", "program",
        "recoveries", "seq", "snapshot_seq", "snapshot_size", "state", "tail_size", "timers",
    )  # fmt: skip

    def __init__(self, key: int, id: str, program: Program, state: State, seq: int, *, recoveries: int = 0) -> None:
        self.key = key
        self.id = id
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
        self.timers: dict[int, int] = {}
        """Frame → due of the timers asked for."""
        self.heartbeats: dict[int, bytes] = {}
        self.beaten: dict[int, int] = {}
        """Slot → when a heartbeat last asked to be written."""
        self.last_letter = 0
        """The newest letter in this state; it may still be in the store. Letters of a run come in the order of keys."""
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
        )
        for command in decided.commands:
            match command:
                case OpenAsk():
                    commit.asks_opened = [*commit.asks_opened, ask_row(self.key, command)]
                case CloseAsk():
                    commit.asks_opened = [ask for ask in commit.asks_opened if ask.frame != command.frame]
                    commit.asks_closed = [*commit.asks_closed, command.frame]
                case CloseRun():
                    commit.closing = Closing(command.status, self.state.now, encode(command.outcome))
        if commit.closing is None:
            self._keep(commit, soon, park)
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

    def busy(self) -> bool:
        """Whether an activity is running, queued, about to start or about to be told to stop."""
        return bool(self.attempts) or any(isinstance(frame, ActivityFrame) for frame in self.state.frames.values())

    def next_due(self) -> int | None:
        return min((frame.due for frame in self.state.frames.values() if frame.due is not None), default=None)


def ask_row(run: int, command: OpenAsk) -> AskRow:
    return AskRow(run, command.frame, command.address, command.opened_at, command.due, encode(command.body))


_MARKS: Final = tuple(wire.event_to_bytes(kind(0, 0))[:5] for kind in (AttemptStarted, AttemptLost))


def any_progress(decided: Decided) -> bool:
    """Whether anything happened besides attempts beginning and being lost."""
    return any(not text.startswith(_MARKS) for _, _, text in decided.events)
