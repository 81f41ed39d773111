"""What a run's commands mean for the store: the part of a commit that must be as durable as the events behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from perdure.core import State, wire
from perdure.core.commands import CloseAsk, CloseRun, Command, OpenAsk, ReplyUpdate
from perdure.core.events import Event, RunStarted, SignalReceived
from perdure.stores.store import AskRow, Closing, Commit, NewLetter, NewRun, RunRow
from perdure.values import JSON, encode

_EVENT_MARK: Final = "\x02"


def write_down(commit: Commit, key: int, origin: NewRun | RunRow, state: State, commands: Sequence[Command]) -> None:
    """Put into a commit what commands ask to be kept; the others are carried out after it."""
    opened: dict[int, AskRow] = {}
    closed: list[int] = []
    replies: dict[str, bytes] = {}
    for command in commands:
        match command:
            case OpenAsk():
                opened[command.frame] = ask_row(key, command)
            case CloseAsk():
                opened.pop(command.frame, None)
                closed.append(command.frame)
            case ReplyUpdate():
                replies[command.id] = encode({"value": command.value, "error": command.error})
            case CloseRun():
                _close(commit, origin, state, command)
            case _:
                pass
    commit.asks_opened, commit.asks_closed, commit.replies = list(opened.values()), closed, replies


def listening(state: State) -> set[str]:
    """The events a run waits for."""
    return {key[1:] for key in state.waiting if key.startswith(_EVENT_MARK)}


def ask_row(run: int, command: OpenAsk) -> AskRow:
    return AskRow(run, command.frame, command.address, command.opened_at, command.due, encode(command.body))


def _close(commit: Commit, origin: NewRun | RunRow, state: State, command: CloseRun) -> None:
    commit.closing = Closing(command.status, state.now, encode(command.outcome))
    commit.ended = encode({"reason": f"the run has ended: it is {command.status}"})
    if command.status == "continued":
        _continue(commit, origin, state, command.outcome["input"])
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
        # One more each time: a child that was retried ends again.
        letters.append(NewLetter(origin.parent, "child", f"child/{origin.id}/{at}", at, encode(body)))
    return letters


def _continue(commit: Commit, origin: NewRun | RunRow, state: State, input: JSON) -> None:
    """The run goes on as a new one: its id, labels and parent, the signals that nothing has taken, and the detached
    children it looks after."""
    commit.successor = NewRun(
        id=origin.id,
        workflow=origin.workflow,
        version=origin.version,
        digest=origin.digest,
        status="running",
        created_at=state.now,
        labels=origin.labels,
        wake_at=state.now,
        parent=origin.parent,
    )
    started = RunStarted(
        state.now,
        origin.id,
        input,
        uuid4().hex,
        depth=state.depth,
        generation=state.generation + 1,
        children=state.children,
    )
    events: list[Event] = [
        started,
        *(SignalReceived(state.now, signal.signal, signal.data, signal.id) for signal in state.signals),
    ]
    commit.successor_events = [(seq, state.now, wire.event_to_bytes(event)) for seq, event in enumerate(events, 1)]
