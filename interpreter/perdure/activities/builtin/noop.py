"""`noop`: does nothing, for sketches and measurements."""

from __future__ import annotations

from perdure.activities.declaration import activity
from perdure.values import JSON


@activity("noop", summary="Do nothing and return the value given.")
async def noop(value: JSON = None) -> JSON:
    """Do nothing and return the value given."""
    return value
