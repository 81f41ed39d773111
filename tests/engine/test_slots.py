"""Locks over runs, workers and stores: who waits for whom, and that every way a run can end lets the next one in."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from engine_world import Gate, OpenEngine, Place, eventually, live, settled
from live_world import has_status, in_memory, soon
from slot_world import Room

import perdure
from perdure.engine import Engine
from perdure.errors import RunCancelled, RunFailed, RunTerminated

VISIT = """
workflow: visit
steps: [{id: v, activity: visit, lock: {key: room, limit: "{{ input.limit }}"}}]
"""
HOLD = """
workflow: hold
steps: [{id: h, activity: hold, with: {value: "{{ input.n }}"}, lock: {key: room}}]
"""
WAIT = """
workflow: wait
steps: [{id: outer, lock: {key: "{{ input.key }}"}, steps: [{id: w, wait: {signal: go}}]}]
"""
ECHO = """
workflow: echoing
steps: [{id: e, activity: echo, with: {value: "{{ input.n }}"}, lock: {key: room}}]
"""


async def waiting_run(engine: Engine, n: int = 2) -> perdure.Run:
    """A run that waits for the room."""
    run = await engine.start(ECHO, {"n": n}, id=f"echo-{n}")
    await live(run, "e")
    assert (await run.describe()).live[0]["kind"] == "lock"
    return run


@pytest.mark.parametrize("limit", [1, 3])
async def test_never_more_than_the_limit_hold_a_lock_at_once(opened: OpenEngine, limit: int) -> None:
    room = Room()
    async with opened(room.activity()) as engine, opened(room.activity()) as other:
        starts = [(one, number) for number in range(12) for one in (engine, other)]
        runs = [await one.start(VISIT, {"limit": limit}, id=f"{id(one)}-{n}") for one, n in starts]
        for run in runs:
            await run.result(20)
    assert len(room.visitors) == len(runs)
    assert room.most <= limit


async def test_those_who_wait_are_let_in_in_the_order_they_came(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        first = await engine.start(HOLD, {"n": 0})
        await soon(gate.entered.wait())
        runs = [await waiting_run(engine, n) for n in range(1, 6)]
        gate.open.set()
        for run in (first, *runs):
            await run.result(10)
    assert gate.calls == ["hold 0", *(f"echo {n}" for n in range(1, 6))]


async def ends(run: perdure.Run, how: str, gate: Gate) -> None:
    if how == "cancel":
        await run.cancel()
    elif how == "terminate":
        await run.terminate()
    else:
        gate.open.set()


@pytest.mark.parametrize("how", ["completes", "fails", "cancel", "terminate"])
async def test_a_lock_is_given_back_however_its_run_ends(opened: OpenEngine, gate: Gate, how: str) -> None:
    after = "{activity: fail, with: {retryable: false}}" if how == "fails" else "{activity: echo}"
    text = f"workflow: one\nsteps: [{{lock: {{key: room}}, steps: [{{activity: hold}}, {after}]}}]\n"
    async with opened() as engine:
        first = await engine.start(text)
        await soon(gate.entered.wait())
        second = await waiting_run(engine)
        await ends(first, how, gate)
        assert await second.result(10) == 2
        expected = {"fails": RunFailed, "cancel": RunCancelled, "terminate": RunTerminated}.get(how)
        if expected is None:
            await first.result(10)
        else:
            with pytest.raises(expected):
                await first.result(10)


async def test_a_lock_of_a_step_that_is_caught_is_given_back_at_once(opened: OpenEngine, gate: Gate) -> None:
    text = """
workflow: one
steps:
  - {steps: [{activity: fail, lock: {key: room}}], catch: [{steps: []}]}
  - {id: w, wait: {signal: go}}
