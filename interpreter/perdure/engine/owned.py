"""The runs that a worker has in memory, and how they leave it: let go, lost to another, or set aside as stuck.

A run that is stuck stays open in the store, without an owner, until a person resumes or ends it. How runs are moved
`worker` knows, how they come into memory `claims`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from perdure.engine.lease import Lease
from perdure.engine.live import LiveRun
from perdure.errors import Fenced, StoreError
from perdure.stores.store import Commit, SequenceTaken, Store
from perdure.values import encode

log = logging.getLogger("perdure.engine")

MOST_LIVE: Final = 2_000
"""Runs in memory beyond which no further ones are claimed, unless more activities may run at a time."""
ROOM: Final = 200
"""Places that have to be free before a full worker claims again."""


class Owned:
    """The `runs` by key. `left` is told of every run that goes, `doubt` of those that may be this worker's all the
    same, `poke` that there is something to look at."""

    def __init__(
        self,
        store: Store,
        lease: Lease,
        concurrency: int,
        left: Callable[[LiveRun], None],
        doubt: Callable[[str], None],
        poke: Callable[[], None],
    ) -> None:
        self._store = store
        self._lease = lease
        self.most = max(MOST_LIVE, concurrency)
        """Runs in memory beyond which no further ones are to be claimed."""
        self._left = left
        self._doubt = doubt
        self._poke = poke
        self.runs: dict[int, LiveRun] = {}
        self._ids: set[str] = set()
        self._full = False
        self._noting: set[asyncio.Task[None]] = set()

    def add(self, run: LiveRun) -> None:
        self.runs[run.key] = run
        self._ids.add(run.id)

    def has(self, run_id: str) -> bool:
        return run_id in self._ids

    def is_here(self, run: LiveRun) -> bool:
        """Whether it still counts; the run may even have come back as another object."""
        return self.runs.get(run.key) is run

    def is_full(self) -> bool:
        """Whether no more are to be claimed; `poke` says when there is room again."""
        self._full = len(self.runs) >= self.most
        return self._full

    def forget(self, run: LiveRun) -> None:
        """Drop a run from memory, whatever it was doing."""
        if self.is_here(run):
            del self.runs[run.key]
            self._ids.discard(run.id)
        self._left(run)
        if self._full and len(self.runs) <= self.most - ROOM:
            self._full = False
            self._poke()

    def forget_all(self) -> None:
        for run in tuple(self.runs.values()):
            self.forget(run)

    def lose(self, run: LiveRun, problem: StoreError) -> None:
        """A commit was refused: what is in memory is ahead of the journal, and counts for nothing."""
        log.warning("run %s could not be written and is dropped from memory: %s", run.id, problem)
        self.forget(run)
        if isinstance(problem, SequenceTaken):
            self._doubt(run.id)
            self._poke()
        elif isinstance(problem, Fenced):
            self._poke()
        else:
            self.hold(run.key, run.id, f"the store refuses what it decided: {problem}")

    def set_aside(self, run: LiveRun, problem: Exception) -> None:
        """The machine failed: our bug. The state in memory is dropped; the run is stuck until it is resumed."""
        log.error("run %s met a fault and is set aside", run.id, exc_info=problem)
        self.forget(run)
        self.hold(run.key, run.id, f"a fault in Perdure: {problem!r}")

    def hold(self, key: int, run_id: str, cause: str) -> None:
        """Have it noted that a run is stuck."""
        task = asyncio.get_running_loop().create_task(self._note_stuck(key, run_id, cause))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def give_up(self) -> None:
        """Note nothing more: whoever has the runs next meets the faults again."""
        for task in self._noting:
            task.cancel()
        await asyncio.gather(*self._noting, return_exceptions=True)

    async def _note_stuck(self, key: int, run_id: str, cause: str) -> None:
        commit = Commit(key, self._lease.id, status="stuck", release=True, note=encode({"cause": cause}))
        try:
            [answer] = await self._store.commit([commit])
        except StoreError as problem:
            answer = problem
        if isinstance(answer, StoreError):
            log.error("run %s is stuck, which could not be noted: %s", run_id, answer)
            self._doubt(run_id)  # a later round meets the fault again, and notes it then
