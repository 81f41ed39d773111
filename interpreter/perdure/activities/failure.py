"""How an attempt fails: every way becomes one structured error, with the word whether a retry may help.

An error is `{type, message, details, cause}` of JSON (design: language, "Errors"); texts are cut, and nothing
an exception does while it is being described can make the description fail.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, Final

from perdure.activities.jsonable import as_json_or_text, clipped, shown
from perdure.errors import ActivityError, PerdureError
from perdure.values import JSON

LONGEST_MESSAGE: Final = 4096
"""Characters of an exception's text that are kept."""

LONGEST_TYPE: Final = 200
LARGEST_DETAILS: Final = 1 << 16
"""Bytes of JSON that the details of an error may take; longer ones are kept as the start of their text."""


class ActivityFailure(PerdureError):
    """An attempt failed; `error` is what the run sees, `retryable` whether another attempt may help.

    `__cause__` is the exception the activity raised, if it raised one, with its traceback.
    """

    def __init__(self, error: dict[str, Any], retryable: bool) -> None:
        self.error = error
        self.retryable = retryable
        super().__init__(f"{error['type']}: {error['message']}")


def unknown(name: str, known: Iterable[str]) -> ActivityFailure:
    """There is no activity of this name."""
    near = difflib.get_close_matches(str(name), list(known), n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return _failure("UnknownActivity", f"no activity is called {name}{hint}", retryable=False)


def invalid_input(name: str, problems: Sequence[str]) -> ActivityFailure:
    """The arguments do not fit the activity's parameters."""
    kept = [clipped(problem, LONGEST_MESSAGE) for problem in problems[:100]]
    return _failure("InvalidInput", f"the arguments of {name} do not fit: {'; '.join(kept)}", details=kept)


def invalid_output(name: str, problem: str) -> ActivityFailure:
    """The result is not what the activity declares, not JSON, or too large."""
    return _failure("InvalidOutput", f"the result of {name} does not fit: {problem}")


def unusable(problem: PerdureError) -> ActivityFailure:
    """The activity is declared in a way that cannot be called."""
    return _failure("ActivityFailed", str(problem), cause=_cause(problem))


def failure_of(raised: BaseException) -> ActivityFailure:
    """What an exception that left an activity says to the run."""
    if isinstance(raised, ActivityFailure):
        return raised
    if isinstance(raised, ActivityError):
        behind = raised.__cause__
        return _failure(
            clipped(shown(raised.type), LONGEST_TYPE) or "ActivityFailed",
            shown(raised),
            details=as_json_or_text(raised.details, LARGEST_DETAILS),
            cause=None if behind is None else _cause(behind),
            retryable=bool(raised.retryable),
        )
    cause = _cause(raised)
    return _failure("ActivityFailed", cause["message"] or cause["type"], cause=cause, retryable=True)


def _cause(raised: BaseException) -> dict[str, str]:
    kind = type(raised)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return {"type": clipped(name, LONGEST_TYPE), "message": clipped(shown(raised), LONGEST_MESSAGE)}


def _failure(
    kind: str,
    message: str,
    *,
    details: JSON = None,
    cause: dict[str, str] | None = None,
    retryable: bool = False,
) -> ActivityFailure:
    error = {"type": kind, "message": clipped(message, LONGEST_MESSAGE), "details": details, "cause": cause}
    return ActivityFailure(error, retryable)
