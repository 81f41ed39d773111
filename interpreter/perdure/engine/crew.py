"""The tasks in which attempts are made: one task makes one attempt after another, as long as none of them waits.

A task is the dearest part of a short call. An attempt that waits keeps the task for itself, so that timeouts and
cancellations are its own, and the rest are given a task each: they may wait too, and are to begin at the same time.
Every attempt has context variables of its own.
Knows nothing of activities; `Attempts` says what is to be done and what a place means.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from types import coroutine
from typing import Any, Final, Generic, Protocol, TypeVar

log = logging.getLogger("perdure.engine")

AT_A_TIME: Final = 500
"""Attempts after which a task lets others have the event loop."""


class Work(Protocol):
    """Something to be done; `over` once it is not to begin any more, `task` while it is under way."""

    task: asyncio.Task[None] | None
    over: bool


Item = TypeVar("Item", bound=Work)


class Crew(Generic[Item]):
    """Does what it is given, in that order: `work` is called once for each, `left` once it is through, or was over
    before it began."""

    def __init__(self, work: Callable[[Item], Coroutine[Any, Any, None]], left: Callable[[Item], None]) -> None:
        self._work = work
        self._left = left
        self._waiting: deque[Item] = deque()
        self._coming: set[asyncio.Task[None]] = set()
        """The tasks that take what waits, and have not found anything that keeps them."""
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, item: Item) -> None:
        """Have this done as soon as the event loop comes to it."""
        self._waiting.append(item)
        if not self._coming:
            self._send()

    async def rest(self, seconds: float) -> bool:
        """Wait until all is done, so many seconds at most; whether it is."""
        now = asyncio.get_running_loop().time
        until = now() + seconds
        while self._tasks:  # one task may hand the rest over to another
            await asyncio.wait(self._tasks, timeout=max(until - now(), 0))
            if now() >= until:
                break
        return not self._tasks

    def _send(self) -> None:
        task = asyncio.get_running_loop().create_task(self._serve())
        self._coming.add(task)
        self._tasks.add(task)
        task.add_done_callback(self._gone)

    def _gone(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._coming.discard(task)
        if self._waiting and not self._coming:
            self._send()
        if not task.cancelled() and (problem := task.exception()) is not None:
            log.error("a fault in the worker; going on", exc_info=problem)

    def _stay(self, task: asyncio.Task[None]) -> None:
        """A task has found something that keeps it: all else is for others."""
        self._coming.discard(task)
        while len(self._coming) < len(self._waiting):
            self._send()

    async def _serve(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        for _ in range(AT_A_TIME):
            if not self._waiting or task.cancelling():  # one that has cancelled itself is not to harm the next
                return
            item = self._waiting.popleft()
            try:
                if item.over:
                    continue
                item.task = task
                variables, begun = copy_context(), self._work(item)
                try:
                    awaited = variables.run(begun.send, None)
                except StopIteration:
                    continue
                self._stay(task)
                await _rest_of(item, begun, variables, awaited)
                return
            finally:
                self._left(item)


@coroutine
def _rest_of(
    item: Work, begun: Coroutine[Any, Any, None], variables: Context, awaited: Any
) -> Generator[Any, Any, None]:
    """A coroutine from its first wait on, with the context variables it began with."""
    given: Any
    while True:
        try:
            answer = yield awaited
        except BaseException as raised:
            if isinstance(raised, GeneratorExit):
                item.over = True  # the event loop is gone: whatever comes of it, nobody is to hear
            go_on: Callable[[Any], Any] = begun.throw
            given = raised
        else:
            go_on, given = begun.send, answer
        try:
            awaited = variables.run(go_on, given)
        except StopIteration:
            return
