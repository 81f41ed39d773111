"""Runs that only wait leave memory, and come back by signal, timer, answer and cancellation: no wake-up is lost."""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest
from engine_world import Gate, OpenEngine, Place, events, eventually, live, settled

import perdure
from perdure.errors import RunCancelled

WAIT = """
workflow: wait
steps:
  - {id: a, activity: echo, with: {value: 1}}
  - {id: pause, wait: {signal: go}}
"""

PING = """
workflow: ping
steps:
  - id: each
    foreach: "{{ input.numbers }}"
    steps:
      - {id: s, wait: {signal: ping}}
      - {id: e, activity: echo, with: {value: "{{ steps.s }}"}}
"""


def in_memory(engine: perdure.Engine) -> int:
    return len(engine._worker._runs)  # type: ignore[union-attr]


async def test_a_waiting_run_leaves_memory_and_comes_back_by_its_signal(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(WAIT)
        await live(run, "pause")
        await settled(engine)
        await run.signal("go", 2)
        assert await run.result(10) == 2
        assert in_memory(engine) == 0
        assert engine._worker._timers._heap == []  # type: ignore[union-attr]


async def test_a_run_that_waits_from_its_start_never_enters_memory(opened: OpenEngine) -> None:
    text = "workflow: w\nsteps:\n  - {id: q, ask: {prompt: '?', timeout: 1h}}\n"
    async with opened() as engine:
        run = await engine.start(text)
        assert in_memory(engine) == 0
        [ask] = await engine.asks()
        assert ask.step == "q"
        await run.answer("q", 1)
        assert (await run.result(10))["answer"] == 1
        assert await engine.asks() == []


async def test_a_parked_run_comes_back_by_cancellation_and_undoes(opened: OpenEngine, gate: Gate) -> None:
    text = WAIT.replace("with: {value: 1}", "with: {value: 1}, compensate: {activity: undo, with: {what: a}}")
    async with opened() as engine:
        run = await engine.start(text)
        await live(run, "pause")
        await settled(engine)
        await run.cancel()
        with pytest.raises(RunCancelled) as caught:
            await run.result(10)
        assert caught.value.undone == ["a"]


async def test_a_parked_run_comes_back_by_its_timer(opened: OpenEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("worker", "creating"):
        monkeypatch.setattr(f"perdure.engine.{module}.SOON", 0)
    monkeypatch.setattr("perdure.engine.worker.SWEEP", 1000.0)
    async with opened() as engine:
        run = await engine.start(WAIT.replace("wait: {signal: go}", "wait: 200ms"))
        await live(run, "pause")
        await settled(engine)
        await run.result(10)
        assert await events(run) == ["RunStarted", "ActivityCompleted a", "TimerFired pause"]
        straight = await engine.start("workflow: w\nsteps:\n  - {id: nap, wait: 100ms}\n")
        assert in_memory(engine) == 0
        await straight.result(10)


async def test_a_due_time_is_kept_over_restarts(sqlite_place: Place, opened_sqlite: OpenEngine) -> None:
    async with opened_sqlite() as engine:
        run = await engine.start("workflow: w\nsteps:\n  - {id: nap, wait: 1h}\n", id="r")
        before = (await run.describe()).live
    async with opened_sqlite() as engine:
        assert (await engine.run("r").describe()).live == before
        await settled(engine)
    async with opened_sqlite() as engine:
        assert (await engine.run("r").describe()).live == before
        assert await events(engine.run("r")) == ["RunStarted"]


async def test_a_timer_that_fell_due_while_nobody_ran_fires_at_once(opened_sqlite: OpenEngine) -> None:
    async with opened_sqlite(work=False) as engine:
        run = await engine.start("workflow: w\nsteps:\n  - {id: nap, wait: 50ms}\n", id="r")
        due = (await run.describe()).live[0]["due"]
    async with opened_sqlite() as engine:
        await engine.run("r").result(10)
        [_, fired] = await engine.run("r").history()
        assert fired["event"] == "TimerFired"
        assert fired["at"] >= due


async def test_thousands_of_waiting_runs_are_not_in_memory_and_all_wake(opened_sqlite: OpenEngine) -> None:
    count = 2000
    async with opened_sqlite() as engine:
        definition = perdure.load(WAIT)
        runs = await asyncio.gather(*(engine.start(definition, id=f"r{n}") for n in range(count)))
        await settled(engine)
        assert [info.status for info in await engine.runs(limit=count + 1)] == ["running"] * count
        await asyncio.gather(*(run.signal("go", n) for n, run in enumerate(runs)))
        assert await asyncio.gather(*(run.result(30) for run in runs)) == list(range(count))
        assert in_memory(engine) == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_no_signal_is_lost_between_waking_and_parking(opened: OpenEngine, seed: int) -> None:
    chance = random.Random(seed)
    numbers = list(range(60))
    async with opened() as engine, opened(work=False) as client:
        runs = [await engine.start(PING, {"numbers": numbers}, id=f"r{n}") for n in range(4)]

        async def send(run: perdure.Run) -> None:
            for number in numbers:
                await chance.choice([engine, client]).run(run.id).signal("ping", number)
                for _ in range(chance.choice([0, 0, 1, 2, 5, 20])):
                    await asyncio.sleep(0)
                if chance.random() < 0.1:
                    await asyncio.sleep(chance.random() * 0.004)

        await asyncio.gather(*(send(run) for run in runs))
        assert await asyncio.gather(*(run.result(20) for run in runs)) == [numbers] * 4
        assert await asyncio.gather(*(unread(run) for run in runs)) == [[]] * 4


async def unread(run: perdure.Run) -> list[object]:
    return (await run.describe()).unread


async def test_a_wake_up_in_the_middle_of_parking_is_not_left_to_the_slow_poll(
    opened: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.engine.worker.SWEEP", 1000.0)
    numbers = list(range(100))
    async with opened() as engine:
        run = await engine.start(PING, {"numbers": numbers})
        for number in numbers:
            await run.signal("ping", number)
            await asyncio.sleep(0)
        assert await run.result(8) == numbers


async def test_two_engines_share_the_work_and_run_no_step_twice(opened: OpenEngine, gate: Gate) -> None:
    numbers = list(range(20))
    async with opened() as one, opened() as two:
        chance = random.Random(7)
        runs = [await chance.choice([one, two]).start(PING, {"numbers": numbers}, id=f"r{n}") for n in range(10)]
        for number in numbers:
            await asyncio.gather(*(chance.choice([one, two]).run(run.id).signal("ping", number) for run in runs))
            await asyncio.sleep(chance.random() * 0.01)
        results = await asyncio.gather(*(two.run(run.id).result(20) for run in runs))
        assert results == [numbers] * 10
        assert sorted(gate.calls) == sorted(f"echo {n}" for n in numbers for _ in runs)


async def test_runs_beyond_what_fits_in_memory_are_claimed_as_places_get_free(
    opened: OpenEngine, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.engine.owned.MOST_LIVE", 20)
    monkeypatch.setattr("perdure.engine.claims.CLAIM", 7)
    monkeypatch.setattr("perdure.engine.owned.ROOM", 5)
    monkeypatch.setattr("perdure.engine.worker.SWEEP", 1000.0)
    text = "workflow: w\nsteps:\n  - {id: a, activity: hold, with: {value: 1}}\n"
    async with opened(work=False) as client:
        runs = [await client.start(text) for _ in range(70)]
        async with opened(concurrency=20) as engine:
            await eventually(lambda: full(gate))
            rounds = 0
            claim = engine._store.claim

            async def counted(*arguments: object, **options: object) -> object:
                nonlocal rounds
                rounds += 1
                return await claim(*arguments, **options)  # type: ignore[arg-type]

            monkeypatch.setattr(engine._store, "claim", counted)
            for _ in range(50):
                await asyncio.sleep(0)
            assert in_memory(engine) <= 27
            assert rounds == 0
            gate.open.set()
            assert await asyncio.gather(*(run.result(10) for run in runs)) == [1] * 70


async def full(gate: Gate) -> bool:
    return len(gate.calls) >= 20


async def test_timers_that_were_cleared_do_not_keep_their_runs_in_memory(opened: OpenEngine) -> None:
    text = """
workflow: w
steps:
  - id: each
    foreach: "{{ input.n }}"
    steps: [{activity: echo, timeout: 1h}]
"""
    async with opened() as engine:
        runs = [await engine.start(text, {"n": list(range(50))}) for _ in range(20)]
        for run in runs:
            await run.result(10)
        assert len(engine._worker._timers._heap) <= 150  # type: ignore[union-attr]


async def test_a_long_history_is_resumed_from_its_snapshot(opened_sqlite: OpenEngine) -> None:
    numbers = list(range(1200))
    async with opened_sqlite() as engine:
        run = await engine.start(
            """
workflow: w
steps:
  - {id: each, foreach: "{{ input.n }}", concurrency: 50, steps: [{activity: echo, with: {value: "{{ item }}"}}]}
  - {id: pause, wait: {signal: go}}
""",
            {"n": numbers},
            id="r",
        )
        await live(run, "pause")
        await settled(engine)
        key = (await engine._row("r")).key
        snapshot, tail, _ = await engine._store.load(key)
        assert snapshot is not None
        assert sum(len(event) for _, _, event in tail) <= len(snapshot[1])
    async with opened_sqlite() as engine:
        await engine.run("r").signal("go", "end")
        assert await engine.run("r").result(10) == "end"
        assert len(await engine.run("r").history()) >= len(numbers) + 2


@pytest.mark.parametrize("steps", [1, 2, 3])
async def test_a_cancel_that_waits_is_dealt_with_before_a_worker_begins(
    opened: OpenEngine, gate: Gate, steps: int
) -> None:
    text = "workflow: w\nsteps:\n" + "  - {activity: echo, with: {value: 1}}\n" * steps
    async with opened(work=False) as client:
        await client.start(text, id="w")
        await client.run("w").cancel("no more")
        async with opened() as engine:
            with pytest.raises(RunCancelled, match="no more"):
                await engine.run("w").result(10)
    assert gate.calls == []


async def test_a_cancel_in_the_moment_an_activity_begins_is_never_lost(opened: OpenEngine) -> None:
    text = "workflow: w\nsteps:\n" + "  - {activity: echo, with: {value: 1}}\n" * 5
    async with opened() as engine:
        for turn in range(60):
            run = await engine.start(text)
            for _ in range(turn % 12):
                await asyncio.sleep(0)
            with contextlib.suppress(RunCancelled, perdure.RunConflict):  # it may have ended before
                await run.cancel()
                await run.result(10)
