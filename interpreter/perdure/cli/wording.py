"""The words of a run's progress: lines for what has happened, steps as they stand, what a waiting step waits for.

Reads frames of the machine and changes none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from perdure.core.events import (
    CancelRequested,
    Event,
    EventReceived,
    PauseRequested,
    Reopened,
    ResumeRequested,
    SignalReceived,
    TerminateRequested,
    UpdateReceived,
)
from perdure.values import JSON, SECOND


@dataclass(frozen=True, slots=True)
class Line:
    """Something that has happened, in words: which step, what, and more about it."""

    step: str
    word: str
    note: str = ""


@dataclass(slots=True)
class Step:
    """One step at one place of the run. `status` is running, waiting, retrying, cancelling, paused (not begun, since
    the run is), completed, failed, cancelled, undone, `not undone`, or ended: a block that is over, whichever way."""

    place: str
    label: str
    kind: str
    status: str = "running"
    attempt: int = 1
    since: int = 0
    due: int | None = None
    note: str = ""
    undoing: bool = False
    frames: int = 0


def has_chosen(frame: Any) -> bool:
    """Whether a select has left its waiting and runs an arm, or a lock has what it waited for."""
    return bool(frame.waits in ("select", "lock") and frame.child)


def awaited(frame: Any) -> str:
    """What a waiting frame waits for, in words."""
    if frame.waits == "ask":
        return f"an answer: {_text(frame.body.get('prompt'))}"
    if frame.waits == "lock":
        return str(frame.key).replace(":", " ", 1) if not frame.node.whole else "other runs to end"
    if frame.waits == "receive":
        if frame.closing is not None:
            return "what still handles its messages"
        return " or ".join(f"{'update' if one.update else 'signal'} {one.name}" for one in frame.node.handlers)
    told = [f"signal {signal}" for signal in dict.fromkeys(frame.signals.values())]
    told += [f"event {event}" for event in dict.fromkeys(frame.events.values())]
    if frame.dues:
        told.append("a timer")
    together = " and " if getattr(frame.node, "gather", "any") == "all" else " or "
    return together.join(told)


def timed_end(frame: Any, now: int) -> str:
    """How a wait will end if its timer ends it now: by what it waited for, by its default, or by running out of
    patience. To be asked before the frame hears of the timer."""
    dues = getattr(frame, "dues", {})
    latest = now if frame.deadline is None else min(now, frame.deadline)
    fired = [name for name, due in dues.items() if due <= latest]
    if getattr(frame.node, "gather", "any") == "all":
        met = len(fired) == len(dues) and not frame.signals and not frame.events
    else:
        met = bool(fired)
    return "completed" if met or frame.node.patience.default is not None else "failed"


def of_the_run(event: Event, status: str) -> Line | None:
    """The words for an event that is about the whole run, whose status was this before; None for one that is not."""
    match event:
        case CancelRequested(reason=reason):
            return Line("run", "cancelling", reason or "")
        case TerminateRequested(reason=reason):
            return Line("run", "terminated", reason or "")
        case PauseRequested(note=note) if status == "running":
            return Line("run", "paused", note or "")
        case ResumeRequested() if status == "paused":
            return Line("run", "resumed")
        case Reopened():
            return Line("run", "going on from here")
        case SignalReceived(signal=name):
            return Line("run", "signal received", name)
        case UpdateReceived(update=name):
            return Line("run", "update received", name)
        case EventReceived(event=name):
            return Line("run", "event received", name)
    return None


def told_error(error: JSON) -> str:
    return f"{error.get('type')}: {error.get('message')}"


def failed_undo(entry: JSON) -> tuple[str, str]:
    return entry["step"], str(entry["error"].get("message"))


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else str(value)


def rounded(span: int) -> int:
    """A span of time to a tenth of a second, below one second to the millisecond."""
    return round(span, -5 if span >= SECOND else -3)
