"""What a run is doing, for people: its live steps, from its state."""

from __future__ import annotations

from perdure.core import State
from perdure.core.blocks.select import SelectFrame
from perdure.core.frame import Frame
from perdure.engine.records import iso
from perdure.program import Program
from perdure.values import JSON


def live_parts(program: Program, state: State) -> list[dict[str, JSON]]:
    """Running activities, waits, selects, asks and sleeping retries: {address, kind, status, attempt, since, due}."""
    parts = []
    for frame in state.frames.values():
        part = _part(program, state, frame)
        if part is not None:
            parts.append(part)
    return parts


def _part(program: Program, state: State, frame: Frame) -> dict[str, JSON] | None:
    kind = frame.waits
    decided = isinstance(frame, SelectFrame) and frame.child != 0
    if kind is None or decided or (kind == "retry" and frame.due is None):
        return None
    return {
        "address": program.label(frame.node.step, state.turns(frame)),
        "kind": program.kinds[frame.node.step] if kind == "retry" else kind,
        "status": _status(frame, kind),
        "attempt": getattr(frame, "attempt", 1),
        "since": iso(getattr(frame, "since", None)),
        "due": iso(frame.due),
    }


def _status(frame: Frame, kind: str) -> str:
    if frame.cancelling:
        return "cancelling"
    return {"activity": "running", "retry": "retrying"}.get(kind, "waiting")
