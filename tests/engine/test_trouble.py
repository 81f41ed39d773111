"""Stores that fail, commits that land and report failure, faults in the machine, rows that cannot be read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from engine_world import Gate, OpenEngine, Place, events, eventually, live, settled

import perdure
from perdure.core import machine
from perdure.core.events import ActivityCompleted
from perdure.errors import Fenced, RunFailed, StoreError, StoreUnavailable, UnknownRun
from perdure.stores.store import Store

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


class Shaky:
    """A store that fails as told: `before` the call does its work, or `after` it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.before: set[str] = set()
        self.after: set[str] = set()
        self.failures = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            if name in self.before:
                self.failures += 1
                raise StoreUnavailable(f"{name}: no space left on the disk")
            answer = await method(*arguments, **options)
            if name in self.after:
                self.failures += 1
                raise StoreUnavailable(f"{name}: the answer was lost")
            return answer

        return call


@pytest.fixture
def shaky(place: Place) -> Shaky:
    return Shaky(place.store())


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.engine.worker.SWEEP", 0.05)


async def failed(shaky: Shaky, times: int) -> None:
    async def look() -> bool:
        return shaky.failures >= times

    await eventually(look)


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


async def held(gate: Gate, times: int) -> bool:
    return gate.calls.count("hold 2") >= times


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


def worker_row() -> Any:
    from perdure.stores.store import WorkerRow

    return WorkerRow("other", "elsewhere", "boot", 1, 1, 10**18)


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


