"""The machine: one event in, the run's state moves, commands out.

Rules of this file
1. `start` and `step` are the only doors; nothing else changes a state.
2. The same program, state and event always give the same new state and the same commands.
3. An event that comes too late (its frame is gone, the run has ended) changes nothing.
4. Commands still outstanding are a function of the state: `outstanding` gives them again after a restart.
5. An exception from here is our bug; the host then drops the state and folds the journal anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from perdure.core import lifecycle, wire
from perdure.core.blocks import BLOCKS
from perdure.core.commands import Command, StartTimer
from perdure.core.events import (
    CancelRequested,
    ChildEnded,
    Event,
    EventReceived,
    Migrated,
    PauseRequested,
    Reopened,
    ResumeRequested,
    RunStarted,
    SignalReceived,
    TerminateRequested,
    TimerFired,
    UpdateReceived,
)
from perdure.core.frame import Frame
from perdure.core.outcomes import new_error
from perdure.core.state import FORMAT, ROOT_SCOPE, Scope, Signal, State, event_key, update_key
from perdure.core.turn import ENTER, Turn
from perdure.errors import ExpressionError, InternalError
from perdure.program import Program
from perdure.values import JSON, decode, encode, format_time

NewTurn = Callable[[Program, State, dict[type, type[Frame]]], Turn]


def start(program: Program, event: RunStarted, kind: NewTurn = Turn) -> tuple[State, list[Command]]:
    """A run's first state and commands; another `kind` of turn may watch what happens."""
    if event.format != FORMAT:
        raise InternalError(f"the run's history has format {event.format}; this release reads {FORMAT}")
    facts = {
        "id": event.run,
        "workflow": program.name,
        "version": program.version,
        "started_at": format_time(event.at if event.begins is None else event.begins),
        "attempt": 1,
    }
    state = State(
        program.digest,
        facts,
        event.input,
        event.seed,
        event.at,
        event.at,
        depth=event.depth,
        generation=event.generation,
        children=list(event.children or []),
        holds=list(event.holds or []),
        begins=event.begins,
        first_input=event.first_input,
        vault=event.vault,
    )
    if event.begins is not None and event.begins > event.at:
        state.status = "scheduled"
    state.add_scope(Scope(ROOT_SCOPE, 0, {}, {}))
    turn = kind(program, state, BLOCKS)
    root = program.nodes[program.root]
    frame = BLOCKS[type(root)](turn.next_id(), root, 0, ROOT_SCOPE)
    turn.admit(frame)
    turn.settle()
    return state, turn.commands


def step(program: Program, state: State, event: Event, kind: NewTurn = Turn) -> list[Command]:
    """Move a run by one event other than a migration; the state is changed in place."""
    if state.status in lifecycle.ENDED:
        return []
    before, state.now = state.now, max(state.now, event.at)
    turn = kind(program, state, BLOCKS)
    if isinstance(event, Reopened):
        _reopen(turn, event, state.now - before)
    else:
        _dispatch(turn, event)
    turn.settle()
    return turn.commands


def migrated(program: Program, event: Migrated) -> State:
    """The state a run goes on with under another program; whatever it was waiting for it still waits for."""
    if event.digest != program.digest:
        raise InternalError(f"the run migrated to {event.digest[:12]}, not to {program.digest[:12]}")
    return wire.state_from_json(program, decode(encode(event.state)))


def fold(programs: Program | Sequence[Program], events: Iterable[Event], state: State | None = None) -> State:
    """The state that a history leads to, from the start or from a state within it.

    One program, or those the run had in turn: the one of its first event here, and one more for each migration.
    """
    following = iter([programs] if isinstance(programs, Program) else programs)
    program = next(following)
    for event in events:
        if isinstance(event, Migrated):
            program = next(following, program)
            state = migrated(program, event)
        elif state is None:
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
    _ask_again(turn)
    return turn.commands


def _ask_again(turn: Turn) -> None:
    for frame in turn.state.frames.values():
        if frame.id not in turn.state.held:
            turn.commands.extend(frame.outstanding(turn))
        if frame.due is not None:
            turn.commands.append(StartTimer(frame.id, frame.due))


def labels(program: Program, state: State) -> dict[str, str]:
    """The labels a run is given by its definition, from its input. Raises ExpressionError."""
    if program.labels is None:
        return {}
    draws, state.draws = state.draws, 0
    turn = Turn(program, state, BLOCKS)
    names = {"input": state.input, "run": state.run}
    vars: JSON = {}
    try:
        # The first values, also where the first turn has set others, or the run has not begun: nothing is drawn before.
        with suppress(ExpressionError):
            vars = {} if program.vars is None else program.vars.evaluate(names, turn)
        state.draws = draws
        values = program.labels.evaluate({**names, "vars": vars}, turn)
    finally:
        state.draws = draws
    return {name: value if isinstance(value, str) else encode(value).decode() for name, value in values.items()}


def consider(program: Program, state: State, update: str, data: JSON) -> tuple[str, str | None]:
    """What is to be said to an update now: accepted, later (others come first) or refused, with the reason.

    Changes nothing: an update that is refused leaves no trace.
    """
    turn = Turn(program, state, BLOCKS)
    draws = state.draws
    reason: str | None = "nothing receives it"
    try:
        for waiting in state.waiting.get(update_key(update), ()):
            frame = state.frames[waiting]
            if frame.busy(update):
                return "later", None
            reason = frame.consider(turn, update, data)
            if reason is None:
                return "accepted", None
    except ExpressionError as problem:
        reason = problem.message
    finally:
        state.draws = draws
    return "refused", reason


