"""What the journals tell: all of them folded once more, side by side, in the order in which their events landed.

The machine that folds is sound, whatever the engine did. Notes facts about calls, slots, timers and caches, and accuses
where one event contradicts another. What follows for promises, `promises` says.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

from ledger import Landed, Ledger

from perdure.core import machine
from perdure.core.blocks.cache import CacheFrame
from perdure.core.blocks.lock import LockFrame
from perdure.core.commands import CancelActivity, Command, LeaveSlot, StartActivity, WriteCache
from perdure.core.events import (
    ActivityCancelled,
    ActivityCompleted,
    ActivityFailed,
    AttemptLost,
    AttemptQueued,
    AttemptStarted,
    CacheRead,
    RunStarted,
    SlotGranted,
    TimerFired,
)
from perdure.core.lifecycle import ENDED
from perdure.core.state import State
from perdure.program import Program
from perdure.values import SECOND

ENDS: Final = (ActivityCompleted, ActivityFailed, ActivityCancelled, AttemptLost)
Try = tuple[str, int]
"""An idempotency key and an attempt."""


@dataclass
class Told:
    """What the journals tell."""

    healed: int
    """The moment from which all is well."""
    late: int
    """So much later than it is due a timer fires at most, when all is well."""
    ended: dict[Try, Landed] = field(default_factory=dict)
    asked: dict[Try, list[StartActivity]] = field(default_factory=lambda: defaultdict(list))
    begun: dict[Try, Landed] = field(default_factory=dict)
    """How the beginning of an attempt became durable."""
    asked_at: dict[Try, int] = field(default_factory=dict)
    """Where it became durable that an attempt is wanted."""
    seen_off: list[tuple[str, int]] = field(default_factory=list)
    """(run id, where its parent ended) of children that are to stop with their parents."""
    queued: dict[Try, int] = field(default_factory=dict)
    unwanted: dict[Try, Landed] = field(default_factory=dict)
    """How it became durable that an attempt is to stop."""
    of_run: dict[Try, int] = field(default_factory=dict)
    keys: dict[tuple[int, int], set[str]] = field(default_factory=lambda: defaultdict(set))
    """(run, slot) → idempotency keys."""
    started: dict[tuple[int, int], StartActivity] = field(default_factory=dict)
    """(run, seq of its completion) → the call."""
    states: dict[int, State] = field(default_factory=dict)
    kinds: Counter[tuple[int, str]] = field(default_factory=Counter)
    """(run, kind of event) → how many."""
    wrong: list[str] = field(default_factory=list)


def retell(ledger: Ledger, programs: dict[int, Program], healed: int, late: int) -> Told:
    """Fold every journal. What cannot be folded is wrong."""
    teller = _Teller(Told(healed, late), programs)
    spoilt = set()
    for (run, _), landed in ledger.landed.items():
        if run in spoilt:
            continue
        try:
            teller.hear(run, landed)
        except Exception as problem:
            spoilt.add(run)
            teller.told.wrong.append(f"the journal of run {run} cannot be folded: {problem!r} at {landed.event}")
    return teller.told


class _Teller:
    def __init__(self, told: Told, programs: dict[int, Program]) -> None:
        self.told = told
        self._programs = programs
        self._latest: dict[tuple[int, int], StartActivity] = {}
        self._held: dict[str, dict[tuple[int, int], int]] = defaultdict(dict)
        """Key → (run, frame) of the locks that are held → the limit with which."""
        self._cached: dict[str, tuple[Any, int | None]] = {}

    def hear(self, run: int, landed: Landed) -> None:
        event, told = landed.event, self.told
        told.kinds[run, type(event).__name__] += 1
        if isinstance(event, RunStarted):
            told.states[run], commands = machine.start(self._programs[run], event)
        else:
            self._look_before(run, landed)
            commands = machine.step(self._programs[run], told.states[run], event)
        for command in commands:
            self._note(run, landed, command)
        state = told.states[run]
        if state.status in ENDED and state.status != "continued":
            told.seen_off += [(child["run"], landed.place) for child in state.children if child["closing"] != "abandon"]
        if state.status in ENDED:
            for holders in self._held.values():
                for place in [place for place in holders if place[0] == run]:
                    del holders[place]

        if landed.slots:
            kept = [frame for frame in landed.slots if not isinstance(state.frames.get(frame), LockFrame)]
            if kept:
                told.wrong.append(f"run {run} has kept slots of {kept}, which have ended, at {event}")

    def _look_before(self, run: int, landed: Landed) -> None:
        event, state = landed.event, self.told.states[run]
        frame = getattr(event, "frame", -1)
        call = self._latest.get((run, frame))
        if call is not None:
            self._of_attempt(run, landed, call)
        found = state.frames.get(frame)
        if isinstance(event, SlotGranted) and isinstance(found, LockFrame):
            self._grant(run, found)
        if isinstance(event, CacheRead) and isinstance(found, CacheFrame):
            self._read(found.key, event)
        for waiting in state.frames.values():
            due = waiting.due
            if due is None or waiting.id in state.held or event.at <= max(due, self.told.healed) + self.told.late:
                continue
            if not (isinstance(event, TimerFired) and event.frame == waiting.id) or event.at > due + self.told.late:
                late = (event.at - max(due, self.told.healed)) / SECOND
                self.told.wrong.append(f"a timer of run {run} has not fired, {late:.0f} s after it was due: {waiting}")

    def _of_attempt(self, run: int, landed: Landed, call: StartActivity) -> None:
        event, told, attempt = landed.event, self.told, (call.key, call.attempt)
        if isinstance(event, ENDS):
            told.ended.setdefault(attempt, landed)
            if isinstance(event, ActivityCompleted):
                told.started[run, landed.seq] = call
        elif isinstance(event, AttemptStarted):
            told.begun.setdefault(attempt, landed)
        elif isinstance(event, AttemptQueued):
            told.queued.setdefault(attempt, landed.place)

    def _note(self, run: int, landed: Landed, command: Command) -> None:
        told = self.told
        match command:
            case StartActivity():
                self._latest[run, command.frame] = command
                attempt = command.key, command.attempt
                told.asked[attempt].append(command)
                told.of_run[attempt] = run
                told.asked_at.setdefault(attempt, landed.place)
                told.keys[run, command.slot].add(command.key)
            case CancelActivity():
                call = self._latest[run, command.frame]
                told.unwanted.setdefault((call.key, call.attempt), landed)
            case LeaveSlot():
                for holders in self._held.values():
                    holders.pop((run, command.frame), None)
            case WriteCache():
                self._cached[command.key] = command.value, command.expires_at
            case _:
                pass

    def _grant(self, run: int, lock: LockFrame) -> None:
        holders = self._held[lock.key]
        holders[run, lock.id] = lock.limit
        if len(holders) > lock.limit:
            self.told.wrong.append(f"{lock.key} is held {len(holders)} times, with a limit of {lock.limit}: {holders}")

    def _read(self, key: str, event: CacheRead) -> None:
        kept = self._cached.get(key)
        if event.found and kept is None:
            self.told.wrong.append(f"{key} was found in the cache, where nothing was kept")
        elif event.found and kept is not None:
            value, expires = kept
            if value != event.value:
                self.told.wrong.append(f"{key} was found in the cache as {event.value}, and kept as {value}")
            if expires is not None and event.at >= expires + self.told.late:
                self.told.wrong.append(f"{key} was found in the cache, though it had expired")
