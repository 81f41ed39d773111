"""Stores that fail, commits that land and report failure, faults in the machine, rows that cannot be read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from engine_world import Gate, OpenEngine, Place, Shaky, events, eventually, failed, held, live, settled, worker_row

import perdure
from perdure.errors import Fenced, RunFailed, StoreError, UnknownRun

STEPS = """
workflow: steps
steps:
  - {id: a, activity: echo, with: {value: 1}}
  - {id: b, activity: hold, with: {value: 2}}
  - {id: c, activity: echo, with: {value: 3}}
"""

WAIT = """
workflow: wait
steps:
  - {id: pause, wait: {signal: go}}
  - {id: e, activity: echo, with: {value: "{{ steps.pause }}"}}
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.engine.worker.SWEEP", 0.05)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_while_the_store_cannot_be_written_nothing_is_carried_out_and_nothing_is_lost(
    opened: OpenEngine, shaky: Shaky, gate: Gate, when: str
) -> None:
    async with opened(store=shaky) as engine:
        runs = [await engine.start(STEPS, id=f"r{n}") for n in range(5)]
        waiting = await engine.start(WAIT, id="w")
        await eventually(lambda: held(gate, 5))
        getattr(shaky, when).add("commit")
        gate.open.set()
        await failed(shaky, 3)
        assert "echo 3" not in gate.calls
        await waiting.signal("go", "late")
        assert [(await run.describe()).status for run in runs] == ["running"] * 5
        getattr(shaky, when).clear()
        assert await asyncio.gather(*(run.result(10) for run in runs)) == [3] * 5
        assert await waiting.result(10) == "late"
        assert gate.calls.count("hold 2") == gate.calls.count("echo 3") == 5
        for run in runs:
            assert [e for e in await events(run) if not e.startswith("AttemptStarted")] == [
                "RunStarted", "ActivityCompleted a", "ActivityCompleted b", "ActivityCompleted c",
            ]  # fmt: skip


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_run_goes_on_whatever_commit_failed(opened: OpenEngine, shaky: Shaky, gate: Gate, when: str) -> None:
    """One commit after the other fails once: closings, releases, marks, everything."""
    commit, number = shaky._store.commit, 0
    text = """
workflow: w
steps:
  - {id: a, activity: echo, with: {value: 1}, compensate: {activity: undo, with: {what: a}}}
  - {id: s, wait: {signal: go}}
  - id: all
    parallel:
      branches:
        x: [{activity: echo, with: {value: 2}}, {wait: 10ms}]
        y: [{activity: echo, with: {value: 3}}]
  - {id: once, activity: echo, with: {value: 4}, retry: {attempts: 1}}
"""

    async def every_other_fails(batch: Any) -> Any:
        nonlocal number
        number += 1
        if when == "before" and number % 2:
            raise StoreError("once more, please")
        answers = await commit(batch)
        if when == "after" and number % 2:
            raise StoreError("once more, please")
        return answers

    async with opened(store=shaky) as engine:
        run = await engine.start(text)
        shaky._store.commit = every_other_fails  # type: ignore[method-assign]
        await live(run, "s")
        await run.signal("go")
        assert await run.result(20) == 4
        assert sorted(gate.calls) == ["echo 1", "echo 2", "echo 3", "echo 4"]
        await settled(engine)
        assert number > 6


async def test_a_start_that_cannot_be_written_makes_no_run(opened: OpenEngine, shaky: Shaky, gate: Gate) -> None:
    async with opened(store=shaky) as engine:
        for name in ("put_definition", "commit"):
            shaky.before.add(name)
            with pytest.raises(StoreError):
                await engine.start(STEPS, id="r")
            shaky.before.clear()
        with pytest.raises(UnknownRun):
            await engine.run("r").describe()
        assert gate.calls == []
        gate.open.set()
        assert await (await engine.start(STEPS, id="r")).result(10) == 3


async def test_a_start_that_landed_and_reported_failure_goes_on(opened: OpenEngine, shaky: Shaky, gate: Gate) -> None:
    gate.open.set()
    async with opened(store=shaky) as engine:
        shaky.after.add("commit")
        with pytest.raises(StoreError):
            await engine.start(STEPS, id="r")
        shaky.after.clear()
        assert await (await engine.start(STEPS, id="r")).result(10) == 3
        assert gate.calls == ["echo 1", "hold 2", "echo 3"]


