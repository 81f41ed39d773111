"""Results of earlier runs: used while they last, over runs and restarts, and never those of what failed."""

from __future__ import annotations

import pytest
from engine_world import Gate, OpenEngine, Place, eventually
from slot_world import HandClock

import perdure
from perdure.errors import RunFailed
from perdure.values import SECOND

RATE = """
workflow: rate
steps: [{id: rate, activity: echo, with: {value: "{{ input.n }}"}, cache: {key: "{{ input.key }}", ttl: 10s}}]
"""


async def rate(engine: perdure.Engine, n: int, key: str = "k", text: str = RATE) -> object:
    return await (await engine.start(text, {"n": n, "key": key})).result(10)


async def test_a_result_is_used_by_later_runs_of_the_workflow(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        assert [await rate(engine, 1), await rate(engine, 2), await rate(engine, 3, "other")] == [1, 1, 3]
    assert gate.calls == ["echo 1", "echo 3"]


async def test_a_result_outlives_the_engine_and_serves_others(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        assert await rate(engine, 1) == 1
    async with opened() as engine, opened(work=False) as client:
        assert [await rate(engine, 2), await rate(client, 3)] == [1, 1]


async def test_another_version_of_the_definition_uses_the_result(opened: OpenEngine) -> None:
    async with opened() as engine:
        assert [await rate(engine, 1), await rate(engine, 2, text=RATE + "description: changed\n")] == [1, 1]
        assert await rate(engine, 3, text=RATE.replace("workflow: rate", "workflow: fee")) == 3


async def test_a_result_expires(opened: OpenEngine) -> None:
    clock = HandClock()
    async with opened(clock=clock) as engine:
        assert await rate(engine, 1) == 1
        clock.time += 10 * SECOND - 1
        assert await rate(engine, 2) == 1
        clock.time += 1
        assert [await rate(engine, 3), await rate(engine, 4)] == [3, 3]


async def test_a_result_without_ttl_is_kept_for_ever(opened: OpenEngine) -> None:
    clock = HandClock()
    text = RATE.replace(", ttl: 10s", "")
    async with opened(clock=clock) as engine:
        assert await rate(engine, 1, text=text) == 1
        clock.time += 10**9 * SECOND
        assert await rate(engine, 2, text=text) == 1


async def test_expired_results_are_deleted_in_time(opened: OpenEngine, place: Place) -> None:
    clock = HandClock()
    async with opened(clock=clock) as engine:
        start = clock.time
        for n in range(3):
            await rate(engine, n, f"k{n}")
        key = f'["rate","rate","k{0}"]'
        assert await engine._store.cached(key, start) == b"0"
        clock.time += 200 * SECOND
        engine._poke()

        async def gone() -> bool:
            return await engine._store.cached(key, start) is None

        await eventually(gone)


async def test_a_failure_is_not_kept(opened: OpenEngine, gate: Gate) -> None:
    text = """
workflow: bad
steps: [{activity: fail, with: {retryable: false}, cache: {key: k}}]
"""
    async with opened() as engine:
        for _ in range(2):
            with pytest.raises(RunFailed):
                await (await engine.start(text)).result(10)
    assert gate.calls == ["fail", "fail"]


async def test_a_result_that_was_found_is_not_undone(opened: OpenEngine, gate: Gate) -> None:
    text = """
workflow: booked
steps:
  - {id: book, activity: echo, with: {value: 1}, cache: {key: k}, compensate: {activity: undo, with: {what: book}}}
  - {fail: {type: Boom}}
"""
    async with opened() as engine:
        undone = []
        for _ in range(2):
            with pytest.raises(RunFailed) as failed:
                await (await engine.start(text)).result(10)
            undone.append(failed.value.undone)
    assert undone == [["book"], []]
    assert gate.calls == ["echo 1", "undo book"]


async def test_history_says_what_was_found(opened: OpenEngine) -> None:
    async with opened() as engine:
        await rate(engine, 1)
        run = await engine.start(RATE, {"n": 2, "key": "k"})
        await run.result(10)
        [read] = [row for row in await run.history() if row["event"] == "CacheRead"]
        assert (read["step"], read["found"], read["value"]) == ("rate", True, 1)
