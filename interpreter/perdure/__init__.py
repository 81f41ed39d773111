"""Durable workflows written as YAML: checked, tested and run on one SQLite file.

    @perdure.activity("payments.charge")
    async def charge(card: str, amount: float) -> dict: ...

    async with perdure.open("sqlite:///runs.db", activities=["shop.activities"]) as engine:
        run = await engine.start("definitions/book-trip.yaml", input={...}, id="trip-1")
        output = await run.result()

Names are imported on first use, so that what does not run workflows starts fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perdure.activities import Context, activity, context
    from perdure.definition import Definition, Diagnostic, load
    from perdure.engine import (
        Ask,
        Engine,
        LockInfo,
        NextTime,
        Run,
        RunInfo,
        ScheduleChange,
        ScheduleInfo,
        Schedules,
        open,  # noqa: A004
    )
    from perdure.errors import (
        ActivityError,
        DefinitionError,
        InvalidInput,
        PerdureError,
        RunCancelled,
        RunConflict,
        RunFailed,
        RunTerminated,
        StoreError,
        UnknownRun,
        UnknownSchedule,
        UpdateRejected,
    )

__version__ = "0.1.0"

_PLACES = {
    "perdure.activities": ("Context", "activity", "context"),
    "perdure.definition": ("Definition", "Diagnostic", "load"),
    "perdure.engine": (
        "Ask",
        "Engine",
        "LockInfo",
        "NextTime",
        "Run",
        "RunInfo",
        "ScheduleChange",
        "ScheduleInfo",
        "Schedules",
        "open",
    ),
    "perdure.errors": (
        "ActivityError",
        "DefinitionError",
        "InvalidInput",
        "PerdureError",
        "RunCancelled",
        "RunConflict",
        "RunFailed",
        "RunTerminated",
        "StoreError",
        "UnknownRun",
        "UnknownSchedule",
        "UpdateRejected",
    ),
}
_HOMES = {name: place for place, names in _PLACES.items() for name in names}

__all__ = [
    "ActivityError",
    "Ask",
    "Context",
    "Definition",
    "DefinitionError",
    "Diagnostic",
    "Engine",
    "InvalidInput",
    "LockInfo",
    "NextTime",
    "PerdureError",
    "Run",
    "RunCancelled",
    "RunConflict",
    "RunFailed",
    "RunInfo",
    "RunTerminated",
    "ScheduleChange",
    "ScheduleInfo",
    "Schedules",
    "StoreError",
    "UnknownRun",
    "UnknownSchedule",
    "UpdateRejected",
    "activity",
    "context",
    "load",
    "open",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'perdure' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
