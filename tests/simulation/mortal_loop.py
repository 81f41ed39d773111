"""Event loops with processes in them that can die, hang and have clocks of their own.

Whatever is begun in a process carries it in its context: every task, callback and timer. What a dead one has left is
never run, not even to clean up; what a hanging one has waits until it wakes. Knows no engines.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import BaseEventLoop
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from heapq import heappop
from typing import Any, Final

from exploring_loop import LONGEST, MOST_STEPS, Choices, ExploringLoop, Stalled

from perdure.values import SECOND

EPOCH: Final = 1_800_000_000 * SECOND


@dataclass
class Machine:
    """The clock of the machine that all processes run on; it can be set."""

    ahead: int = 0


class Process:
    """One process; as an engine's clock it does not run backwards, as the system's does not."""

    def __init__(self, name: str, machine: Machine, stage: Any) -> None:
        self.name = name
        self.stage = stage
        self.machine = machine
        self.dead = asyncio.Event()
        self.asleep = False
        self.ahead = 0
        """Of the machine's clock: another container's time, say."""
        self.tasks: list[asyncio.Task[Any]] = []
        """Held fast: nobody else holds those of the dead."""
        self._last = 0

    def now(self) -> int:
        time = EPOCH + round(asyncio.get_running_loop().time() * SECOND) + self.machine.ahead + self.ahead
        self._last = max(self._last, time)
        return self._last

    def begin(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task of this process."""
        context = copy_context()
        context.run(CURRENT.set, self)
        task = asyncio.get_running_loop().create_task(coroutine, context=context)
        self.tasks.append(task)
        return task


CURRENT: Final[ContextVar[Process | None]] = ContextVar("process", default=None)


class MortalLoop(ExploringLoop):
    """Runs nothing of those that are dead, and later what those have that are asleep."""

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices)
        self._frozen: list[Any] = []

    def wake(self, process: Process) -> None:
        process.asleep = False
        self._ready.extend(handle for handle in self._frozen if handle._context.get(CURRENT) is process)
        self._frozen = [handle for handle in self._frozen if handle._context.get(CURRENT) is not process]

    def _ring(self) -> None:
        super()._ring()
        for handle in tuple(self._ready):
            process = handle._context.get(CURRENT)
            if process is not None and (process.asleep or process.dead.is_set()):
                self._ready.remove(handle)
                if process.asleep:
                    self._frozen.append(handle)


class StraightLoop(BaseEventLoop):
    """In virtual time too, first come, first served: it is quick. Runs nothing of those that are dead."""

    def __init__(self) -> None:
        super().__init__()
        self.moment = 0.0
        self._steps = 0
        self.faults: list[dict[str, Any]] = []
        self.set_exception_handler(lambda loop, context: self.faults.append(context))

    def time(self) -> float:
        return self.moment

    def _run_once(self) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS // 5:
            raise Stalled(f"not over after {MOST_STEPS // 5:,} callbacks")
        ready, scheduled = self._ready, self._scheduled  # type: ignore[attr-defined]
        while scheduled and (not ready or scheduled[0]._when <= self.moment):
            timer = heappop(scheduled)
            timer._scheduled = False
            if not timer._cancelled and _lives(timer):
                self.moment = max(self.moment, timer._when)
                ready.append(timer)
        if not ready:
            raise Stalled("nothing is ready, and nothing ever will be")
        if self.moment > LONGEST / 10:
            raise Stalled(f"not over after {LONGEST / 10:g} virtual seconds")
        handle = ready.popleft()
        if not handle._cancelled and _lives(handle):
            handle._run()

    def _timer_handle_cancelled(self, handle: Any) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def _process_events(self, event_list: object) -> None:
        pass


def _lives(handle: Any) -> bool:
    process = handle._context.get(CURRENT)
    return process is None or not process.dead.is_set()


def run(story: Coroutine[Any, Any, None], loop: MortalLoop | StraightLoop) -> None:
    """Run a coroutine to its end on this loop; raises what it raises."""
    try:
        loop.run_until_complete(story)
        assert not loop.faults, f"faults that nobody heard of: {loop.faults}"
    finally:
        _clear(loop)
        loop.close()


def _clear(loop: MortalLoop | StraightLoop) -> None:
    """What the dead have left is given up without a word, as far as Python allows."""
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        with contextlib.suppress(BaseException):
            task.get_coro().close()  # type: ignore[union-attr]