async def test_a_fault_of_the_machine_holds_up_its_run_alone(
    opened: OpenEngine, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, faults = machine.step, 0

    def faulty(program: Any, state: Any, event: Any) -> Any:
        nonlocal faults
        if state.run["id"] == "bad" and isinstance(event, ActivityCompleted) and event.result == 2:
            faults += 1
            raise RuntimeError("a bug of ours")
        return step(program, state, event)

    async with opened() as engine:
        runs = [await engine.start(STEPS, id=name) for name in ("a", "bad", "b")]
        await eventually(lambda: held(gate, 3))
        monkeypatch.setattr(machine, "step", faulty)
        gate.open.set()
        assert [await runs[0].result(10), await runs[2].result(10)] == [3, 3]
        info = await eventually(lambda: described_as(runs[1], "stuck"))
        assert info.error == {
            "type": "Stuck", "message": "a fault in Perdure: RuntimeError('a bug of ours')",
            "details": None, "step": None, "attempt": None, "cause": None,
        }  # fmt: skip
        assert [part["address"] for part in info.live] == ["b"]
        await runs[1].signal("poke")
        assert await (await engine.start(STEPS, id="c")).result(10) == 3
        assert faults == 1
        assert (await runs[1].describe()).status == "stuck"
        with pytest.raises(TimeoutError):
            await runs[1].result(0.02)


async def described_as(run: perdure.Run, status: str) -> perdure.RunInfo | None:
    info = await run.describe()
    return info if info.status == status else None


async def test_a_fault_whose_note_cannot_be_written_is_noted_later(
    opened: OpenEngine, shaky: Shaky, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = machine.step

    def faulty(program: Any, state: Any, event: Any) -> Any:
        if isinstance(event, ActivityCompleted) and event.result == 2:
            shaky.before.add("commit")
            raise RuntimeError("a bug of ours")
        return step(program, state, event)

    async with opened(store=shaky) as engine:
        run = await engine.start(STEPS)
        await eventually(lambda: held(gate, 1))
        monkeypatch.setattr(machine, "step", faulty)
        gate.open.set()
        await failed(shaky, 1)
        monkeypatch.setattr(machine, "step", step)
        shaky.before.clear()
        assert await run.result(10) == 3


@pytest.mark.parametrize("what", ["snapshot", "event", "definition", "letter"])
async def test_what_cannot_be_read_harms_only_its_run(opened: OpenEngine, place: Place, gate: Gate, what: str) -> None:
    async with opened(work=False) as client:
        bad = await client.start(WAIT + "output: 1\n", id="bad")
        good = await client.start(WAIT, id="good")
        await spoil(client, place, what)
        await asyncio.gather(*(run.signal("go", "x") for run in (bad, good)))
        async with opened() as engine:
            assert await engine.run("good").result(10) == "x"
            info = await eventually(lambda: described_as_stuck(engine.run("bad")))
            assert info.error["type"] == "Stuck"
            assert info.error["message"]
            assert [found.status for found in await engine.runs()] == ["completed", "stuck"]
    async with opened() as engine:
        assert (await described_as_stuck(engine.run("bad"))) is not None
        assert await (await engine.start(WAIT, id="good")).result(10) == "x"


async def described_as_stuck(run: perdure.Run) -> perdure.RunInfo | None:
    [row] = [info for info in await run._engine.runs() if info.id == run.id]
    return await run.describe() if row.status == "stuck" else None


async def spoil(engine: perdure.Engine, place: Place, what: str) -> None:
    """Damage a row of the run `bad` behind the engine's back."""
    row = await engine._row("bad")
    if what == "letter":
        await engine._store.post("bad", "signal", b'{"no": "signal"}', id="x", at=0)
    elif place.path is None:
        file = place._file
        if what == "snapshot":
            file.snapshots[row.key] = (1, b'{"format": 99}')
        elif what == "event":
            file.journal[row.key][1] = (1, b'["nonsense"]')
        else:
            file.definitions[row.digest] = b'{"main": "x", "files": {"x": "steps: ["}}'
    else:
        import sqlite3

        db = sqlite3.connect(place.path)
        if what == "snapshot":
            db.execute("INSERT INTO snapshots VALUES (?, 1, ?)", (row.key, b'{"format": 99}'))
        elif what == "event":
            db.execute("UPDATE journal SET event = ? WHERE run = ?", (b'["nonsense"]', row.key))
        else:
            bundle = b'{"main": "x", "files": {"x": "steps: ["}}'
            db.execute("UPDATE definitions SET bundle = ? WHERE digest = ?", (bundle, row.digest))
        db.commit()
        db.close()


async def test_a_run_whose_workers_keep_dying_is_stuck_in_the_end(opened: OpenEngine, place: Place, gate: Gate) -> None:
    store = place.store()
    await store.open()
    async with opened(work=False) as client:
        await client.start(STEPS, id="r")
    for number in range(11):
        await store.register(worker_row())
        [row] = await store.claim("other", 10**18, 10)
        assert row.recoveries == number
        await store.bury("other", 0)
    async with opened() as engine:
        info = await eventually(lambda: described_as(engine.run("r"), "stuck"))
        assert info.error["message"] == "its worker died 11 times in a row while it ran"
        assert gate.calls == []
    await store.close()


async def test_progress_forgives_earlier_deaths(opened: OpenEngine, place: Place, gate: Gate) -> None:
    gate.open.set()
    store = place.store()
    await store.open()
    async with opened(work=False) as client:
        await client.start(STEPS + "  - {id: s, wait: {signal: go}}\n", id="r")
    for _ in range(10):
        await store.register(worker_row())
        await store.claim("other", 10**18, 10)
        await store.bury("other", 0)
    async with opened() as engine:
        await live(engine.run("r"), "s")
        row = await store.find("r")
        assert row is not None
        assert row.recoveries == 0
    await store.close()


async def test_a_result_that_the_store_refuses_makes_the_run_stuck(
    opened: OpenEngine, shaky: Shaky, gate: Gate
) -> None:
    commit = shaky._store.commit

    async def refusing(batch: Any) -> Any:
        return [
            StoreError("the store cannot keep this: too big")
            if any(b'"monster"' in event for _, _, event in one.events)
            else (await commit([one]))[0]
            for one in batch
        ]

    async with opened(store=shaky) as engine:
        shaky._store.commit = refusing  # type: ignore[method-assign]
        text = "workflow: w\nsteps:\n  - {id: s, wait: 50ms}\n  - {id: a, activity: echo, with: {value: monster}}\n"
        run = await engine.start(text)
        info = await eventually(lambda: described_as(run, "stuck"))
        assert "too big" in info.error["message"]
        assert gate.calls == ["echo monster"]


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
    opened: OpenEngine, shaky: Shaky
) -> None:
    text = "workflow: w\nsteps:\n  - {id: a, activity: hold}\n  - {id: f, fail: {type: Bad, message: no}}\n"
    async with opened(store=shaky) as engine:
        run = await engine.start(text)
        waiting = asyncio.create_task(run.result(10))
        await live(run, "a")
        shaky.after.add("commit")
        hold = engine._registry._entries["hold"].function
        hold.__closure__[0].cell_contents.open.set()
        await failed(shaky, 2)
        shaky.after.clear()
        with pytest.raises(RunFailed) as caught:
            await waiting
        assert caught.value.error is not None
        assert caught.value.error["type"] == "Bad"
