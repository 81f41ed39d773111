"""Events and states as JSON bytes, and back.

An event is `[tag, ...fields]` without its time, which the journal keeps beside it. A state is a mapping with `format`
first; what can be derived is left out. Reading refuses what it does not know: better to stop than to guess.
"""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import Any, Final

from perdure.core import events
from perdure.core.blocks import BLOCKS, Undoing
from perdure.core.events import Event
from perdure.core.frame import Frame
from perdure.core.outcomes import Completed, Failed, Stopped
from perdure.core.state import FORMAT, Scope, Signal, State, Undo
from perdure.errors import InternalError
from perdure.program import Program
from perdure.values import JSON, decode, encode

_EVENTS: Final[dict[str, type[Event]]] = {
    "start": events.RunStarted,
    "attempt": events.AttemptStarted,
    "queued": events.AttemptQueued,
    "lost": events.AttemptLost,
    "done": events.ActivityCompleted,
    "failed": events.ActivityFailed,
    "stopped": events.ActivityCancelled,
    "timer": events.TimerFired,
    "signal": events.SignalReceived,
    "answer": events.AskAnswered,
    "update": events.UpdateReceived,
    "event": events.EventReceived,
    "sent": events.Delivered,
    "unsent": events.Undeliverable,
    "child": events.ChildEnded,
    "slot": events.SlotGranted,
    "no slot": events.SlotRefused,
    "cache": events.CacheRead,
    "pause": events.PauseRequested,
    "resume": events.ResumeRequested,
    "cancel": events.CancelRequested,
    "terminate": events.TerminateRequested,
    "reopen": events.Reopened,
    "migrate": events.Migrated,
}
_TAGS: Final = {kind: tag for tag, kind in _EVENTS.items()}
_EVENT_FIELDS: Final = {kind: tuple(f.name for f in fields(kind) if f.name != "at") for kind in _TAGS}
_read_event: Final = {kind: attrgetter("at", *names) for kind, names in _EVENT_FIELDS.items()}
"""The time and the other fields; at least two everywhere but in events that have none, whose time comes alone."""

_FRAMES: Final[dict[str, type[Frame]]] = {
    **{node.__name__.lower(): block for node, block in BLOCKS.items()},
    "undoing": Undoing,
}
_BLOCK_TAGS: Final = {block: tag for tag, block in _FRAMES.items()}
_FRAME_FIELDS: Final = {
    block: tuple(f.name for f in fields(block) if f.name not in ("id", "node", "parent", "scope"))
    for block in _BLOCK_TAGS
}
ADDRESS: Final = 2
"""Where a frame's address stands in its JSON."""
_STATE_FIELDS: Final = (
    "digest", "run", "input", "seed", "started_at", "now", "status", "counter", "draws", "vars",
    "undone", "not_undone", "recorded", "published", "children", "depth", "generation", "holds", "begins",
    "first_input", "held", "ending", "outcome", "vault",
)  # fmt: skip
_read_state: Final = attrgetter(*_STATE_FIELDS)


def event_to_bytes(event: Event) -> bytes:
    kind = type(event)
    return encode([_TAGS[kind], *(_read_event[kind](event)[1:] if _EVENT_FIELDS[kind] else ())])


def event_from_bytes(at: int, text: bytes) -> Event:
    """Raises InternalError for what this release cannot read."""
    try:
        tag, *values = decode(text)
        return _EVENTS[tag](at, *values)
    except (ValueError, TypeError, KeyError) as problem:
        raise InternalError(f"the journal holds an event that cannot be read: {problem}") from problem


def state_to_bytes(state: State) -> bytes:
    return encode(state_to_json(state))


def state_to_json(state: State) -> dict[str, JSON]:
    """The state as plain values; they are the state's own, so encode them before it moves on."""
    return {
        "format": FORMAT,
        **dict(zip(_STATE_FIELDS, _read_state(state), strict=True)),
        "signals": [[s.signal, s.data, s.at, s.id] for s in state.signals],
        "undos": [[u.order, u.body, u.label, u.turns, u.within, u.captured] for u in state.undos],
        "scopes": [[s.id, s.parent, s.bindings, s.steps, s.marks] for s in state.scopes.values()],
        "frames": [_frame_to_json(frame) for frame in state.frames.values()],
        "waiting": state.waiting,
    }


def state_from_bytes(program: Program, text: bytes) -> State:
    """Raises InternalError where the state is of another format or does not fit the program."""
    try:
        stored = decode(text)
    except ValueError as problem:
        raise InternalError(f"the snapshot cannot be read: {problem!r}") from problem
    return state_from_json(program, stored)


def state_from_json(program: Program, stored: JSON) -> State:
    """Takes the values over. Raises InternalError as `state_from_bytes` does."""
    try:
        if stored["format"] != FORMAT:
            raise InternalError(f"the snapshot has format {stored['format']}; this release reads {FORMAT}")
        state = State(**{name: stored[name] for name in _STATE_FIELDS})
        for scope in stored["scopes"]:
            state.add_scope(Scope(*scope))
        state.signals = [Signal(*signal) for signal in stored["signals"]]
        state.undos = [Undo(*undo) for undo in stored["undos"]]
        state.frames = {frame[1]: _frame_from_json(program, frame) for frame in stored["frames"]}
        state.waiting = stored["waiting"]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as problem:
        raise InternalError(f"the snapshot cannot be read: {problem!r}") from problem
    return state


def _frame_to_json(frame: Frame) -> list[JSON]:
    block = type(frame)
    values = [_to_json(getattr(frame, name)) for name in _FRAME_FIELDS[block]]
    return [_BLOCK_TAGS[block], frame.id, frame.node.address, frame.parent, frame.scope, values]


def _frame_from_json(program: Program, stored: list[Any]) -> Frame:
    tag, id, address, parent, scope, values = stored
    block = _FRAMES[tag]
    frame = block(id, program.nodes[address], parent, scope)
    for name, value in zip(_FRAME_FIELDS[block], values, strict=True):
        setattr(frame, name, _from_json(value))
    if frame.turn is not None:
        frame.turn = (frame.turn[0], frame.turn[1])
    return frame


def _to_json(value: Any) -> JSON:
    match value:
        case Completed(result):
            return {"~": ["completed", result]}
        case Failed(error, final):
            return {"~": ["failed", error, final]}
        case Stopped(returning, output, restarting):
            return {"~": ["stopped", returning, output, restarting]}
        case {"~": _}:
            return {"~": ["plain", value]}
        case _:
            return value


def _from_json(value: JSON) -> Any:
    match value:
        case {"~": ["completed", result]}:
            return Completed(result)
        case {"~": ["failed", error, final]}:
            return Failed(error, final)
        case {"~": ["stopped", returning, output, restarting]}:
            return Stopped(returning, output, restarting)
        case {"~": ["plain", plain]}:
            return plain
        case _:
            return value
