"""What a run is doing, for people: its live steps, from its state."""

from __future__ import annotations

from perdure.core import State
from perdure.core.blocks.lock import LockFrame
from perdure.core.blocks.select import SelectFrame
from perdure.core.frame import Frame
from perdure.core.turn import Turn
from perdure.engine.records import iso
from perdure.errors import ExpressionError
from perdure.program import Program
from perdure.values import JSON, encode


def live_parts(program: Program, state: State) -> list[dict[str, JSON]]:
    """Running activities, waits, also for locks, selects, asks, sleeping retries, and steps held back by a pause, as
    `RunInfo.live` tells them."""
    parts = []
    for frame in state.frames.values():
        part = _part(program, state, frame)
        if part is not None:
            parts.append(part)
    return parts


def _part(program: Program, state: State, frame: Frame) -> dict[str, JSON] | None:
    if frame.id in state.held:
        return None if frame.id == state.root else _held(program, state, frame)
    kind = frame.waits
    decided = isinstance(frame, SelectFrame | LockFrame) and frame.child != 0
    if kind is None or decided or (kind == "retry" and frame.due is None):
        return None
    return {
        "address": program.label(frame.node.step, state.turns(frame)),
        "kind": _kind(program, frame, kind),
        "status": _status(frame, kind),
        "attempt": getattr(frame, "attempt", 1),
        "since": iso(getattr(frame, "since", None)),
        "due": iso(frame.due),
        "summary": _summary(program, state, frame),
    }


def _kind(program: Program, frame: Frame, waits: str) -> str:
    if waits == "retry":
        return program.kinds[frame.node.step]
    return "concurrency" if isinstance(frame, LockFrame) and frame.node.whole else waits


def _held(program: Program, state: State, frame: Frame) -> dict[str, JSON]:
    """A step that will begin once the run is paused no more."""
    return {
        "address": program.label(frame.node.step, state.turns(frame)),
        "kind": program.kinds[frame.node.step],
        "status": "held",
        "attempt": getattr(frame, "attempt", 1),
        "since": None,
        "due": None,
        "summary": _summary(program, state, frame),
    }


def _summary(program: Program, state: State, frame: Frame) -> str | None:
    """The step's own words: its `summary` as it reads now, else its `description`."""
    template = program.summaries.get(frame.node.step)
    if template is None:
        return program.descriptions.get(frame.node.step)
    draws = state.draws
    try:
        value = template.evaluate(state.scopes[frame.scope].names, Turn(program, state, {}))
    except ExpressionError as problem:
        return f"(no summary: {problem})"
    finally:
        state.draws = draws
    return value if isinstance(value, str) else encode(value).decode()


def _status(frame: Frame, kind: str) -> str:
    if frame.cancelling:
        return "cancelling"
    return {"activity": "running", "retry": "retrying"}.get(kind, "waiting")
