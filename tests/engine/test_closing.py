"""Closing an engine: it never hangs, loses nothing, and leaves no tasks or threads behind."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator

import pytest
from engine_world import Gate, OpenEngine, eventually, live

import perdure
from perdure.activities import activity
from perdure.errors import StoreError

STEPS = """
workflow: steps
steps:
  - {id: a, activity: hold, with: {value: 1}}
  - {id: b, activity: echo, with: {value: 2}}
"""


@pytest.fixture(autouse=True)
async def nothing_is_left_behind(gate: Gate) -> AsyncIterator[None]:
    threads = set(threading.enumerate())
    yield
    gate.open.set()
    gate.thread_open.set()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    # The loop keeps its own threads, and those of activities stay idle for a while.
    others = [t.name for t in set(threading.enumerate()) - threads if not t.name.startswith(("asyncio_", "perdure-a"))]
    assert others == []
    gc.collect()


async def test_an_engine_that_did_nothing_closes(opened: OpenEngine) -> None:
    async with opened():
        pass


async def test_closing_right_after_an_end_does_not_hang(opened: OpenEngine) -> None:
    for _ in range(30):
        async with opened() as engine:
            await (await engine.start("workflow: w\nsteps:\n  - {activity: echo}\n")).result(5)


async def test_a_running_activity_has_the_grace_to_end(opened: OpenEngine, gate: Gate) -> None:
    async with opened(grace=20) as engine:
        await engine.start(STEPS, id="r")
        await gate.entered.wait()
        asyncio.get_running_loop().call_later(0.05, gate.open.set)
    assert gate.calls == ["hold 1"]
    async with opened() as engine:
        assert await engine.run("r").result(10) == 2
        assert gate.calls == ["hold 1", "echo 2"]


async def test_an_activity_that_outlives_the_grace_is_cancelled_and_runs_again(opened: OpenEngine, gate: Gate) -> None:
    async with opened(grace=0.01) as engine:
        run = await engine.start(STEPS, id="r")
        await live(run, "a")
        await gate.entered.wait()
    assert gate.stopped == ["hold"]
    gate.open.set()
    async with opened() as engine:
        assert await engine.run("r").result(10) == 2
        assert gate.calls == ["hold 1", "hold 1", "echo 2"]
        assert (await engine._row("r")).recoveries == 0


async def test_an_activity_is_still_there_for_its_clean_up(opened: OpenEngine, gate: Gate) -> None:
    cleaned = []

    @activity("tidy")
    async def tidy() -> None:
        gate.entered.set()
        try:
            await gate.open.wait()
        finally:
            await asyncio.sleep(0.02)
            cleaned.append(True)

    async with opened(tidy, grace=0) as engine:
        await engine.start("workflow: w\nsteps:\n  - {activity: tidy}\n")
        await gate.entered.wait()
    assert cleaned == [True]


async def test_queued_activities_are_not_begun_by_a_closing_engine_and_not_lost(opened: OpenEngine, gate: Gate) -> None:
    async with opened(concurrency=1, grace=20) as engine:
        for number in range(5):
            await engine.start(STEPS, id=f"r{number}")
        await gate.entered.wait()
        asyncio.get_running_loop().call_later(0.05, gate.open.set)
    assert gate.calls == ["hold 1"]
    async with opened() as engine:
        assert [await engine.run(f"r{number}").result(10) for number in range(5)] == [2] * 5
    assert sorted(gate.calls) == ["echo 2"] * 5 + ["hold 1"] * 5


async def test_a_branch_whose_next_step_was_not_begun_any_more_goes_on_later(opened: OpenEngine, gate: Gate) -> None:
    """While the engine closes one branch ends, its next step is not begun; then the other branch ends too."""
    text = """
workflow: w
steps:
  - id: all
    parallel:
      branches:
        x: [{activity: slow, with: {name: first}}, {id: next, activity: echo, with: {value: next}}]
        y: [{activity: slow, with: {name: second}}]
"""
    doors = {"first": asyncio.Event(), "second": asyncio.Event()}
    begun = []

    @activity("slow")
    async def slow(name: str) -> str:
        begun.append(name)
        await doors[name].wait()
        return name

    async with opened(slow, grace=20) as engine:
        await engine.start(text, id="r")
        await eventually(lambda: both(begun))
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, doors["first"].set)
        loop.call_later(0.15, doors["second"].set)
    assert sorted(begun) == ["first", "second"]
    async with opened(slow) as engine:
        assert await engine.run("r").result(10) == {"x": "next", "y": "second"}
    assert sorted(begun) == ["first", "second"]


async def both(begun: list[str]) -> bool:
    return len(begun) == 2


async def test_closing_while_the_store_fails_gives_up(opened: OpenEngine, gate: Gate) -> None:
    async with asyncio.timeout(5):
        async with opened(grace=0.1) as engine:
            await engine.start(STEPS, id="r")
            await gate.entered.wait()

            async def full(batch: object) -> object:
                raise StoreError("the disk is full")

            engine._store.commit = full  # type: ignore[method-assign, assignment]
            gate.open.set()
            await eventually(lambda: failing(engine))
    async with opened() as engine:
        assert await engine.run("r").result(10) == 2


async def failing(engine: perdure.Engine) -> bool:
    return engine._worker._committer.failing is not None  # type: ignore[union-attr]


async def test_whoever_waits_for_a_result_hears_that_the_engine_has_closed(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start("workflow: w\nsteps:\n  - {wait: {signal: never}}\n")
        waiting = asyncio.create_task(run.result())
        await asyncio.sleep(0.06)
        assert not waiting.done()
    with pytest.raises(StoreError, match="closed"):
        await waiting


async def test_a_start_under_way_while_the_engine_closes_is_there_or_is_not(opened: OpenEngine) -> None:
    definition = perdure.load("workflow: w\nsteps:\n  - {activity: echo, with: {value: 1}}\n")
    starting: dict[str, asyncio.Task[perdure.Run]] = {}
    for turn in range(8):
        async with opened() as engine:
            await engine.deploy(definition)
            for number in range(10):
                id = f"r{turn}.{number}"
                starting[id] = asyncio.create_task(engine.start(definition, id=id))
            for _ in range(turn):
                await asyncio.sleep(0)
    await asyncio.wait(starting.values())
    acknowledged = [id for id, task in starting.items() if task.exception() is None]
    assert all(isinstance(t.exception(), StoreError | None) for t in starting.values())
    async with opened() as engine:
        known = {info.id for info in await engine.runs(limit=1000)}
        assert set(acknowledged) <= known
        assert [await engine.run(id).result(10) for id in sorted(known)] == [1] * len(known)


async def test_closing_is_finished_although_its_task_is_cancelled_meanwhile(opened: OpenEngine, gate: Gate) -> None:
    inside = asyncio.Event()

    async def session() -> None:
        async with opened(grace=60) as engine:
            await engine.start(STEPS, id="r")
            await gate.entered.wait()
            inside.set()

    task = asyncio.create_task(session())
    await inside.wait()
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.open.set()
    async with opened() as engine:
        assert await engine.run("r").result(10) == 2


async def test_an_engine_that_cannot_begin_leaves_nothing_behind(opened: OpenEngine) -> None:
    @activity("bad")
    class Bad:
        def setup(self) -> None:
            raise RuntimeError("no database")

        async def call(self) -> None:
            return None

    with pytest.raises(perdure.PerdureError, match="no database"):
        async with opened(Bad):
            raise AssertionError("not reached")
