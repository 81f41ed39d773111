"""Tasks on a virtual clock, as small as they can be: coroutines that wait for futures, and timers.

A task that is told to stop hears of it where it waits, and decides itself when it has stopped. Knows no workflows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Generator
from heapq import heappop, heappush
from typing import Any

FIRST, LOST, OUTSIDE, ENDS, TIMERS = range(5)
"""Of several things due at one moment messages come first, then ends of activities, then timers. Before all come the
rest of what is happening, and what a crash has done."""

MOST_STEPS = 10_000


class Stopped(Exception):
    """Raised in a task that was told to stop, where it waited."""


class Endless(Exception):
    """Raised when too much has happened: a run that sends itself signals may never end."""


class Future:
    """Something that comes once: a value or an error; what comes later is ignored."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.done = False
        self.value: Any = None
        self.error: Exception | None = None
        self.waiter: Task | None = None

    def set(self, value: Any = None) -> None:
        self._settle(value, None)

    def fail(self, error: Exception) -> None:
        self._settle(None, error)

    def _settle(self, value: Any, error: Exception | None) -> None:
        if not self.done:
            self.done, self.value, self.error = True, value, error
            if self.waiter is not None:
                self.clock.ready.append(self.waiter)

    def __await__(self) -> Generator[Future, None, Any]:
        if not self.done:
            yield self
        if self.error is not None:
            raise self.error
        return self.value


class Task:
    """One coroutine; `ended` gives its result. `stopping` says that it was told to stop; `beside` are tasks that are
    told together with it."""

    def __init__(self, clock: Clock, coroutine: Coroutine[Future, None, Any]) -> None:
        self.clock = clock
        self.coroutine = coroutine
        self.ended = Future(clock)
        self.stopping = False
        self.interrupt: Callable[[], None] | None = None
        self.beside: list[Task] = []

    def stop(self) -> None:
        """Tell the task to stop; the second time nothing happens."""
        if self.stopping or self.ended.done:
            return
        self.stopping = True
        if self.interrupt is not None:
            self.interrupt()
        for task in self.beside:
            task.stop()

    def go_on(self) -> None:
        self.clock.current = self
        try:
            future = self.coroutine.send(None)
        except StopIteration as end:
            self.ended.set(end.value)
        except Exception as error:
            self.ended.fail(error)
        else:
            future.waiter = self


class Clock:
    """Runs what is ready, then jumps to the next moment at which something is due."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.ready: deque[Task] = deque()
        self.current: Task | None = None
        self._due: list[tuple[int, int, int, int, Callable[[], None]]] = []
        self._sent: set[int] = set()
        self._count = 0

    def at(self, moment: int, rank: int, action: Callable[[], None], *, sent: bool = False) -> None:
        """Do something at a moment; what is `sent` comes from others, as messages do, and is none."""
        self._count += 1
        if sent:
            self._sent.add(self._count)
        heappush(self._due, (max(moment, self.now), rank, moment, self._count, action))

    def skip(self, span: int) -> None:
        """For a while nobody is there to see what happens: it is seen afterwards, what came from others first."""
        before, self._due = self._due, []
        self.now += span
        for moment, rank, due, count, action in before:
            late = OUTSIDE if moment < self.now and count in self._sent else rank
            heappush(self._due, (max(moment, self.now), late, due, count, action))

    def begin(self, coroutine: Coroutine[Future, None, Any]) -> Task:
        task = Task(self, coroutine)
        self.ready.append(task)
        return task

    async def wait(self, future: Future, interrupt: Callable[[], None] | None = None) -> Any:
        """Wait for the future; when told to stop, `interrupt`, or else give up with Stopped."""
        task = self.current
        assert task is not None
        task.interrupt = interrupt or (lambda: future.fail(Stopped()))
        if task.stopping and not future.done:
            task.interrupt()
        try:
            return await future
        finally:
            task.interrupt = None

    async def join(self, task: Task) -> Any:
        """Wait for a task; being told to stop is handed on to it."""
        return await self.wait(task.ended, task.stop)

    async def shield(self, coroutine: Coroutine[Future, None, Any]) -> Any:
        """Run something to its end, whoever tells this task to stop."""
        return await self.wait(self.begin(coroutine).ended, lambda: None)

    @property
    def stopping(self) -> bool:
        return self.current is not None and self.current.stopping

    def run(self, halted: Callable[[], bool]) -> None:
        """Go on until nothing is due any more, or it is halted. Raises Endless."""
        for _ in range(MOST_STEPS):
            if halted():
                return
            if self.ready:
                self.ready.popleft().go_on()
            elif self._due:
                self.now, _, _, _, action = heappop(self._due)
                self.current = None
                action()
            else:
                return
        for task in self.ready:
            task.coroutine.close()
        raise Endless

    def run_outside(self) -> None:
        """After the end only messages still come."""
        while self._due:
            self.now, rank, _, count, action = heappop(self._due)
            if rank == OUTSIDE and count not in self._sent:
                action()
