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
    """Actions by time and rank; `now` is the time of the last one taken. What is late is done next, in the order of
    what it is and when it was due, and the clock stays."""

    def __init__(self, now: int) -> None:
        self.now = now
        self._entries: list[tuple[int, int, int, int, Action]] = []
        self._lasting: set[int] = set()
        self._sequence = 0

    def later(self, at: int, rank: int, action: Action, *, lasting: bool = False) -> None:
        """Do something at a time; what is `lasting` is another process's doing, and happens while this one is gone."""
        self._sequence += 1
        if lasting:
            self._lasting.add(self._sequence)
        heappush(self._entries, (max(at, self.now), rank, at, self._sequence, action))

    def take(self) -> Action | None:
        """The next action, the clock set to its time; None when nothing is to happen any more."""
        if not self._entries:
            return None
        at, _, _, number, action = heappop(self._entries)
        self._lasting.discard(number)
        self.now = max(self.now, at)
        return action

    def keep_outside(self) -> None:
        """Forget ends and timers: the run that would have heard of them is gone."""
        self._entries = [entry for entry in self._entries if entry[1] == OUTSIDE and entry[3] not in self._lasting]
        self._lasting.clear()
        heapify(self._entries)

    def take_over(self, down: int) -> None:
        """The process is gone, and another comes `down` later. What the first had before it is forgotten; what others
        have done meanwhile waits for the second as messages do, in the order in which it happened."""
        kept = [entry for entry in self._entries if entry[1] == OUTSIDE or entry[3] in self._lasting]
        self.now += down
        self._entries = [
            (max(moment, self.now), OUTSIDE if moment < self.now else rank, at, number, action)
            for moment, rank, at, number, action in kept
        ]
        heapify(self._entries)
