"""The promises of reliability.md, asked of a ledger and of what is left in the file.

Every journal is folded once more, to see which call each event is about. Gives sentences about what was not kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ledger import Call, Ledger, Message

from perdure.core import machine
from perdure.core.commands import StartActivity
from perdure.core.events import (
    ActivityCancelled,
    ActivityCompleted,
    ActivityFailed,
    AttemptLost,
    RunStarted,
    SignalReceived,
    UpdateReceived,
)
from perdure.program import Program

ENDS = (ActivityCompleted, ActivityFailed, ActivityCancelled, AttemptLost)


@dataclass
class Told:
    """What the journals tell about calls."""

    attempts: dict[tuple[str, int], int] = field(default_factory=dict)
    """(key, attempt) → when its end became durable."""
    asked: set[tuple[str, int]] = field(default_factory=set)
    """(key, attempt) that a run wanted."""
    keys: dict[tuple[int, int], set[str]] = field(default_factory=lambda: defaultdict(set))
    """(run, slot) → idempotency keys."""
    started: dict[tuple[int, int], StartActivity] = field(default_factory=dict)
    """(run, seq of its completion) → the call."""


def read(ledger: Ledger, programs: dict[int, Program]) -> Told:
    """Fold every journal."""
    told = Told()
    journals: dict[int, list[Any]] = defaultdict(list)
    for (run, _), landed in sorted(ledger.landed.items()):
        journals[run].append(landed)
    for run, journal in journals.items():
        latest: dict[int, StartActivity] = {}
        state: Any = None
        for landed in journal:
            event, call = landed.event, latest.get(getattr(landed.event, "frame", -1))
            if isinstance(event, ENDS) and call is not None:
                told.attempts.setdefault((call.key, call.attempt), landed.place)
                if isinstance(event, ActivityCompleted):
                    told.started[run, landed.seq] = call
            if isinstance(event, RunStarted):
                state, commands = machine.start(programs[run], event)
            else:
                commands = machine.step(programs[run], state, event)
            for command in commands:
                if isinstance(command, StartActivity):
                    latest[command.frame] = command
                    told.asked.add((command.key, command.attempt))
                    told.keys[run, command.slot].add(command.key)
    return told


def broken(ledger: Ledger, told: Told) -> Iterator[str]:
    """Every promise that was not kept."""
    yield from ledger.broken
    yield from _repeated(ledger.calls, told)
    yield from _keys(ledger, told)
    yield from _messages(ledger)
    yield from _left(ledger)


def _repeated(calls: list[Call], told: Told) -> Iterator[str]:
    """A finished step never runs again, an attempt that ended durably is never repeated; but for what a worker still
    begins that was buried and has not noticed."""
    for call in calls:
        if not call.sound:
            continue
        over = told.attempts.get((call.key, call.attempt))
        if over is not None and over < call.began:
            yield f"{call.key} attempt {call.attempt} began at line {call.began}, though it had ended at {over}"
        if (call.key, call.attempt) not in told.asked:
            yield f"{call.key} attempt {call.attempt} began at line {call.began}, which no journal asks for"


def _keys(ledger: Ledger, told: Told) -> Iterator[str]:
    for (run, slot), keys in told.keys.items():
        if len(keys) > 1:
            yield f"frame {slot} of run {run} has several idempotency keys: {sorted(keys)}"
    owners = Counter(key for keys in told.keys.values() for key in keys)
    yield from (f"{times} steps share the idempotency key {key}" for key, times in owners.items() if times > 1)


def _messages(ledger: Ledger) -> Iterator[str]:
    taken: Counter[tuple[str, str]] = Counter()
    restarted = set()
    for (run, _), landed in ledger.landed.items():
        if isinstance(landed.event, RunStarted) and landed.handed:
            restarted.add(landed.event.run)
        elif isinstance(landed.event, SignalReceived | UpdateReceived) and not landed.handed:
            taken[_name(ledger, run), landed.event.id] += 1
    for run, box in ledger.file.inbox.items():
        for letter in box.values():
            taken[_name(ledger, run), letter.id] += 1
    for message in ledger.messages:
        if message.kind == "start":
            row = ledger.file.find(message.run)
            if (row is None) == (message.told == "acknowledged"):
                yield f"the start of {message.run} was {message.told}, and it is {row and row.status}"
        elif message.kind in ("signal", "update"):
            yield from _counted(message, taken[message.run, message.id], message.run in restarted)


def _counted(message: Message, times: int, restarted: bool) -> Iterator[str]:
    least = message.told == "acknowledged"
    most = 99 if restarted and message.tries > 1 and message.kind == "signal" else 1
    if message.kind == "update" and message.told == "refused":
        return
    if not least <= times <= most:
        yield f"the {message.kind} {message.id} was {message.told}, and is there {times} times"


def _name(ledger: Ledger, run: int) -> str:
    return ledger.file.runs[run].id.partition("~")[0]


def _left(ledger: Ledger) -> Iterator[str]:
    """Nothing is left of runs that have ended."""
    file = ledger.file
    tables = {
        "slots": file.slots.by_run, "slots held": file.slots.held, "slots waited for": file.slots.waiting,
        "asks": file.asks, "tasks": file.tasks, "heartbeats": file.heartbeats, "subscriptions": file.subscriptions,
        "what runs listen to": file.listening, "snapshots": file.snapshots, "unsettled updates": file.unsettled,
        "occurrences": file.occurrences,
    }  # fmt: skip
    for name, rows in tables.items():
        if any(not isinstance(row, dict | set) or row for row in rows.values()):
            yield f"{name} are left: {rows}"