def follows(state: State, signal: str, updates: Iterable[str]) -> bool:
    """Whether a signal goes to a receive that deals with its messages in order and has yet to look at one of these
    updates, which came before it."""
    takers = state.waiting.get(signal)
    if not takers or not state.frames[takers[0]].queues(signal):
        return False
    return any(takers[0] in state.waiting.get(update_key(update), ()) for update in updates)


def expects(program: Program, state: State, event: str, data: JSON) -> bool:
    """Whether anything in the run waits for this event; changes nothing."""
    turn = Turn(program, state, BLOCKS)
    draws = state.draws
    try:
        return any(state.frames[w].expects(turn, event, data) for w in state.waiting.get(event_key(event), ()))
    finally:
        state.draws = draws


def _update(turn: Turn, event: UpdateReceived) -> None:
    for waiting in turn.state.waiting.get(update_key(event.update), ()):
        frame = turn.state.frames[waiting]
        if frame.consider(turn, event.update, event.data) is None:
            frame.accept(turn, event.update, event.data, event.id)
            return
    raise InternalError("an update was journalled that nothing accepts")


def _resume(turn: Turn) -> None:
    """A paused run goes on; one whose time has not come waits for it."""
    state = turn.state
    early = state.frames[state.root].due is not None
    state.status = lifecycle.follow(state.status, "resume early" if early else "resume")
    _enter_held(turn)


def _enter_held(turn: Turn) -> None:
    """What would have begun while the run was paused begins now, each in its turn, as it came: what an earlier one ends
    never begins."""
    state = turn.state
    for id in tuple(state.held):
        if id in state.held:
            state.held.remove(id)
            if id in state.frames:
                turn.work.append((ENTER, state.frames[id], None, None))
                turn.settle()


def _reopen(turn: Turn, event: Reopened, gap: int) -> None:
    """Nobody has moved the run for a while: its due times move, and all that is open is asked for again."""
    state = turn.state
    state.counter, state.draws = max(state.counter, event.counter), max(state.draws, event.draws)
    for frame in tuple(state.frames.values()):
        if frame.id not in state.held:
            frame.reopen(turn, gap, anew=frame.id in (event.anew or ()))
    _ask_again(turn)
    if state.status == "paused":
        _resume(turn)


def _cancel(turn: Turn, event: CancelRequested) -> None:
    """Unwind, also a paused run: what has not begun is told before it could begin."""
    state = turn.state
    if state.ending is not None:
        return
    state.ending = {"way": "cancel", "reason": event.reason}
    if state.status == "paused":
        state.status = lifecycle.follow(state.status, "resume")
    turn.cancel(state.root)
    turn.settle()
    _enter_held(turn)


def _dispatch(turn: Turn, event: Event) -> None:
    _RULES.get(type(event), _to_its_frame)(turn, event)


def _to_its_frame(turn: Turn, event: Any) -> None:
    """What most events are: something that a frame waits for, unless it is gone."""
    frame = turn.state.frames.get(event.frame)
    if frame is not None:
        turn.handle(frame, event)


def _fire(turn: Turn, event: TimerFired) -> None:
    frame = turn.state.frames.get(event.frame)
    if frame is not None and frame.due is not None and frame.due <= turn.state.now:
        frame.due = None
        turn.handle(frame, event)


def _publish(turn: Turn, event: EventReceived) -> None:
    for waiting in tuple(turn.state.waiting.get(event_key(event.event), ())):
        turn.state.frames[waiting].notice(turn, event.event, event.data)


def _end_child(turn: Turn, event: ChildEnded) -> None:
    """A child that nobody waits for has only to be seen off no more."""
    if event.frame:
        _to_its_frame(turn, event)
    else:
        turn.state.children = [child for child in turn.state.children if child["run"] != event.run]


def _pause(turn: Turn, event: PauseRequested) -> None:
    state = turn.state
    if state.status in ("running", "scheduled") and state.ending is None:
        state.status = lifecycle.follow(state.status, "pause")


def _go_on(turn: Turn, event: ResumeRequested) -> None:
    if turn.state.status == "paused":
        _resume(turn)


def _refuse(turn: Turn, event: Event) -> None:
    raise InternalError("a run starts once, and other events move it from program to program")


def _receive(turn: Turn, event: SignalReceived) -> None:
    """The frame that has waited longest takes the signal; without one it is kept, in order."""
    signal = Signal(event.signal, event.data, event.at, event.id)
    if not turn.offer(signal):
        turn.state.signals.append(signal)


def _terminate(turn: Turn, event: TerminateRequested) -> None:
    """End at once: nothing unwinds, nothing is undone. Signals that waited inside a frame are unread too."""
    unhandled = [signal for frame in turn.state.frames.values() for signal in frame.unhandled()]
    turn.state.signals = sorted([*turn.state.signals, *unhandled], key=lambda signal: signal.at)
    error = new_error("Terminated", event.reason or "the run was terminated")
    turn.close("terminate", error=error)


_RULES: Final[Mapping[type[Event], Callable[[Turn, Any], None]]] = {
    SignalReceived: _receive,
    UpdateReceived: _update,
    EventReceived: _publish,
    TimerFired: _fire,
    ChildEnded: _end_child,
    PauseRequested: _pause,
    ResumeRequested: _go_on,
    CancelRequested: _cancel,
    TerminateRequested: _terminate,
    RunStarted: _refuse,
    Migrated: _refuse,
    Reopened: _refuse,
}
"""What the events do that are not for one frame alone."""
