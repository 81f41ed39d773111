"""What may begin next: higher priority first, then the older, within limits in all, for each queue and over time.

Bookkeeping only. It is told the time and the items, and knows neither activities nor clocks; `Attempts` asks it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final, Generic, TypeVar

from perdure.activities.rates import Rate

Item = TypeVar("Item", bound=Hashable)

DEFAULT: Final = "default"
"""The queue of steps that name none."""
SLACK: Final = 100
"""Items that wait no longer and may stay in a lane, besides as many as wait."""


class Window:
    """The starts within the last span of a rate."""

    __slots__ = ("_rate", "_starts")

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._starts: deque[int] = deque()

    def free_at(self) -> int:
        """When one more may start; in the past where it may at once."""
        if len(self._starts) < self._rate.starts:
            return 0
        return self._starts[-self._rate.starts] + self._rate.span

    def note(self, now: int) -> None:
        self._starts.append(now)
        while len(self._starts) > self._rate.starts:
            self._starts.popleft()


@dataclass(slots=True)
class Lane(Generic[Item]):
    """What waits for one queue and one rate: all that waits for the same things, so the first stands for the rest."""

    queue: str
    window: Window | None
    heap: list[tuple[int, int, Item]] = field(default_factory=list)
    waiting: int = 0


class Lanes(Generic[Item]):
    """Items that wait, and how many have begun. `queues` gives the limits of those that are served; None serves all."""

    def __init__(self, limit: int, queues: Mapping[str, int] | None = None) -> None:
        self._limit = limit
        self._queues = queues
        self._lanes: dict[tuple[str, str | None], Lane[Item]] = {}
        self._windows: dict[str, Window] = {}
        self.waiting: dict[Item, Lane[Item]] = {}
        """What waits, and where."""
        self._begun: dict[Item, str] = {}
        self._in_queue: Counter[str] = Counter()
        """How many of each queue wait or have begun; counted where queues have limits, as the next."""
        self._begun_in: Counter[str] = Counter()
        self._arrivals = count()

    def serves(self, queue: str | None) -> bool:
        return self._queues is None or (queue or DEFAULT) in self._queues

    def put(
        self, item: Item, queue: str | None, priority: int, rated: str | None = None, rate: Rate | None = None
    ) -> None:
        """Let an item wait; those that share the name `rated` share the rate."""
        queue = queue or DEFAULT
        lane = self._lanes.get((queue, rated))
        if lane is None:
            window = None
            if rated is not None and rate is not None:
                window = self._windows.setdefault(rated, Window(rate))
            lane = self._lanes[queue, rated] = Lane(queue, window)
        heappush(lane.heap, (-priority, next(self._arrivals), item))
        lane.waiting += 1
        self.waiting[item] = lane
        if self._queues is not None:
            self._in_queue[queue] += 1

    def pass_by(self, item: Item, queue: str | None) -> bool:
        """Let an item without a rate begin at once, where nothing waits and there is room; whether it has."""
        queue = queue or DEFAULT
        if self.waiting or len(self._begun) >= self._limit or self._is_full(queue):
            return False
        self._begun[item] = queue
        if self._queues is not None:
            self._in_queue[queue] += 1
            self._begun_in[queue] += 1
        return True

    def take(self, now: int) -> Item | None:
        """The next that may begin, which has begun then; None where none may."""
        if len(self._begun) >= self._limit:
            return None
        best: Lane[Item] | None = None
        for place, lane in tuple(self._lanes.items()):
            self._tidy(place, lane)
            if not lane.heap or self._is_full(lane.queue) or (lane.window is not None and lane.window.free_at() > now):
                continue
            if best is None or lane.heap[0][:2] < best.heap[0][:2]:
                best = lane
        if best is None:
            return None
        _, _, item = heappop(best.heap)
        best.waiting -= 1
        del self.waiting[item]
        self._begun[item] = best.queue
        if self._queues is not None:
            self._begun_in[best.queue] += 1
        if best.window is not None:
            best.window.note(now)
        return item

    def drop(self, item: Item) -> None:
        """An item waits no longer; one that does not wait is left alone."""
        lane = self.waiting.pop(item, None)
        if lane is None:
            return
        lane.waiting -= 1
        if self._queues is not None:
            self._in_queue[lane.queue] -= 1
        if len(lane.heap) > 2 * lane.waiting + SLACK:
            lane.heap = [entry for entry in lane.heap if entry[2] in self.waiting]
            heapify(lane.heap)

    def leave(self, item: Item) -> None:
        """An item that had begun is over: its place is free."""
        queue = self._begun.pop(item, None)
        if queue is not None and self._queues is not None:
            self._begun_in[queue] -= 1
            self._in_queue[queue] -= 1

    def ready_at(self) -> int | None:
        """When time alone lets an item begin; None where none waits for that only."""
        if len(self._begun) >= self._limit:
            return None
        moments = [
            lane.window.free_at()
            for lane in self._lanes.values()
            if lane.waiting and lane.window is not None and not self._is_full(lane.queue)
        ]
        return min(moments, default=None)

    def room(self) -> dict[str, int]:
        """How many more of each queue could begin besides those that wait; `*` stands for all queues."""
        free = max(self._limit - len(self._begun) - len(self.waiting), 0)
        if self._queues is None:
            return {"*": free} if free else {}
        left = {queue: min(limit - self._in_queue[queue], free) for queue, limit in self._queues.items()}
        return {queue: room for queue, room in left.items() if room > 0}

    def _is_full(self, queue: str) -> bool:
        return self._queues is not None and self._begun_in[queue] >= self._queues.get(queue, 0)

    def _tidy(self, place: tuple[str, str | None], lane: Lane[Item]) -> None:
        """Let go of what waits no longer at the front, and of a lane in which nothing waits."""
        while lane.heap and lane.heap[0][2] not in self.waiting:
            heappop(lane.heap)
        if not lane.waiting:
            del self._lanes[place]
