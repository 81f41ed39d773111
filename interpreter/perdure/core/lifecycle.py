"""The statuses of a run and the only ways from one to another.

Rules of this file
1. The table is the whole truth; the diagram in the documentation is generated from it.
2. A run that has ended never changes its status again.
"""

from __future__ import annotations

from typing import Final

from perdure.errors import InternalError

TRANSITIONS: Final[dict[str, dict[str, str]]] = {
    "scheduled": {
        "begin": "running",
        "pause": "paused",
        "cancel": "cancelled",
        "terminate": "terminated",
        "get stuck": "stuck",
    },
    "running": {
        "complete": "completed",
        "fail": "failed",
        "cancel": "cancelled",
        "terminate": "terminated",
        "get stuck": "stuck",
        "pause": "paused",
        "continue": "continued",
    },
    "paused": {
        "resume": "running",
        "resume early": "scheduled",
        "complete": "completed",
        "fail": "failed",
        "cancel": "cancelled",
        "continue": "continued",
        "terminate": "terminated",
        "get stuck": "stuck",
    },
    "stuck": {"resume": "running", "terminate": "terminated"},
    "completed": {},
    "failed": {},
    "cancelled": {},
    "terminated": {},
    "continued": {},
}

ENDED: Final = frozenset(status for status, ways in TRANSITIONS.items() if not ways)
KEEPING: Final = ("scheduled", "paused")
"""Statuses in which a run takes no messages: they are kept for later."""


def follow(status: str, way: str) -> str:
    """The status that `way` leads to; InternalError where the table has no such way."""
    try:
        return TRANSITIONS[status][way]
    except KeyError:
        raise InternalError(f"a {status} run cannot {way}") from None
