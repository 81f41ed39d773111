"""What is to happen on a virtual clock, by time; of several things due at once outside events come first, then ends of
activities, then timers, each in the order they were asked for. Knows no run.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Final

OUTSIDE: Final = 0
ENDS: Final = 1
TIMERS: Final = 2

Action = Callable[[], None]


class Agenda:
    """Actions by time and rank; `now` is the time of the last one taken."""

    def __init__(self, now: int) -> None:
        self.now = now
        self._entries: list[tuple[int, int, int, Action]] = []
        self._sequence = 0

    def later(self, at: int, rank: int, action: Action) -> None:
        """Do something at a time; what is late is done next, and the clock stays."""
        self._sequence += 1
        heappush(self._entries, (at, rank, self._sequence, action))

    def take(self) -> Action | None:
        """The next action, the clock set to its time; None when nothing is to happen any more."""
        if not self._entries:
            return None
        at, _, _, action = heappop(self._entries)
        self.now = max(self.now, at)
        return action

    def keep_outside(self) -> None:
        """Forget ends and timers: the process that would have seen them is gone, or the run is."""
        self._entries = [entry for entry in self._entries if entry[1] == OUTSIDE]
        heapify(self._entries)
