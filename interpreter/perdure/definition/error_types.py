"""The types of errors that the engine raises itself (docs/reference/language.md, "Errors").

All others are chosen by activities and by `fail`. Knows no document.
"""

from __future__ import annotations

from typing import Final

CATCHABLE: Final = {
    "ActivityFailed": "an activity that chose no type of its own failed",
    "Timeout": "a timeout is over",
    "Cancelled": "a worker has cancelled an activity",
    "ChildFailed": "a child failed, was cancelled or could not be started",
    "ExpressionFailed": "an expression cannot be evaluated",
    "InvalidInput": "arguments, or the input of a child, do not fit",
    "InvalidOutput": "a result is not what is declared",
    "JoinFailed": "a join can no longer be met",
    "LimitExceeded": "a loop or a lock went beyond its limit",
    "RunConflict": "another run has the id, or has ended",
    "SecretUnavailable": "a secret is not set in the worker",
    "UnknownActivity": "there is no such activity",
    "UnknownRun": "there is no such run",
    "WorkerLost": "the worker died and no attempt is left",
}
"""Those a step can fail with, and when."""

UNCATCHABLE: Final = {
    "CompensationFailed": "it stands in the run's `not_undone` only",
    "Terminated": "nothing runs any more then",
    "Stuck": "the run stands still until somebody resumes it",
}
"""Those no step fails with, and why no catch hears of them."""

BY_ENGINE: Final = frozenset({*CATCHABLE, *UNCATCHABLE})
