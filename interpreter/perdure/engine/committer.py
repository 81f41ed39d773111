"""Group commit: what all runs of a process decide is gathered and written in one transaction after another.

While a batch is being written the next one forms. Commands are carried out only after the batch that decided them is
durable. A batch that cannot be written (disk full, file locked away) is tried again until it can be, or the engine
closes: nothing that happened is forgotten meanwhile, and nothing is carried out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final

from perdure.errors import StoreError
from perdure.stores.store import Commit, SequenceTaken, Store

log = logging.getLogger("perdure.engine")

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 5.0
TURNS: Final = 2
"""Turns of the event loop from one batch to the next: what the first has set going, and what began beside it, joins
the second. Else runs part into two groups for good, whose batches cost the same and are half as large."""

Cut = Callable[[], Sequence[Commit]]
"""Asked when a batch is cut: the commits that belong into it."""
Settled = Callable[[Sequence[Commit], Sequence[int | StoreError]], None]
"""Told when a batch is durable, with the store's answer to each commit."""


class Committer:
    """Cuts batches one after another as long as somebody asks for it."""

    def __init__(self, store: Store, cut: Cut, settled: Settled) -> None:
        self._store = store
        self._cut = cut
        self._settled = settled
        self._task: asyncio.Task[None] | None = None
        self._wanted = False
        self._given_up = asyncio.Event()
        self.failing: StoreError | None = None

    def request(self) -> None:
        """See that a batch is cut soon."""
        self._wanted = True
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._write())

    async def drained(self) -> None:
        """Wait until nothing is left to write, or writing has been given up."""
        while self._task is not None:
            await asyncio.shield(self._task)

    def give_up(self) -> None:
        """Try failing batches no more."""
        self._given_up.set()

    async def _write(self) -> None:
        try:
            while self._wanted:
                self._wanted = False
                batch = self._cut()
                if batch:
                    answers = await self._until_written(batch)
                    if answers is None:
                        return
                    self._settled(batch, answers)
                    for _ in range(TURNS):
                        await asyncio.sleep(0)
        finally:
            self._task = None

    async def _until_written(self, batch: Sequence[Commit]) -> Sequence[int | StoreError] | None:
        pause = FIRST_PAUSE
        while True:
            try:
                answers = await self._store.commit(batch)
                if self.failing is not None:
                    answers = [await self._landed(*pair) for pair in zip(batch, answers, strict=True)]
            except StoreError as problem:
                if self._given_up.is_set():
                    log.error("gave up writing %d commits: %s", len(batch), problem)
                    return None
                if self.failing is None:
                    log.error("the store cannot be written; trying again until it can: %s", problem)
                self.failing = problem
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._given_up.wait()
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                if self.failing is not None:
                    log.warning("the store can be written again")
                    self.failing = None
                return answers

    async def _landed(self, commit: Commit, answer: int | StoreError) -> int | StoreError:
        """The answer to a commit that was tried before: a store may have kept it and failed to say so."""
        if not isinstance(answer, SequenceTaken) or not isinstance(commit.run, int) or not commit.events:
            return answer
        first, count = commit.events[0][0], len(commit.events)
        kept = await self._store.history(commit.run, after=first - 1, limit=count)
        return commit.run if kept == list(commit.events) else answer
