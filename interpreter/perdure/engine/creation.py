"""New runs: the row and the first commit of each, whoever makes it: a start, a schedule, a parent, a copy, a restart.

A run that nobody has moved must have in the store whatever its state waits for there: its questions, its slots, the
events it listens to. What a run's later commits hold, `commits` knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perdure.core import State, start, wire
from perdure.core import labels as labels_of
from perdure.core.blocks.lock import LockFrame
from perdure.core.commands import Command, OpenAsk, TakeSlot
from perdure.core.events import Event, RunStarted
from perdure.program import Program
from perdure.stores.store import AskRow, Commit, NewRun, Take
from perdure.values import encode

_EVENT_MARK = "\x02"


def new_run(
    program: Program,
    id: str,
    at: int,
    *,
    labels: Mapping[str, str] | None = None,
    parent: str | None = None,
    attached: bool = False,
    status: str = "running",
    owner: str | None = None,
    replaces: int | None = None,
) -> NewRun:
    """A run that a worker claims at once, or its `owner`'s. One that `replaces` an ended run is apart from it."""
    return NewRun(
        id=id,
        workflow=program.name,
        version=program.version,
        digest=program.digest,
        status=status,
        created_at=at,
        labels=labels or {},
        wake_at=at,
        owner=owner,
        parent=parent,
        attached=attached,
        replaces=replaces,
        apart=replaces is not None,
    )


def begin(
    program: Program, started: RunStarted, *, labels: Mapping[str, str] | None = None, parent: str | None = None
) -> Commit:
    """A run as it starts, with the labels of its definition and these; one with a `parent` only begins while that is
    open. Raises ExpressionError for the labels of the definition."""
    state, commands = start(program, started)
    own = {**labels_of(program, state), **(labels or {})}
    run = new_run(program, started.run, started.at, labels=own, parent=parent, attached=parent is not None)
    return first_commit(run, state, commands, [started])


def first_commit(run: NewRun, state: State, commands: Sequence[Command], events: Sequence[Event]) -> Commit:
    """The commit that creates a run which nobody has moved: the events that led to this state, the questions among the
    commands, and what else the state waits for of the store. Whoever claims the run does the rest."""
    return Commit(
        run,
        run.owner,
        events=rows_of(events),
        asks_opened=[ask_row(0, command) for command in commands if isinstance(command, OpenAsk)],
        takes=slots_of(state),
        listens=dict.fromkeys(sorted(listening(state)), True),
    )


def rows_of(events: Sequence[Event]) -> list[tuple[int, int, bytes]]:
    """The whole journal of a new run."""
    return [(seq, event.at, wire.event_to_bytes(event)) for seq, event in enumerate(events, 1)]


def listening(state: State) -> set[str]:
    """The events a run waits for."""
    return {key[1:] for key in state.waiting if key.startswith(_EVENT_MARK)}


def slots_of(state: State) -> list[Take]:
    """The slots that a run has, or waits for, as wishes: those of its locks, but for such as share another's."""
    return [
        take_of(frame.take())
        for frame in state.frames.values()
        if isinstance(frame, LockFrame) and frame.key and (frame.granted or frame.asking or not frame.child)
    ]


def take_of(command: TakeSlot) -> Take:
    chain = [(run, frame) for run, frame in command.chain]
    return Take(command.key, command.frame, command.limit, command.conflict, chain)


def ask_row(run: int, command: OpenAsk) -> AskRow:
    return AskRow(run, command.frame, command.address, command.opened_at, command.due, encode(command.body))
