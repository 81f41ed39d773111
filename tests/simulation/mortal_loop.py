"""An event loop with processes in it that can die, hang and have clocks of their own.

Whatever is begun in a process carries it in its context: every task, callback and timer. What a dead one has left is
never run, not even to clean up; what a hanging one has waits until it wakes. Knows no engines.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import Any, Final

from exploring_loop import Choices, ExploringLoop

from perdure.values import SECOND

EPOCH: Final = 1_800_000_000 * SECOND


@dataclass
class Machine:
    """The clock of the machine that all processes run on; it can be set."""

    ahead: int = 0


class Process:
    """One process; as an engine's clock it does not run backwards, as the system's does not."""

    def __init__(self, name: str, machine: Machine) -> None:
        self.name = name
        self.machine = machine
        self.dead = asyncio.Event()
        self.asleep = False
        self.tasks: list[asyncio.Task[Any]] = []
        """Held fast: nobody else holds those of the dead."""
        self._last = 0

    def now(self) -> int:
        time = EPOCH + round(asyncio.get_running_loop().time() * SECOND) + self.machine.ahead
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


def run(story: Coroutine[Any, Any, None], choices: Choices) -> None:
    """Run a coroutine to its end under these choices; raises what it raises."""
    loop = MortalLoop(choices)
    try:
        loop.run_until_complete(story)
        assert not loop.faults, f"faults that nobody heard of: {loop.faults}"
    finally:
        _clear(loop)
        loop.close()


def _clear(loop: MortalLoop) -> None:
    """What the dead have left is given up without a word, as far as Python allows."""
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        with contextlib.suppress(BaseException):
            task.get_coro().close()  # type: ignore[union-attr]
