"""What a run's commands mean for the store: the part of a commit that must be as durable as the events behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import uuid4

from perdure.core import State, fold
from perdure.core.commands import (
    CancelActivity,
    CancelChild,
    CloseAsk,
    CloseRun,
    Command,
    Deliver,
    LeaveSlot,
    OpenAsk,
    ReadCache,
    ReplyUpdate,
    StartChild,
    TakeSlot,
    WriteCache,
)
from perdure.core.events import Event, RunStarted, SignalReceived
from perdure.engine.creation import ask_row, new_run, rows_of, slots_of, take_of
from perdure.program import Program
from perdure.stores.store import AskRow, Closing, Commit, NewLetter, NewRun, RunRow, Take
from perdure.values import JSON, digest, encode
from perdure.vault import holds_marker

KEPT: Final = frozenset({OpenAsk, CloseAsk, ReplyUpdate, TakeSlot, LeaveSlot, WriteCache, CloseRun, CancelActivity})
"""Commands that are more to a commit than something to be carried out after it."""
ERRANDS: Final = frozenset({Deliver, StartChild, CancelChild, ReadCache})
"""Commands that ask for something in other runs, or in what they have left."""


def write_down(
    commit: Commit, key: int, origin: NewRun | RunRow, program: Program, state: State, commands: Sequence[Command]
) -> None:
    """Put into a commit what commands ask to be kept; the others are carried out after it."""
    if KEPT.isdisjoint(map(type, commands)):
        return
    opened: dict[int, AskRow] = {}
    closed: list[int] = []
    replies: dict[str, bytes] = {}
    taken: dict[int, Take] = {}
    left: list[int] = []
    cached: dict[str, tuple[bytes, int | None]] = {}
    for command in commands:
        match command:
            case OpenAsk():
                opened[command.frame] = ask_row(key, command)
            case CloseAsk():
                opened.pop(command.frame, None)
                closed.append(command.frame)
            case ReplyUpdate():
                replies[command.id] = encode({"value": command.value, "error": command.error})
            case TakeSlot():
                taken[command.frame] = take_of(command)
            case LeaveSlot():
                taken.pop(command.frame, None)
                left.append(command.frame)
            case WriteCache():
                cached[command.key] = (encode(command.value), command.expires_at)
            case CloseRun():
                _close(commit, origin, program, state, command)
            case _:
                pass
    commit.asks_opened, commit.asks_closed, commit.replies = list(opened.values()), closed, replies
    commit.takes, commit.leaves, commit.cached = list(taken.values()), left, cached


def _close(commit: Commit, origin: NewRun | RunRow, program: Program, state: State, command: CloseRun) -> None:
    commit.closing = Closing(command.status, state.now, encode(command.outcome))
    commit.ended = encode({"reason": f"the run has ended: it is {command.status}"})
    if command.status == "continued":
        _continue(commit, origin, program, state, command.outcome["input"])
        return
    commit.letters = farewells(origin, state.children, command.status, command.outcome, state.now)


def farewells(
    origin: NewRun | RunRow, children: Sequence[JSON], status: str, outcome: JSON, at: int
) -> list[NewLetter]:
    """What a run that ends has to say: to its children what becomes of them, to its parent what it came to."""
    reason = encode({"reason": "its parent ended"})
    letters = [
        NewLetter(child["run"], child["closing"], f"parent/{child['closing']}", at, reason)
        for child in children
        if child["closing"] != "abandon"
    ]
    if origin.parent is not None:
        body = {"run": origin.id, "status": status, "output": outcome.get("output"), "error": outcome.get("error")}
        letters.append(NewLetter(origin.parent, "child", f"~child/{origin.id}/{at}", at, encode(body)))
    return letters


def _continue(commit: Commit, origin: NewRun | RunRow, program: Program, state: State, input: JSON) -> None:
    """The run goes on as a new one: its id, labels and parent, the signals that nothing has taken, the detached
    children it looks after, and the slot it has as a run."""
    commit.successor = new_run(program, origin.id, state.now, labels=origin.labels, parent=origin.parent)
    started = RunStarted(
        state.now,
        origin.id,
        input,
        uuid4().hex,
        depth=state.depth,
        generation=state.generation + 1,
        children=state.children,
        holds=[hold for hold in state.holds if hold[0] != origin.id],
        first_input=state.first_input or digest(state.input),
        vault=state.secrets.key if holds_marker(input) else None,
    )
    events: list[Event] = [
        started,
        *(SignalReceived(state.now, signal.signal, signal.data, signal.id) for signal in state.signals),
    ]
    commit.successor_events = rows_of(events)
    wishes = slots_of(fold(program, events))
    # A run that goes on is no new one that could be refused: with a key of its own it waits.
    commit.successor_takes = [replace(wish, conflict="queue") if wish.conflict == "reject" else wish for wish in wishes]
