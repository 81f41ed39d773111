"""What runs do that are scheduled, paused, locked, queued, copied and moved at the same time."""

from __future__ import annotations

import pytest
from engine_world import Gate, OpenEngine, live, settled
from live_world import has_status, journal, soon
from slot_world import HandClock

import perdure
from perdure.activities import activity
from perdure.errors import RunCancelled, RunConflict
from perdure.stores import MemoryStore
from perdure.values import HOUR

ONE_AT_A_TIME = """
workflow: once
concurrency: {key: "{{ input.k }}"}
steps:
  - {id: a, activity: echo, with: {value: "{{ input.k }}"}}
  - {id: w, wait: {signal: go}}
"""
LOCKED = """
workflow: locked
steps:
  - id: s
    lock: {key: door}
    steps:
      - {id: a, activity: echo, with: {value: 1}}
      - {id: w, wait: {signal: go}}
      - {id: b, activity: echo, with: {value: 2}}
"""
ON_GPU = """
workflow: gpu
steps:
  - {id: a, activity: echo, with: {value: before}}
  - {id: g, activity: hold, with: {value: 7}, queue: gpu}
output: "{{ steps.g }}"
"""


async def queued(run: perdure.Run) -> None:
    await journal(run, "AttemptQueued g")


async def test_a_scheduled_run_of_one_at_a_time_takes_no_slot_until_it_begins(opened: OpenEngine) -> None:
    async with opened() as engine:
        late = await engine.start(ONE_AT_A_TIME, {"k": "x"}, id="late", delay="1h")
        await late.pause()
        await has_status(late, "paused")
        now = await engine.start(ONE_AT_A_TIME, {"k": "x"}, id="now")
        await live(now, "w")
        await late.resume()
        await has_status(late, "scheduled")
        await late.pause()
        await has_status(late, "paused")
        await late.cancel("not needed")
        with pytest.raises(RunCancelled):
            await soon(late.result())
        await now.signal("go")
        await soon(now.result())
        next = await engine.start(ONE_AT_A_TIME, {"k": "x"}, id="next")
        await live(next, "w")


async def test_a_scheduled_run_that_began_while_it_waits_for_its_turn_is_paused_and_cancelled(
    opened: OpenEngine,
) -> None:
    async with opened() as engine:
        first = await engine.start(ONE_AT_A_TIME, {"k": "x"}, id="first")
        await live(first, "w")
        late = await engine.start(ONE_AT_A_TIME, {"k": "x"}, id="late", delay=0.05)
        await has_status(late, "running")
        await settled(engine)
        await late.pause()
        await has_status(late, "paused")
        last = await engine.start(ONE_AT_A_TIME, {"k": "x"}, id="last")
        await first.signal("go")
        await soon(first.result())
        await late.cancel("no")
        with pytest.raises(RunCancelled):
            await soon(late.result())
        await live(last, "w")


async def test_a_cancelled_scheduled_run_is_retried_and_waits_for_its_time_again(opened: OpenEngine) -> None:
    async with opened() as engine:
        late = await engine.start(ONE_AT_A_TIME, {"k": "x"}, id="late", delay="1h")
        await late.cancel("no")
        with pytest.raises(RunCancelled):
            await soon(late.result())
        await late.retry()
        assert (await late.describe()).status == "scheduled"
        await settled(engine)
        assert (await late.describe()).status == "scheduled"


