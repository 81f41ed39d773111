"""Faults of ours, rows that cannot be read, results that cannot be kept: the run is stuck, the others go on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from engine_world import Gate, OpenEngine, Place, Shaky, events, eventually, failed, held, live, worker_row

import perdure
from perdure.core import machine, wire
from perdure.core.events import ActivityCompleted, SignalReceived
from perdure.errors import RunTerminated, StoreError
from perdure.stores.store import Commit

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


async def test_a_stuck_run_goes_on_when_it_is_resumed(
    opened: OpenEngine, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = machine.step

    def faulty(program: Any, state: Any, event: Any) -> Any:
        raise RuntimeError("a bug of ours")

    async with opened() as engine:
        runs = [await engine.start(STEPS) for _ in range(2)]
        await eventually(lambda: held(gate, 2))
        monkeypatch.setattr(machine, "step", faulty)
        gate.open.set()
        await eventually(lambda: described_as_stuck(runs[0]))
        await eventually(lambda: described_as_stuck(runs[1]))
        monkeypatch.setattr(machine, "step", step)
        await runs[0].resume()
        assert await runs[0].result(10) == 3
        assert (await runs[0].describe()).error is None
        await runs[1].terminate("enough")
        with pytest.raises(RunTerminated):
            await runs[1].result(10)


async def test_a_run_that_somebody_else_advanced_is_read_anew_and_goes_on(
    opened: OpenEngine, place: Place, gate: Gate
) -> None:
    async with opened() as engine:
        run = await engine.start(STEPS)
        await eventually(lambda: has_event(run, "AttemptStarted b"))
        row = await engine._row(run.id)
        seq = len(await run.history()) + 1
        letter = wire.event_to_bytes(SignalReceived(row.created_at, "stray", 1, "x"))
        await engine._store.commit([Commit(row.key, events=[(seq, row.created_at, letter)])])
        gate.open.set()
        assert await run.result(10) == 3
        assert [entry["signal"] for entry in (await run.describe()).unread] == ["stray"]


async def has_event(run: perdure.Run, event: str) -> bool:
    return event in await events(run)