"""
    async with opened() as engine:
        first = await engine.start(text)
        await live(first, "w")
        run = await engine.start(ECHO, {"n": 1})
        assert await run.result(10) == 1


async def test_a_run_that_waits_for_a_lock_is_not_in_memory(opened: OpenEngine) -> None:
    async with opened() as engine:
        holder = await engine.start(WAIT, {"key": "room"})
        await live(holder, "w")
        await waiting_run(engine)
        await settled(engine)
        await holder.signal("go")
        assert await engine.run("echo-2").result(10) == 2


async def test_a_lock_outlives_the_worker_of_its_run(opened: OpenEngine) -> None:
    async with opened() as engine:
        holder = await engine.start(WAIT, {"key": "room"}, id="holder")
        await live(holder, "w")
        await waiting_run(engine)
    async with opened() as engine:
        another = await engine.start(ECHO, {"n": 3})
        await live(another, "e")
        await engine.run("holder").signal("go")
        assert await engine.run("echo-2").result(10) == 2
        assert await another.result(10) == 3
        entries = [row["event"] for row in await engine.run("holder").history()]
        assert entries.count("SlotGranted") == 1


async def test_a_waiting_run_can_be_cancelled_and_is_passed_over(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        await engine.start(HOLD, {"n": 0})
        await soon(gate.entered.wait())
        second, third = await waiting_run(engine, 2), await waiting_run(engine, 3)
        await second.cancel()
        with pytest.raises(RunCancelled):
            await second.result(10)
        gate.open.set()
        assert await third.result(10) == 3
    assert gate.calls == ["hold 0", "echo 3"]


async def test_a_lock_in_a_client_s_run_is_had_by_whoever_works_first(place: Place, opened: OpenEngine) -> None:
    async with opened(work=False) as client:
        runs = [await client.start(ECHO, {"n": n}, id=f"r{n}") for n in range(3)]
        async with opened():
            assert [await run.result(10) for run in runs] == [0, 1, 2]


async def test_a_paused_run_keeps_its_lock_and_gets_it_while_it_is_paused(opened: OpenEngine) -> None:
    async with opened() as engine:
        holder = await engine.start(WAIT, {"key": "room"})
        await live(holder, "w")
        second, third = await waiting_run(engine, 2), await waiting_run(engine, 3)
        await second.pause()
        await has_status(second, "paused")
        await holder.signal("go")
        await holder.result(10)

        async def granted() -> bool:
            return any(row["event"] == "SlotGranted" for row in await second.history())

        await eventually(granted)
        assert (await third.describe()).live[0]["kind"] == "lock"
        await second.resume()
        assert (await second.result(10), await third.result(10)) == (2, 3)


async def test_branches_of_one_run_wait_for_each_other(opened: OpenEngine) -> None:
    room = Room()
    text = """
workflow: each
steps:
  - foreach: "[1, 2, 3, 4, 5, 6]"
    concurrency: 6
    steps: [{activity: visit, with: {value: "{{ item }}"}, lock: {key: room}}]
"""
    async with opened(room.activity()) as engine:
        run = await engine.start(text)
        assert await run.result(10) == [1, 2, 3, 4, 5, 6]
    assert room.most == 1


async def test_a_lock_inside_one_of_the_same_key_does_not_wait(opened: OpenEngine) -> None:
    text = """
workflow: nested
steps:
  - lock: {key: room}
    steps:
      - {activity: echo, with: {value: 1}, lock: {key: room}}
      - {id: e, activity: echo, with: {value: 2}, lock: {key: room}}
"""
    async with opened() as engine:
        run = await engine.start(text)
        assert await run.result(10) == 2
        assert await (await engine.start(ECHO, {"n": 3})).result(10) == 3


TWO = """
workflow: two
steps:
  - lock: {key: "{{ input.first }}"}
    steps:
      - {id: w, wait: {signal: go}}
      - {id: inner, activity: echo, with: {value: "{{ input.first }}"}, lock: {key: "{{ input.second }}"}}