async def test_a_fork_from_inside_a_lock_asks_for_it_anew_and_gives_it_back(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(LOCKED, id="r")
        await live(run, "w")
        fork = await run.fork("a", id="f")
        await live(fork, "w")
        third = await engine.start(LOCKED, id="third")
        await fork.signal("go")
        await soon(fork.result())
        await run.signal("go")
        await soon(run.result())
        await live(third, "w")
        await third.signal("go")
        await soon(third.result())


async def test_a_run_whose_call_was_queued_elsewhere_is_retried_and_queued_again(
    opened: OpenEngine, gate: Gate
) -> None:
    async with opened(queues=["default"]) as engine:
        run = await engine.start(ON_GPU, id="r")
        await queued(run)
        async with opened(queues=["gpu"]) as gpu:
            await gate.entered.wait()
            await run.terminate("stop")
            await has_status(run, "terminated")
            await run.retry()
            await journal(run, "Reopened", "AttemptQueued g", "AttemptQueued g")
            gate.open.set()
            assert await soon(run.result()) == 7
            rows = await journal(run)
            assert rows == [
                "RunStarted", "ActivityCompleted a", "AttemptQueued g", "Reopened", "AttemptQueued g",
                "ActivityCompleted g",
            ]  # fmt: skip
            assert gpu is not engine


async def test_a_queued_call_is_queued_again_where_its_run_is_imported(opened: OpenEngine, gate: Gate) -> None:
    async with opened(queues=["default"]) as engine:
        run = await engine.start(ON_GPU, id="r")
        await queued(run)
        lines = await run.export()
    gate.open.set()
    async with opened(store=MemoryStore()) as other:
        moved = await other.import_run(lines)
        assert await soon(moved.result()) == 7


async def test_a_queued_call_that_is_being_cancelled_ends_where_its_run_is_imported(
    opened: OpenEngine, gate: Gate
) -> None:
    async with opened(queues=["default"]) as engine:
        run = await engine.start(ON_GPU, id="r")
        await queued(run)
        async with opened(queues=["gpu"]):
            await gate.entered.wait()
    async with opened(queues=["default"], work=False) as engine:
        await engine.run("r").cancel("no")
        lines = await engine.run("r").export()
    async with opened(store=MemoryStore()) as other:
        moved = await other.import_run(lines)
        with pytest.raises(RunCancelled):
            await soon(moved.result())


async def test_a_lock_is_asked_for_in_the_store_a_run_is_imported_to(opened: OpenEngine) -> None:
    async with opened(work=False) as engine:
        run = await engine.start(LOCKED, id="r")
        lines = await run.export()  # its slot was granted, and it has not heard of it
    async with opened(store=MemoryStore()) as other:
        there = await other.start(LOCKED, id="there")
        await live(there, "w")
        moved = await other.import_run(lines)
        await moved.pause()
        await has_status(moved, "paused")  # so whatever came with the run has been read
        await moved.resume()
        await has_status(moved, "running")
        assert [step["kind"] for step in await live(moved)] == ["lock"]
        await there.signal("go")
        await soon(there.result())
        await live(moved, "w")


async def test_a_run_inside_a_lock_has_it_where_it_is_imported(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(LOCKED, id="r")
        await live(run, "w")
        lines = await run.export()
    async with opened(store=MemoryStore()) as other:
        moved = await other.import_run(lines)
        await live(moved, "w")
        second = await other.start(LOCKED, id="second")
        await settled(other)
        assert [step["kind"] for step in await live(second)] == ["lock"]
        await moved.signal("go")
        await soon(moved.result())
        await live(second, "w")


async def test_a_scheduled_run_begins_in_its_time_where_it_is_imported(opened: OpenEngine) -> None:
    async with opened() as engine:
        await engine.start(ONE_AT_A_TIME, {"k": "x"}, id="r", delay="1h")
        soon_due = await engine.start(ONE_AT_A_TIME, {"k": "y"}, id="q", delay=0.4)
        paused = await engine.start(ONE_AT_A_TIME, {"k": "z"}, id="p", delay="1h")
        await paused.pause()
        await has_status(paused, "paused")
        exported = [await engine.run(id).export() for id in ("r", "q", "p")]
        assert soon_due.id == "q"
    async with opened(store=MemoryStore()) as other:
        runs = [await other.import_run(lines) for lines in exported]
        await live(runs[1], "w")
        await settled(other)
        assert [(await run.describe()).status for run in runs] == ["scheduled", "running", "paused"]
        await runs[2].resume()
        await has_status(runs[2], "scheduled")


async def test_a_scheduled_run_begins_under_the_definition_it_moved_to(opened: OpenEngine) -> None:
    hands = HandClock()
    old = """
workflow: w
version: "1"
vars: {n: 1}
steps:
  - {id: a, activity: echo, with: {value: "{{ vars.n }}"}}
"""
    new = """
workflow: w
version: "2"
vars: {m: 2}
concurrency: {key: k}
steps:
  - {id: z, activity: echo, with: {value: "{{ vars.m }}"}, queue: other}
output: "{{ steps.z }}"
"""
    async with opened(clock=hands) as engine:
        run = await engine.start(old, id="r", delay="1h")
        await run.migrate(new)
        assert (await run.describe()).status == "scheduled"
        hands.time += HOUR
        engine._poke()
        assert await soon(run.result()) == 2


async def test_a_child_with_a_secret_inside_a_lock_keeps_its_result_for_others(opened: OpenEngine) -> None:
    calls: list[str] = []

    @activity("use")
    async def use(key: str) -> str:
        calls.append(key)
        return f"used {key}"

    child = """
workflow: child
steps:
  - {id: u, activity: use, with: {key: "{{ input.key }}"}}
output: "{{ steps.u }}"
"""
    parent = """
workflow: parent
steps:
  - id: c
    cache: {key: same}
    lock: {key: door}
    workflow: child
    with: {key: "{{ secrets.token }}"}
output: "{{ steps.c }}"
"""
    async with opened(use, secrets={"token": "very-secret"}) as engine:
        await engine.deploy(child)
        one = await engine.start(parent, id="one")
        assert await soon(one.result()) == "used ***"
        two = await engine.start(parent, id="two")
        assert await soon(two.result()) == "used ***"
        assert calls == ["very-secret"]


async def test_deleting_runs_that_held_slots_leaves_the_queue_in_order(opened: OpenEngine) -> None:
    async with opened() as engine:
        first = await engine.start(LOCKED, id="first")
        await live(first, "w")
        second = await engine.start(LOCKED, id="second")
        await settled(engine)
        with pytest.raises(RunConflict):
            await first.delete()
        await first.terminate("away")
        await has_status(first, "terminated")
        await first.delete()
        await live(second, "w")
        await second.cancel("away")
        with pytest.raises(RunCancelled):
            await soon(second.result())
        await second.delete()
        again = await engine.start(LOCKED, id="first")
        await live(again, "w")
