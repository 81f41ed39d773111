"""The embedded engine: hosts the machine on a store, in this process."""

from perdure.engine.engine import Engine, open  # noqa: A004
from perdure.engine.records import Ask, LockInfo, NextTime, RunInfo, ScheduleChange, ScheduleInfo
from perdure.engine.run import Run
from perdure.engine.schedules import Schedules

__all__ = [
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
]
