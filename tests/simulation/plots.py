"""All plots, as often as they are to be played."""

from __future__ import annotations

from drawn import Steady, Wild
from holding import Caches, Heartbeats, Locks, Queues, Sagas, Schedules
from plot import Plot
from speaking import Answers, Events, Families, Messages, Restarts

__all__ = [
    "PLOTS", "Answers", "Caches", "Events", "Families", "Heartbeats", "Locks", "Messages", "Plot", "Queues",
    "Restarts", "Sagas", "Schedules", "Steady", "Wild",
]  # fmt: skip

PLOTS = (
    Steady,
    Steady,
    Steady,
    Wild,
    Wild,
    Wild,
    Messages,
    Messages,
    Restarts,
    Sagas,
    Families,
    Locks,
    Queues,
    Schedules,
    Answers,
    Events,
    Caches,
    Heartbeats,
)
