"""What must hold after every turn of every run: the table of frames, the restart law and the fold law.

Each check raises AssertionError saying what broke. They know the machine's state and commands, no host.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from perdure.core import State, fold, machine, outstanding
from perdure.core.blocks.lock import LockFrame
from perdure.core.commands import (
    CancelActivity,
    CancelChild,
    CancelTimer,
    CloseAsk,
    CloseRun,
    Command,
    Deliver,
    LeaveSlot,
    OpenAsk,
    ReadCache,
    ReplyUpdate,
    StartActivity,
    StartChild,
    StartTimer,
    TakeSlot,
)
from perdure.core.events import (
    ActivityCancelled,
    ActivityCompleted,
    ActivityFailed,
    AttemptLost,
    AttemptQueued,
    CacheRead,
    ChildEnded,
    Delivered,
    Event,
    RunStarted,
    SlotGranted,
    SlotRefused,
    TimerFired,
    Undeliverable,
    UpdateReceived,
)
from perdure.core.wire import event_from_bytes, event_to_bytes, state_from_bytes, state_to_bytes
from perdure.program import Program
from perdure.values import decode

OFTEN: Final = 40
"""Events up to which the whole journal is folded anew after each; beyond it only now and then."""

MOST_RESTARTS: Final = 500
"""A restart costs as much as the state is large."""


@dataclass(slots=True)
class Open:
    """What a host has been asked for and has not answered, by frame; `leaving` are children told to stop, `updates`
    the ids of those accepted and not yet replied to, which a restored state does not ask for again."""

    activities: dict[int, StartActivity | CancelActivity] = field(default_factory=dict)
    timers: dict[int, int] = field(default_factory=dict)
    asks: dict[int, OpenAsk] = field(default_factory=dict)
    letters: dict[int, Deliver] = field(default_factory=dict)
    children: dict[int, StartChild] = field(default_factory=dict)
    slots: dict[int, TakeSlot] = field(default_factory=dict)
    reads: dict[int, ReadCache] = field(default_factory=dict)
    leaving: set[int] = field(default_factory=set)
    updates: set[str] = field(default_factory=set, compare=False)

    def asked(self, command: Command) -> None:
        match command:
            case StartActivity() | CancelActivity():
                self.activities[command.frame] = command
            case StartTimer(frame, due):
                self.timers[frame] = due
            case CancelTimer(frame):
                self.timers.pop(frame)
            case OpenAsk():
                self.asks[command.frame] = command
            case CloseAsk(frame):
                del self.asks[frame]
            case Deliver():
                self.letters[command.frame] = command
            case StartChild():
                self.children[command.frame] = command
            case CancelChild():
                self.leaving.add(command.frame)
            case TakeSlot():
                self.slots[command.frame] = command
            case LeaveSlot(frame):
                self.slots.pop(frame, None)
            case ReadCache():
                self.reads[command.frame] = command
            case ReplyUpdate():
                if command.id not in self.updates:
                    raise AssertionError(f"an answer to the update {command.id}, which waits for none")
                self.updates.remove(command.id)
            case CloseRun():
                tables = (self.activities, self.timers, self.asks, self.letters, self.children, self.slots, self.reads)
                for table in (*tables, self.leaving):
                    table.clear()

    def heard(self, event: Event) -> None:
        """An event is about to be handed over; what it answers is no longer open."""
        match event:
            case ActivityCompleted() | ActivityFailed() | ActivityCancelled() | AttemptLost() | AttemptQueued():
                self.activities.pop(event.frame, None)
            case Delivered() | Undeliverable() | ChildEnded():
                self.letters.pop(event.frame, None)
                started = self.children.get(event.frame)
                if started is not None and (started.detach or not isinstance(event, Delivered)):
                    del self.children[event.frame]
                    self.leaving.discard(event.frame)
            case SlotGranted() | SlotRefused():
                self.slots.pop(event.frame, None)
            case CacheRead():
                self.reads.pop(event.frame, None)
            case UpdateReceived():
                self.updates.add(event.id)
            case TimerFired() if self.timers.get(event.frame, event.at + 1) <= event.at:
                del self.timers[event.frame]
            case _:
                pass

    @classmethod
    def of(cls, commands: list[Command]) -> Open:
        """The table of a host that has just been asked for these."""
        table = cls()
        for command in commands:
            table.asked(command)
        return table


def check_table(state: State) -> None:
    """Every frame stands under a live one, in a live scope; no scope is left that no frame stands in or holds."""
    used = set()
    for frame in state.frames.values():
        if frame.id != state.root and frame.parent not in state.frames:
            raise AssertionError(f"{frame.node.address} outlives its parent")
        used.add(getattr(frame, "inner", 0))
        scope = frame.scope
        while scope and scope not in used:
            if scope not in state.scopes:
                raise AssertionError(f"{frame.node.address} stands in a scope that is gone")
            used.add(scope)
            scope = state.scopes[scope].parent
    left = state.scopes.keys() - used
    if left:
        raise AssertionError(
            f"scopes that nobody stands in: {[state.scopes[scope].bindings for scope in sorted(left)]}"
        )
    for signal, frames in state.waiting.items():
        if not frames or any(frame not in state.frames for frame in frames):
            raise AssertionError(f"frames that are gone wait for the signal {signal}")


def check_slots(state: State, held: set[int]) -> None:
    """The slots that the host says the run holds are those its locks hold, and the run's own."""
    known = {frame.id for frame in state.frames.values() if isinstance(frame, LockFrame) and frame.granted}
    known |= {frame for run, frame in state.holds if run == state.run["id"] and not state.outcome}
    if known != held:
        raise AssertionError(f"the run knows of slots for {sorted(known)}, and holds {sorted(held)}")


