"""The machine: one event in, the run's state moves, commands out.

Rules of this file
1. `start` and `step` are the only doors; nothing else changes a state.
2. The same program, state and event always give the same new state and the same commands.
3. An event that comes too late (its frame is gone, the run has ended) changes nothing.
4. Commands still outstanding are a function of the state: `outstanding` gives them again after a restart.
5. An exception from here is our bug; the host then drops the state and folds the journal anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from perdure.core import lifecycle
from perdure.core.blocks import BLOCKS
from perdure.core.commands import Command, StartTimer
from perdure.core.events import (
    CancelRequested,
    Event,
    RunStarted,
    SignalReceived,
    TerminateRequested,
    TimerFired,
)
from perdure.core.outcomes import new_error
from perdure.core.state import FORMAT, ROOT_SCOPE, Scope, Signal, State
from perdure.core.turn import Turn
from perdure.errors import ExpressionError, InternalError
from perdure.program import Program
from perdure.values import encode, format_time


def start(program: Program, event: RunStarted) -> tuple[State, list[Command]]:
    """A run's first state and commands."""
    if event.format != FORMAT:
        raise InternalError(f"the run's history has format {event.format}; this release reads {FORMAT}")
    facts = {
        "id": event.run,
        "workflow": program.name,
        "version": program.version,
        "started_at": format_time(event.at),
        "attempt": 1,
    }
    state = State(program.digest, facts, event.input, event.seed, event.at, event.at)
    state.add_scope(Scope(ROOT_SCOPE, 0, {}, {}))
    turn = Turn(program, state, BLOCKS)
    root = program.nodes[program.root]
    frame = BLOCKS[type(root)](turn.next_id(), root, 0, ROOT_SCOPE)
    problem = _initial_vars(turn, program)
    if problem is not None:
        state.ending = {"way": "fail", "error": new_error("ExpressionFailed", f"vars: {problem}")}
    turn.admit(frame)
    turn.settle()
    return state, turn.commands


def step(program: Program, state: State, event: Event) -> list[Command]:
    """Move a run by one event; the state is changed in place."""
    if state.status in lifecycle.ENDED:
        return []
    state.now = max(state.now, event.at)
    turn = Turn(program, state, BLOCKS)
    _dispatch(turn, event)
    turn.settle()
    return turn.commands


def fold(program: Program, events: Iterable[Event], state: State | None = None) -> State:
    """The state that a history leads to, from the start or from a state within it."""
    for event in events:
        if state is None:
            if not isinstance(event, RunStarted):
                raise InternalError("a history begins with RunStarted")
            state, _ = start(program, event)
        else:
            step(program, state, event)
    if state is None:
        raise InternalError("an empty history has no state")
    return state


def outstanding(program: Program, state: State) -> list[Command]:
    """What the run is waiting for, as the commands that ask for it, in the order of its frames."""
    turn = Turn(program, state, BLOCKS)
    for frame in state.frames.values():
        turn.commands.extend(frame.outstanding(turn))
        if frame.due is not None:
            turn.commands.append(StartTimer(frame.id, frame.due))
    return turn.commands


def labels(program: Program, state: State) -> dict[str, str]:
    """The labels a run is given by its definition, from its input. Raises ExpressionError."""
    if program.labels is None:
        return {}
    draws = state.draws
    names = {"input": state.input, "run": state.run, "vars": state.vars}
    try:
        values = program.labels.evaluate(names, Turn(program, state, BLOCKS))
    finally:
        state.draws = draws
    return {name: value if isinstance(value, str) else encode(value).decode() for name, value in values.items()}


def _dispatch(turn: Turn, event: Event) -> None:
    state = turn.state
    match event:
        case SignalReceived():
            _receive(turn, event)
        case CancelRequested():
            if state.ending is None:
                state.ending = {"way": "cancel", "reason": event.reason}
                turn.cancel(state.root)
        case TerminateRequested():
            _terminate(turn, event)
        case RunStarted():
            raise InternalError("a run starts once")
        case TimerFired():
            frame = state.frames.get(event.frame)
            if frame is not None and frame.due is not None and frame.due <= state.now:
                frame.due = None
                turn.handle(frame, event)
        case _:
            frame = state.frames.get(event.frame)
            if frame is not None:
                turn.handle(frame, event)


def _receive(turn: Turn, event: SignalReceived) -> None:
    """The frame that has waited longest takes the signal; without one it is kept, in order."""
    for waiting in tuple(turn.state.waiting.get(event.signal, ())):
        frame = turn.state.frames[waiting]
        if frame.offer(turn, event.signal, event.data):
            return
    turn.state.signals.append(Signal(event.signal, event.data, event.at, event.id))


def _terminate(turn: Turn, event: TerminateRequested) -> None:
    """End at once: nothing unwinds, nothing is undone."""
    error = new_error("Terminated", event.reason or "the run was terminated")
    turn.close("terminate", error=error)


def _initial_vars(turn: Turn, program: Program) -> str | None:
    if program.vars is None:
        return None
    try:
        turn.state.vars.update(program.vars.evaluate(turn.state.names(ROOT_SCOPE), turn))
    except ExpressionError as problem:
        return problem.message
    return None