"""


async def test_two_runs_that_want_what_the_other_holds_are_told(opened: OpenEngine) -> None:
    async with opened() as engine:
        one = await engine.start(TWO, {"first": "x", "second": "y"}, id="one")
        other = await engine.start(TWO, {"first": "y", "second": "x"}, id="other")
        await live(one, "w")
        await live(other, "w")
        await one.signal("go")
        await live(one, "inner")
        await other.signal("go")
        with pytest.raises(RunFailed) as failed:
            await other.result(10)
        assert failed.value.error["type"] == "LimitExceeded"
        assert failed.value.error["step"] == "inner"
        assert await one.result(10) == "x"


async def test_a_circle_of_three_runs_is_told_by_the_last(opened: OpenEngine) -> None:
    keys = ["x", "y", "z"]
    async with opened() as engine:
        runs = [await engine.start(TWO, {"first": keys[n], "second": keys[n - 1]}, id=f"r{n}") for n in range(3)]
        for run in runs:
            await live(run, "w")
        for run in runs[:2]:
            await run.signal("go")
            await live(run, "inner")
        await runs[2].signal("go")
        with pytest.raises(RunFailed, match="LimitExceeded"):
            await runs[2].result(10)
        assert [await run.result(10) for run in runs[:2]] == ["x", "y"]


async def test_a_child_that_wants_its_parent_s_lock_is_told(opened: OpenEngine) -> None:
    async with opened() as engine:
        await engine.deploy(ECHO)
        mum = await engine.start(
            "workflow: mum\nsteps:\n  - lock: {key: room}\n    steps: [{workflow: echoing, with: {n: 1}}]\n"
        )
        with pytest.raises(RunFailed) as failed:
            await mum.result(10)
        assert failed.value.error["type"] == "ChildFailed"
        assert failed.value.error["cause"]["type"] == "LimitExceeded"


async def test_a_grandchild_that_wants_the_lock_is_told_too(opened: OpenEngine) -> None:
    async with opened() as engine:
        await engine.deploy(ECHO)
        await engine.deploy("workflow: between\nsteps: [{workflow: echoing, with: {n: 1}}]\n")
        mum = await engine.start("workflow: mum\nsteps: [{lock: {key: room}, steps: [{workflow: between}]}]\n")
        with pytest.raises(RunFailed) as failed:
            await mum.result(10)
        assert failed.value.error["cause"]["cause"]["type"] == "LimitExceeded"


async def test_a_detached_child_waits_for_its_parent_s_lock(opened: OpenEngine) -> None:
    async with opened() as engine:
        await engine.deploy(ECHO)
        text = """
workflow: mum
steps:
  - lock: {key: room}
    steps: [{id: kid, workflow: echoing, with: {n: 1}, detach: true, on_parent_close: abandon}]
"""
        mum = await engine.start(text)
        kid = await mum.result(10)
        assert await engine.run(kid).result(10) == 1


async def test_a_run_that_is_stuck_gives_its_lock_back_once_it_is_terminated(
    opened: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from perdure.core.blocks.wait import WaitFrame

    async with opened() as engine:
        holder = await engine.start(WAIT, {"key": "room"})
        await live(holder, "w")
        second = await waiting_run(engine)

        def broken(*_: Any) -> bool:
            raise RuntimeError("a fault")

        monkeypatch.setattr(WaitFrame, "offer", broken)
        await holder.signal("go")
        await has_status(holder, "stuck")
        assert (await second.describe()).live[0]["kind"] == "lock"
        await holder.terminate()
        assert await second.result(10) == 2


async def test_a_restart_inside_a_lock_gives_it_back_first(opened: OpenEngine, gate: Gate) -> None:
    text = """
workflow: again
steps:
  - lock: {key: room}
    steps:
      - {activity: hold, with: {value: "{{ input.n }}"}}
      - {if: input.n < 2, restart: {input: {n: "{{ input.n + 1 }}"}}}
"""
    async with opened() as engine:
        run = await engine.start(text, {"n": 1})
        await soon(gate.entered.wait())
        await waiting_run(engine, 9)
        gate.open.set()
        await run.result(10)
        await engine.run("echo-9").result(10)
    assert gate.calls == ["hold 1", "echo 9", "hold 2"]


async def test_many_runs_that_come_and_go_leave_nothing_behind(opened: OpenEngine) -> None:
    room = Room()
    text = """
workflow: busy
steps:
  - id: both
    parallel:
      join: any
      branches:
        a: [{activity: visit, lock: {key: room}}]
        b: [{activity: visit, lock: {key: room}}]
"""
    async with opened(room.activity()) as engine, opened(room.activity()):
        runs = [await engine.start(text, id=f"b{n}") for n in range(15)]
        await asyncio.gather(*(run.cancel() for run in runs[::4]), return_exceptions=True)  # some may have ended
        for run in runs:
            try:
                await run.result(20)
            except RunCancelled:
                continue
        assert room.most == 1
        assert await (await engine.start(ECHO, {"n": 1})).result(10) == 1
        assert in_memory(engine) <= 1
