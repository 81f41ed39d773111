"""What the reference says of errors, and what it leaves to an implementation: that is left out of comparisons."""

from __future__ import annotations

import re
from typing import Any

BUILT_IN = (
    "Timeout", "Cancelled", "ActivityFailed", "UnknownActivity", "InvalidInput", "InvalidOutput", "ExpressionFailed",
    "ChildFailed", "UnknownRun", "RunConflict", "JoinFailed", "LimitExceeded", "CompensationFailed",
    "SecretUnavailable", "WorkerLost", "Terminated", "Stuck",
)  # fmt: skip
"""Their messages are for people, and nobody's to compare; those that authors and activities chose are kept as said."""
FREE = ("InvalidOutput", "InvalidInput", "LimitExceeded")
"""Errors whose details are not documented."""
FIELDS = {"type", "message", "details", "step", "attempt", "cause"}


def documented(value: Any) -> Any:
    """A value with nothing but what is documented in the errors inside it."""
    if isinstance(value, list):
        return [documented(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: documented(item) for name, item in value.items()}
    if set(value) != FIELDS:
        return found
    if value["type"] in BUILT_IN:
        found["message"] = None
    if value["type"] in FREE:
        found["details"] = None
    if value["type"] == "ChildFailed":
        found["details"] = {**found["details"], "run": re.sub(r"\d+$", "", found["details"]["run"])}
    return found
