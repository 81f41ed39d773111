"""Due times of the runs in memory, and of those that sleep in the store: one timer of the event loop for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final

from perdure.engine.clock import Clock
from perdure.engine.live import LiveRun
from perdure.values import SECOND

LONGEST_SLEEP: Final = 3600.0
"""Seconds after which the clock is looked at again, should it have been set."""
SLACK: Final = 100
"""Cleared timers that may stay in the heap, besides as many as are set: each keeps its run in memory."""


class Timers:
    """Calls `ring` when something is due; what it is, `due` tells."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._heap: list[tuple[int, int, LiveRun, int]] = []
        self._order = count()
        self._live = 0
        """Timers that are set; the heap also holds those that were cleared, up to a point."""
        self._stored: int | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._armed: int | None = None

    def set(self, run: LiveRun, frame: int, due: int) -> None:
        """Replaces the frame's earlier timer."""
        self._live += frame not in run.timers
        run.timers[frame] = due
        heappush(self._heap, (due, next(self._order), run, frame))
        if len(self._heap) > 2 * self._live + SLACK:
            self._heap = [entry for entry in self._heap if entry[2].timers.get(entry[3]) == entry[0]]
            heapify(self._heap)
        self._arm()

    def clear(self, run: LiveRun, frame: int) -> None:
        self._live -= run.timers.pop(frame, None) is not None

    def drop(self, run: LiveRun) -> None:
        self._live -= len(run.timers)
        run.timers.clear()

    def wake_at(self, moment: int | None) -> None:
        """When a sleeping run is due; the earliest counts."""
        if moment is not None and (self._stored is None or moment < self._stored):
            self._stored = moment
            self._arm()

    def due(self) -> list[tuple[LiveRun, int, int]]:
        """(run, frame, due) of all timers that are due, each once, earliest first."""
        now, found = self._clock.now(), []
        while self._heap and self._heap[0][0] <= now:
            due, _, run, frame = heappop(self._heap)
            if run.timers.get(frame) == due:
                self.clear(run, frame)
                found.append((run, frame, due))
        return found

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def _arm(self) -> None:
        moments = [moment for moment in (self._heap[0][0] if self._heap else None, self._stored) if moment is not None]
        if not moments:
            return
        earliest = min(moments)
        if self._handle is not None and not self._handle.cancelled() and self._armed is not None:
            if self._armed <= earliest and self._handle.when() > asyncio.get_running_loop().time():
                return
            self._handle.cancel()
        self._armed = earliest
        span = min(max((earliest - self._clock.now()) / SECOND, 0.0), LONGEST_SLEEP)
        self._handle = asyncio.get_running_loop().call_later(span, self._fire)

    def _fire(self) -> None:
        self._armed = None
        self._stored = None
        self._ring()
