"""The words of a run's progress: lines for what has happened, steps as they stand, what a waiting step waits for.

Reads frames of the machine and changes none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from perdure.values import JSON, SECOND


@dataclass(frozen=True, slots=True)
class Line:
    """Something that has happened, in words: which step, what, and more about it."""

    step: str
    word: str
    note: str = ""


@dataclass(slots=True)
class Step:
    """One step at one place of the run. `status` is running, waiting, retrying, completed, failed, cancelled, undone,
    `not undone`, or ended: a block that is over, whichever way."""

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
    """Whether a select has left its waiting and runs an arm."""
    return bool(frame.waits == "select" and frame.child)


def awaited(frame: Any) -> str:
    """What a waiting frame waits for, in words."""
    if frame.waits == "ask":
        return f"an answer: {_text(frame.body.get('prompt'))}"
    told = [f"signal {signal}" for signal in dict.fromkeys(frame.signals.values())]
    if frame.dues:
        told.append("a timer")
    together = " and " if getattr(frame.node, "gather", "any") == "all" else " or "
    return together.join(told)


def timed_end(frame: Any) -> str:
    """How a wait ended whose timer fired: by its own timer or its default, or by running out of patience."""
    deadline, default = frame.deadline, frame.node.patience.default
    given_up = deadline is not None and not any(due <= deadline for due in frame.dues.values())
    return "failed" if given_up and default is None else "completed"


def failed_undo(entry: JSON) -> tuple[str, str]:
    return entry["step"], str(entry["error"].get("message"))


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else str(value)


def rounded(span: int) -> int:
    """A span of time to a tenth of a second, below one second to the millisecond."""
    return round(span, -5 if span >= SECOND else -3)
