"""A pool of threads for activities that are plain functions.

Differs from the standard library's in two ways: a thread that hangs does not keep the process from ending,
and one whose caller has given up no longer takes a place. Knows nothing of activities.
"""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    import asyncio

Result = TypeVar("Result")

IDLE_SECONDS: Final = 10.0
"""A thread without work goes away after this long."""


class Threads:
    """At most `size` jobs at a time, each with a copy of its caller's context variables."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError("a pool needs at least one thread")
        self._size = size
        self._changed = threading.Condition()
        self._queue: deque[_Job] = deque()
        self._idle = 0
        self._alive = 0

    async def run(self, work: Callable[[], Result]) -> Result:
        """What the work returns or raises; it must not raise StopIteration, which no future can hold.

        When the caller is cancelled, work that waits is dropped; work that runs goes on unheard.
        """
        import asyncio

        job = _Job(work)
        with self._changed:
            self._queue.append(job)
            self._serve()
        try:
            result: Result = await job.ended
        except asyncio.CancelledError:
            self._abandon(job)
            raise
        return result

    def _serve(self) -> None:
        if self._idle:
            self._changed.notify()
        # Threads that were notified but have not woken up yet count as idle: compare with all that waits.
        if len(self._queue) > self._idle and self._alive < self._size:
            self._alive += 1
            threading.Thread(target=self._work, name="perdure-activity", daemon=True).start()

    def _abandon(self, job: _Job) -> None:
        with self._changed:
            job.abandoned = True
            if job.running:
                self._alive -= 1
                if self._queue:
                    self._serve()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job.run()
            with self._changed:
                job.running = False
                if job.abandoned:
                    return
            del job  # an idle thread must not keep the last result alive

    def _next(self) -> _Job | None:
        with self._changed:
            while True:
                while self._queue:
                    job = self._queue.popleft()
                    if not job.abandoned:
                        job.running = True
                        return job
                self._idle += 1
                woken = self._changed.wait(IDLE_SECONDS)
                self._idle -= 1
                if not woken and not self._queue:
                    self._alive -= 1
                    return None


class _Job:
    __slots__ = ("_context", "_loop", "_work", "abandoned", "ended", "running")

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._context = contextvars.copy_context()
        import asyncio

        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[Any] = self._loop.create_future()
        self.running = False
        self.abandoned = False

    def run(self) -> None:
        result, raised = None, None
        try:
            result = self._context.run(self._work)
        except BaseException as exception:
            raised = exception
        try:
            self._loop.call_soon_threadsafe(self._settle, result, raised)
        except RuntimeError:  # the loop is closed: nobody waits
            return

    def _settle(self, result: Any, raised: BaseException | None) -> None:
        if self.ended.done():
            return
        if raised is None:
            self.ended.set_result(result)
        else:
            self.ended.set_exception(raised)
