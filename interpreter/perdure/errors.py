"""Every exception Perdure raises, split by whose fault it is.

    PerdureError
    ├── DefinitionError        the author: a definition does not hold; carries diagnostics
    ├── ExpressionError        the author or the data: an expression could not be read or evaluated
    ├── InvalidInput           the caller: input, payload or answer does not fit its schema
    │   └── InvalidQuery       a query of runs does not read
    ├── UnknownSchedule        the caller: no schedule has this id
    ├── RunError               one run
    │   ├── UnknownRun
    │   ├── RunConflict
    │   ├── UpdateRejected
    │   └── RunFailed          carries the structured error
    │       ├── RunCancelled
    │       └── RunTerminated
    ├── ActivityError          the world: raised by activities to choose type and retry
    ├── StoreError             the file or the server that keeps the runs
    │   ├── StoreUnavailable
    │   ├── StoreCorrupt
    │   └── Fenced             this worker has been declared dead; internal to the engine
    └── InternalError          our bug

`perdure.activities` adds its own where they arise: DeclarationError, LoadError, ConfigurationError, ActivityFailure.
The docstring of a class is its default message.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, TypeVar

E = TypeVar("E", bound=BaseException)


class PerdureError(Exception):
    """Something went wrong in Perdure."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)

    @property
    def message(self) -> str:
        return str(self.args[0])


class DefinitionError(PerdureError):
    """The definition has problems; `perdure validate` shows each with its place."""

    def __init__(self, diagnostics: Sequence[Any], message: str | None = None) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(message or "\n".join(str(diagnostic) for diagnostic in self.diagnostics) or None)


class ExpressionError(PerdureError):
    """The expression could not be evaluated; check the names and types it uses.

    `offset` is the character in the expression's text, where it is known.
    """

    def __init__(self, message: str | None = None, *, offset: int | None = None, hint: str | None = None) -> None:
        self.offset = offset
        self.hint = hint
        super().__init__(message)


class InvalidInput(PerdureError):
    """The value does not fit its schema; see `problems` for each place."""

    def __init__(self, message: str | None = None, *, problems: Sequence[str] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__(message)


class InvalidQuery(InvalidInput):
    """The query does not read.

    `offset` is the character where, from 0; None where the query is refused as a whole.
    """

    def __init__(self, message: str | None = None, *, offset: int | None = None, hint: str | None = None) -> None:
        self.offset = offset
        self.hint = hint
        super().__init__(message)


class UnknownSchedule(PerdureError):
    """No schedule has this id; `perdure schedules list` shows those that exist."""


class RunError(PerdureError):
    """The run cannot do that."""

    def __init__(self, message: str | None = None, *, run: str | None = None) -> None:
        self.run = run
        super().__init__(message)


class UnknownRun(RunError):
    """No run has this id; `perdure runs list` shows those that exist."""


class RunConflict(RunError):
    """The run's state does not allow this."""


class UpdateRejected(RunError):
    """The run refused the update."""


class RunFailed(RunError):
    """The run failed; `error` says why, `undone` which steps were undone."""

    def __init__(
        self,
        message: str | None = None,
        *,
        run: str | None = None,
        error: dict[str, Any] | None = None,
        undone: Sequence[str] = (),
        not_undone: Sequence[dict[str, Any]] = (),
    ) -> None:
        self.error = error
        self.undone = list(undone)
        self.not_undone = list(not_undone)
        super().__init__(message, run=run)


class RunCancelled(RunFailed):
    """The run was cancelled; what it had done was undone where an undo was declared."""


class RunTerminated(RunFailed):
    """The run was terminated; nothing was undone."""


class ActivityError(PerdureError):
    """Raise this in an activity to choose the error's type and whether it may be retried."""

    def __init__(self, type: str, message: str = "", details: Any = None, retryable: bool = True) -> None:
        self.type = type
        self.details = details
        self.retryable = retryable
        super().__init__(message or type)


class StoreError(PerdureError):
    """The store could not do its work; nothing was half-done."""


class StoreUnavailable(StoreError):
    """The store cannot be reached or opened; check the path or address and its permissions."""


class StoreCorrupt(StoreError):
    """The store's file is damaged or is not a Perdure store; restore it from a backup."""


class Fenced(StoreError):
    """Another worker has declared this one dead and taken over its runs."""


class InternalError(PerdureError):
    """Perdure broke one of its own rules; please report this with the run's history."""


def for_another(error: E) -> E:
    """The same error for one more of those who wait for one thing: an object that all of them raise grows with each."""
    try:
        mine = copy(error)
    except Exception:
        return error  # it cannot be made from what it holds
    mine.__cause__ = error
    return mine
