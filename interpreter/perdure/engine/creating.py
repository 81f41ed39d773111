"""New runs on their way into the store: what is asked for in one turn of the event loop is created in one call.

A run that was asked for is created even when its caller gives up waiting: one that is this worker's must not be left to
nobody. What is asked for `starter` has checked; how the run goes on is the worker's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from perdure.core import State
from perdure.core.commands import Command, OpenAsk, StartTimer
from perdure.core.lifecycle import ENDED
from perdure.engine.commits import write_down
from perdure.engine.live import LiveRun
from perdure.engine.worker import SOON, Worker
from perdure.errors import Fenced, StoreError, for_another
from perdure.program import Program
from perdure.stores.store import Commit, NewLetter, NewRun

if TYPE_CHECKING:
    from perdure.engine.engine import Engine


MOST: Final = 1000
"""Runs that are created in one call: the steps of others wait for it."""


@dataclass(slots=True, eq=False)
class Creation:
    """A run as it starts. `released` where nobody needs to own it; `created` will be its key, or why there is none."""

    commit: Commit
    program: Program
    state: State
    commands: Sequence[Command]
    released: bool
    created: asyncio.Future[int | StoreError]

    @property
    def run(self) -> NewRun:
        assert isinstance(self.commit.run, NewRun)
        return self.commit.run


class Creations:
    """Creates runs for one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._store = engine._store
        self._waiting: list[Creation] = []
        self._writing: list[Creation] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def _worker(self) -> Worker | None:
        """The worker that goes on with new runs, if there is one."""
        return self._engine._worker

    async def close(self) -> None:
        """Wait for those that are under way."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def create(
        self,
        commit: Commit,
        program: Program,
        state: State,
        commands: Sequence[Command],
        letters: Sequence[NewLetter] = (),
    ) -> asyncio.Future[int | StoreError]:
        """Make a run durable; where this worker owns it, it goes on at once. The run's key, or why there is none."""
        # A run that is over at once and comes with messages is ended by whoever claims it: they are to reach it first.
        early = bool(letters) and state.status in ENDED
        released = not early and _settle_start(commit, program, state, commands)
        commit.letters = [*commit.letters, *letters]
        loop = asyncio.get_running_loop()
        if self._task is not None and self._task.get_loop() is not loop:
            raise StoreError("the store was opened in another event loop; open one store per loop")
        creation = Creation(commit, program, state, commands, released, loop.create_future())
        if released or early or not self._is_mine(creation.run):
            _disown(creation)
        self._waiting.append(creation)
        if self._task is None:
            self._task = loop.create_task(self._create())
            self._task.add_done_callback(self._given_up)
        return creation.created

    def _is_mine(self, run: NewRun) -> bool:
        """Whether this engine's worker would go on with a new run."""
        worker = self._worker
        return worker is not None and bool(worker.id) and (worker.only is None or run.id in worker.only)

    async def _create(self) -> None:
        while self._waiting:
            self._writing, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            for creation, answer in zip(self._writing, await self._write(self._writing), strict=True):
                self._settle(creation, answer)
            self._writing = []
        self._task = None

    def _given_up(self, task: asyncio.Task[None]) -> None:
        """Where the task was cancelled, perhaps before it began, nobody may wait for it any longer."""
        if self._task is task:
            left = [*self._writing, *self._waiting]
            self._task, self._writing, self._waiting = None, [], []
            self._doubt(left)
            for creation in left:
                creation.created.cancel()

    async def _write(self, batch: Sequence[Creation]) -> Sequence[int | Exception]:
        try:
            return await self._store.commit([creation.commit for creation in batch])
        except Exception as problem:
            self._doubt(batch)
            return [for_another(problem) for _ in batch]

    def _doubt(self, batch: Sequence[Creation]) -> None:
        """They may have been kept all the same."""
        if self._worker is not None:
            for creation in batch:
                self._worker.doubt(creation.run.id)

    def _settle(self, creation: Creation, answer: int | Exception) -> None:
        if isinstance(answer, Fenced) and creation.commit.worker is not None:
            self._engine._poke()
            _disown(creation)
            self._waiting.append(creation)
            return
        if isinstance(answer, int):
            try:
                self._go_on(creation, answer)
            except Exception as problem:
                answer = problem
        if creation.created.done():
            return  # the caller has given up
        if isinstance(answer, int | StoreError):
            creation.created.set_result(answer)
        else:
            creation.created.set_exception(answer)

    def _go_on(self, creation: Creation, key: int) -> None:
        commit, run = creation.commit, creation.run
        if commit.successor is not None or commit.letters or commit.takes:
            self._engine._poke()
        if commit.closing is not None or self._worker is None:
            return
        if commit.worker is None:
            self._worker.expect(run.wake_at)
        else:
            live = LiveRun(key, run, creation.program, creation.state, 1)
            self._worker.adopt(live, creation.commands, commit.worker)


def _settle_start(commit: Commit, program: Program, state: State, commands: Sequence[Command]) -> bool:
    """Put into the first commit what the start has already settled; whether nobody needs to own the run."""
    assert isinstance(commit.run, NewRun)
    write_down(commit, 0, commit.run, program, state, commands)
    if commit.closing is not None:
        return True
    if commit.letters or any(not isinstance(command, StartTimer | OpenAsk) for command in commands):
        return False
    soon = commit.run.created_at + SOON
    return all(command.due > soon for command in commands if isinstance(command, StartTimer))


def _disown(creation: Creation) -> None:
    """Leave the run to whoever claims it: at once, or when it is next due."""
    dues = [frame.due for frame in creation.state.frames.values() if frame.due is not None]
    wake_at = min(dues, default=None) if creation.released else creation.run.wake_at
    creation.commit.worker = None
    creation.commit.run = replace(creation.run, wake_at=wake_at, owner=None)