async def test_a_start_whose_caller_gives_up_is_a_run_that_goes_on(opened: OpenEngine, gate: Gate) -> None:
    gate.open.set()
    definition = perdure.load(STEPS)
    async with opened() as engine:
        await engine.deploy(definition)
        for number in range(20):
            starting = asyncio.create_task(engine.start(definition, id=f"r{number}"))
            for _ in range(number % 4):
                await asyncio.sleep(0)
            starting.cancel()
            await asyncio.wait([starting])
        for info in await engine.runs():
            assert await engine.run(info.id).result(10) == 3


@pytest.mark.parametrize("name", ["claim", "load", "find", "letters", "next_wake", "definition"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_read_that_fails_for_a_while_strands_no_run(
    opened: OpenEngine, place: Place, shaky: Shaky, name: str, when: str
) -> None:
    async with opened(work=False) as client:
        runs = [await client.start(WAIT, id=f"r{n}") for n in range(5)]
        async with opened(store=shaky) as engine:
            getattr(shaky, when).add(name)
            for run in runs:
                await run.signal("go", run.id)
            if name not in ("find",):
                await failed(shaky, 2)
            shaky.before.clear()
            shaky.after.clear()
            assert await asyncio.gather(*(engine.run(r.id).result(10) for r in runs)) == [r.id for r in runs]


async def test_a_worker_that_was_declared_dead_lands_nothing_and_starts_anew(
    opened: OpenEngine, place: Place, gate: Gate
) -> None:
    async with opened(grace=0) as engine:
        run = await engine.start(STEPS, id="r")
        await gate.entered.wait()
        before = engine._worker.id  # type: ignore[union-attr]
        client = place.store()
        await client.open()
        await client.bury(before, 0)
        await client.register(worker_row())
        [row] = await client.claim("other", 10**18, 10)
        gate.open.set()

        async def reborn() -> bool:
            return engine._worker.id not in (before, "")  # type: ignore[union-attr]

        await eventually(reborn)
        await settled(engine)
        assert "ActivityCompleted b" not in await events(run)
        assert "echo 3" not in gate.calls
        assert row.recoveries == 1
        await client.bury("other", 0)
        assert await run.result(10) == 3
        assert gate.calls.count("hold 2") == 2
        await client.close()


async def test_a_start_in_the_name_of_a_dead_worker_still_makes_a_run(
    opened: OpenEngine, place: Place, gate: Gate
) -> None:
    gate.open.set()
    async with opened() as engine:
        client = place.store()
        await client.open()
        await client.bury(engine._worker.id, 0)  # type: ignore[union-attr]
        assert await (await engine.start(STEPS)).result(10) == 3
        await client.close()


async def test_coming_back_while_the_store_fails_is_tried_until_it_succeeds(
    opened: OpenEngine, place: Place, shaky: Shaky, gate: Gate
) -> None:
    gate.open.set()
    async with opened(store=shaky) as engine:
        shaky.before.add("register")
        client = place.store()
        await client.open()
        await client.bury(engine._worker.id, 0)  # type: ignore[union-attr]
        run = await engine.start(STEPS)
        await failed(shaky, 2)
        shaky.before.clear()
        assert await run.result(10) == 3
        await client.close()


async def test_fenced_never_reaches_the_caller_of_start(opened: OpenEngine, shaky: Shaky, gate: Gate) -> None:
    gate.open.set()
    commit = shaky._store.commit

    async def fenced_once(batch: Any) -> Any:
        shaky._store.commit = commit  # type: ignore[method-assign]
        return [Fenced() for _ in batch]

    async with opened(store=shaky) as engine:
        shaky._store.commit = fenced_once  # type: ignore[method-assign]
        assert await (await engine.start(STEPS)).result(10) == 3


async def test_a_run_that_failed_while_its_closing_was_lost_still_tells_its_result(
    opened: OpenEngine, shaky: Shaky, gate: Gate
) -> None:
    text = "workflow: w\nsteps:\n  - {id: a, activity: hold}\n  - {id: f, fail: {type: Bad, message: no}}\n"
    async with opened(store=shaky) as engine:
        run = await engine.start(text)
        waiting = asyncio.create_task(run.result(10))
        await live(run, "a")
        shaky.after.add("commit")
        gate.open.set()
        await failed(shaky, 2)
        shaky.after.clear()
        with pytest.raises(RunFailed) as caught:
            await waiting
        assert caught.value.error is not None
        assert caught.value.error["type"] == "Bad"