def check_key(slots: dict[str, int], command: StartActivity) -> None:
    """Calls have the same idempotency key only as attempts at one deed; `slots` are those of the keys so far."""
    if slots.setdefault(command.key, command.slot) != command.slot:
        raise AssertionError(f"two deeds have the key {command.key}")


def check_restart(program: Program, state: State, host: Open) -> State:
    """The state as read back from its bytes; what it has outstanding is what the host has open."""
    text = state_to_bytes(state)
    again = state_from_bytes(program, text)
    _same(text, state_to_bytes(again), "a state changes when it is written and read")
    for found in (state, again):
        asked = Open.of(outstanding(program, found))
        if asked != host:
            raise AssertionError(f"outstanding is {asked}, and open is {host}")
    return again


def check_refold(program: Program, journal: list[Event], state: State) -> None:
    """Folding the journal from the start gives this very state."""
    if len(journal) > OFTEN and len(journal) % OFTEN and not state.outcome:
        return
    events = [event_from_bytes(event.at, event_to_bytes(event)) for event in journal]
    if events != journal:
        raise AssertionError("an event changes when it is written and read")
    _same(state_to_bytes(state), state_to_bytes(fold(program, events)), "folding anew gives another state")


def check_replay(program: Program, journal: list[Event], commands: list[Command], state: State) -> None:
    """Replaying a run's history, restarted from bytes at every event of it, asks for the same and ends the same; a long
    history is restarted at `MOST_RESTARTS` of its events besides the first so many."""
    stride = len(journal) // MOST_RESTARTS + 1
    again: State | None = None
    host, asked = Open(), list[Command]()
    for number, event in enumerate(journal):
        host.heard(event)
        if isinstance(event, RunStarted):
            again, following = machine.start(program, event)
        else:
            assert again is not None
            following = machine.step(program, again, event_from_bytes(event.at, event_to_bytes(event)))
        asked += following
        for command in following:
            host.asked(command)
        if number < MOST_RESTARTS or number % stride == 0:
            again = check_restart(program, again, host)
    if asked != commands:
        first = next((pair for pair in zip(asked, commands, strict=False) if pair[0] != pair[1]), None)
        raise AssertionError(f"replaying the history asks for something else: {first or 'more or less than before'}")
    assert again is not None
    _same(state_to_bytes(again), state_to_bytes(state), "replaying the history gives another state")


def _same(one: bytes, other: bytes, problem: str) -> None:
    if one != other:
        left, right = decode(one), decode(other)
        differing = {key: (left[key], right[key]) for key in left if left[key] != right[key]}
        raise AssertionError(f"{problem}: {differing or (one, other)}")
