"""A scheduler for race tests: an event loop in virtual time that takes the ready tasks in an order it is told.

The order comes from a seed, or from the list of places where it differs from first come, first served; so a failure is
run again, and boiled down to the few places that matter. Threads are not scheduled here: only the memory store fits.
Knows nothing of engines; those come in `races`.
"""

from __future__ import annotations

import asyncio
import random
from asyncio import BaseEventLoop, Handle, Task
from collections.abc import Mapping
from heapq import heappop
from typing import Any, Final

LONGEST: Final = 3600.0
"""Virtual seconds after which a loop that still has something to do is taken to go on for ever."""


MOST_STEPS: Final = 500_000
"""Callbacks after which it is, too."""


class Stalled(AssertionError):
    """Nothing is ready and no timer is set, or the loop goes on for ever: what is waited for never comes."""


class Choices:
    """Answers which of so many things comes next, and notes where it did not say the first.

    With a seed by chance: every other seed gives each task a rank that seldom changes, which finds what needs one task
    to be slow throughout. With `deviations` (number of the question → answer) as they say.
    """

    def __init__(self, seed: int = 0, deviations: Mapping[int, int] | None = None) -> None:
        self.random = random.Random(seed)
        self._told = deviations
        self._ranked = seed % 2 == 1
        self._ranks: dict[object, float] = {}
        self.asked = 0
        self.deviations: dict[int, int] = {}
        self.widths: list[int] = []
        """How many answers each question had."""

    def pick(self, candidates: list[Any]) -> Any:
        """One of the things that could come next."""
        if self._ranked and self._told is None and len(candidates) > 1:
            if self.random.random() < 0.03:
                self._ranks[candidates[self.choose(len(candidates))]] = self.random.random()
            best = max(range(len(candidates)), key=lambda index: self._rank(candidates[index]))
            return candidates[self._answer(len(candidates), best)]
        return candidates[self.choose(len(candidates))]

    def choose(self, count: int) -> int:
        """A number below `count`; 0 is what happens where nothing special does."""
        return self._answer(count, self.random.randrange(count))

    def _answer(self, count: int, chance: int) -> int:
        if count < 2:
            return 0
        answer = chance if self._told is None else self._told.get(self.asked, 0) % count
        if answer:
            self.deviations[self.asked] = answer
        self.widths.append(count)
        self.asked += 1
        return answer

    def _rank(self, candidate: object) -> float:
        if candidate not in self._ranks:
            self._ranks[candidate] = self.random.random()
        return self._ranks[candidate]


class ExploringLoop(BaseEventLoop):
    """Runs one callback at a time: any ready task may be next, other callbacks keep their order, as asyncio promises.
    Time stands still while anything is ready, then leaps to the next timer."""

    def __init__(self, choices: Choices) -> None:
        super().__init__()
        self.choices = choices
        self._moment = 0.0
        self._steps = 0
        self.faults: list[dict[str, Any]] = []
        """What nobody awaited and went wrong."""
        self.set_exception_handler(lambda loop, context: self.faults.append(context))

    def time(self) -> float:
        return self._moment

    def _run_once(self) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise Stalled(f"not over after {MOST_STEPS:,} callbacks")
        self._ring()
        while not self._ready:  # type: ignore[has-type]
            self._leap()
            self._ring()
        candidates: list[Handle] = []
        plain = False
        for handle in self._ready:
            is_task = isinstance(getattr(handle._callback, "__self__", None), Task)
            if is_task or not plain:
                candidates.append(handle)
            plain = plain or not is_task
        tasks = [_actor(handle) for handle in candidates]
        chosen = candidates[tasks.index(self.choices.pick(tasks))]
        self._ready.remove(chosen)
        if not chosen._cancelled:
            chosen._run()

    def _ring(self) -> None:
        """What is due by now becomes ready."""
        while self._scheduled and (self._scheduled[0]._cancelled or self._scheduled[0]._when <= self._moment):
            timer = heappop(self._scheduled)
            timer._scheduled = False
            if not timer._cancelled:
                self._ready.append(timer)

    def _leap(self) -> None:
        if not self._scheduled:
            raise Stalled("nothing is ready, and nothing ever will be")
        self._moment = self._scheduled[0]._when
        if self._moment > LONGEST:
            raise Stalled(f"not over after {LONGEST:g} virtual seconds")

    def _timer_handle_cancelled(self, handle: Handle) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def _process_events(self, event_list: object) -> None:
        pass


def _actor(handle: Handle) -> object:
    """Who acts: the task, or the callback itself."""
    owner = getattr(handle._callback, "__self__", None)
    return owner if isinstance(owner, Task) else handle


def run(scenario: Any, choices: Choices) -> None:
    """Run a coroutine function of no arguments to its end under these choices; raises what it raises."""
    loop = ExploringLoop(choices)
    try:
        loop.run_until_complete(scenario())
        left = [task for task in asyncio.all_tasks(loop) if not task.done()]
        assert not left, f"tasks are left behind: {left}"
        assert not loop.faults, f"faults that nobody heard of: {loop.faults}"
    finally:
        _abandon(loop)
        loop.close()


def _abandon(loop: ExploringLoop) -> None:
    """After a failure: end what still runs, so that nothing is complained of later."""
    for _ in range(20):
        tasks = [task for task in asyncio.all_tasks(loop) if not task.done()]
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        try:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        except BaseException:
            continue
