"""Migrations, forks and retries with the process killed at every write: each happens once and whole, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from engine_world import Gate, OpenEngine, Place, events
from live_world import Mortal, bury_all, soon

import perdure
from perdure.activities import activity
from perdure.errors import PerdureError, RunConflict, RunFailed

STEPS = """
workflow: steps
version: "1"
steps:
  - {id: a, activity: echo, with: {value: 1}}
  - {id: go, wait: {signal: go}}
  - {id: b, activity: work}
  - {id: c, activity: echo, with: {value: 3}}
"""
BETTER = STEPS.replace('"1"', '"2"').replace("value: 3", "value: 33")


def work(broken: bool) -> Any:
    @activity("work")
    async def work() -> None:
        if broken:
            raise perdure.ActivityError("Broken")

    return work


class Dying(Mortal):
    """Dies at the n-th write."""

    WRITES = ("commit", "post", "put_definition", "claim", "register")

    def __init__(self, store: Any, writes: int) -> None:
        super().__init__(store)
        self.left = writes

    def __getattr__(self, name: str) -> Any:
        call = super().__getattr__(name)
        if name not in self.WRITES:
            return call

        async def counted(*arguments: Any, **options: Any) -> Any:
            answer = await call(*arguments, **options)
            self.left -= 1
            if self.left == 0:
                self.dead.set()
            return answer

        return counted


async def interrupted(opened: OpenEngine, store: Mortal, act: Callable[[perdure.Run], Awaitable[Any]]) -> bool:
    """Whether an act on the run came to its end before the process died."""
    try:
        async with opened(work(False), store=store) as engine:
            acting = asyncio.ensure_future(act(engine.run("r")))
            dying = asyncio.ensure_future(store.dead.wait())
            await asyncio.wait((acting, dying), return_when=asyncio.FIRST_COMPLETED)
            for task in (acting, dying):
                task.cancel()
            await asyncio.gather(acting, dying, return_exceptions=True)
            return not acting.cancelled() and acting.exception() is None
    except PerdureError:
        return False


@pytest.mark.parametrize("writes", range(1, 8))
async def test_a_migration_happens_once_or_not_at_all(opened: OpenEngine, place: Place, writes: int) -> None:
    async with opened(work(False)) as engine:
        await engine.start(STEPS, id="r")
    done = await interrupted(opened, Dying(place.store(), writes), lambda run: run.migrate(BETTER))
    await bury_all(place)
    async with opened(work(False)) as engine:
        run = engine.run("r")
        await run.signal("go")
        result = await run.result(20)
        moved = (await events(run)).count("Migrated")
        assert moved <= 1
        assert not done or moved == 1
        assert result == (33 if moved else 3)


@pytest.mark.parametrize("writes", range(1, 5))
async def test_a_retry_happens_once_or_not_at_all(opened: OpenEngine, place: Place, writes: int) -> None:
    async with opened(work(True)) as engine:
        run = await engine.start(STEPS, id="r", signal=("go", None))
        with pytest.raises(RunFailed):
            await soon(run.result())
    done = await interrupted(opened, Dying(place.store(), writes), lambda run: run.retry())
    await bury_all(place)
    async with opened(work(False)) as engine:
        run = engine.run("r")
        if (await run.describe()).status == "failed":
            assert not done
            await run.retry()
        assert await run.result(20) == 3
        assert (await events(run)).count("Reopened") == 1
        assert len(await engine.runs()) == 2


@pytest.mark.parametrize("writes", range(1, 6))
async def test_a_fork_happens_whole_or_not_at_all(opened: OpenEngine, place: Place, writes: int) -> None:
    async with opened(work(False)) as engine:
        run = await engine.start(STEPS, id="r", signal=("go", None))
        assert await run.result(20) == 3
    act: Callable[[perdure.Run], Awaitable[Any]] = lambda run: run.fork("b", id="f", definition=BETTER)  # noqa: E731
    done = await interrupted(opened, Dying(place.store(), writes), act)
    await bury_all(place)
    async with opened(work(False)) as engine:
        there = len(await engine.runs()) == 2
        assert there or not done
        if not there:
            await engine.run("r").fork("b", id="f", definition=BETTER)
        assert await engine.run("f").result(20) == 33


async def test_of_many_retries_and_migrations_at_once_each_takes_effect_once(opened: OpenEngine, gate: Gate) -> None:
    async with opened(work(True)) as engine, opened(work(True)) as other:
        run = await engine.start(STEPS, id="r")
        moving = [handle.migrate(BETTER) for handle in (run, other.run("r"), run, other.run("r"))]
        assert [answer for answer in await asyncio.gather(*moving, return_exceptions=True) if answer] == []
        assert (await events(run)).count("Migrated") == 1
        await run.signal("go")
        with pytest.raises(RunFailed):
            await soon(run.result())
        answers = await asyncio.gather(run.retry(), other.run("r").retry(), run.retry(), return_exceptions=True)
        assert sum(1 for answer in answers if isinstance(answer, RunConflict)) == 2
        assert len(await engine.runs()) == 2
