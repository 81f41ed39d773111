"""How a frame ends, as its parent hears of it, and how errors look."""

from __future__ import annotations

from perdure.record import record
from perdure.values import JSON


@record
class Completed:
    value: JSON


@record
class Failed:
    """`error` is {type, message, details, step, attempt, cause}; `final` errors are never retried."""

    error: JSON
    final: bool = False


@record
class Stopped:
    """Unwound without a result: cancelled from outside, or `returning` because the run ends from inside, with `value`
    as its output, or, when `restarting`, as the input of the run that follows."""

    returning: bool = False
    value: JSON = None
    restarting: bool = False


Outcome = Completed | Failed | Stopped


def new_error(type: str, message: str, *, details: JSON = None, cause: JSON = None) -> dict[str, JSON]:
    """An error whose step and attempt are filled in where it arises."""
    return {"type": type, "message": message, "details": details, "step": None, "attempt": None, "cause": cause}


def with_cause(outcome: Outcome, earlier: Outcome | None) -> Outcome:
    """A failure that came up while an earlier one was being dealt with keeps that one as its cause."""
    if isinstance(outcome, Failed) and isinstance(earlier, Failed) and not outcome.error.get("cause"):
        return Failed({**outcome.error, "cause": earlier.error}, outcome.final)
    return outcome
