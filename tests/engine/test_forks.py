"""Forks: a new run goes on from the moment a step of another completed; the other stays as it is."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import Gate, OpenEngine, Place, eventually, live
from live_world import journal, soon

import perdure
from perdure.errors import RunConflict, RunFailed

STEPS = """
workflow: steps
steps:
  - {id: a, activity: echo, with: {value: 1}, compensate: {activity: undo, with: {what: a}}}
  - {id: b, activity: echo, with: {value: "{{ steps.a + 1 }}"}}
  - {id: c, activity: echo, with: {value: "{{ steps.b + 1 }}"}}
"""


async def test_a_fork_copies_what_completed_and_does_the_rest_itself(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(STEPS, id="r", labels={"k": "v"})
        assert await run.result(10) == 3
        fork = await run.fork("a", id="f")
        assert await fork.result(10) == 3
        assert gate.calls == ["echo 1", "echo 2", "echo 3", "echo 2", "echo 3"]
        assert await journal(fork) == [
            "RunStarted", "PauseRequested", "ActivityCompleted a", "Reopened",
            "ActivityCompleted b", "ActivityCompleted c",
        ]  # fmt: skip
        assert (await fork.describe()).labels == {"k": "v"}
        again = await (await fork.fork("b")).result(10)
        assert again == 3


async def test_a_fork_is_refused_where_nothing_would_be_left_or_the_step_is_unknown(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(STEPS, id="r")
        await run.result(10)
        with pytest.raises(RunConflict, match="the run r ends with c: fork it at a step before"):
            await run.fork("c")
        with pytest.raises(RunConflict, match=r"d has not completed in the run r \(completed are a, b, c\)"):
            await run.fork("d")
        with pytest.raises(RunConflict, match="a run with the id r exists already"):
            await run.fork("a", id="r")
        assert len(await engine.runs()) == 1


async def test_a_fork_goes_on_with_another_definition(opened: OpenEngine, gate: Gate) -> None:
    better = STEPS.replace("steps.b + 1", "steps.b * 10")
    async with opened() as engine:
        run = await engine.start(STEPS, id="r")
        await run.result(10)
        fork = await run.fork("b", definition=better)
        assert await fork.result(10) == 20
        with pytest.raises(RunConflict, match="c reads the result of new, which this run has passed without it"):
            await run.fork(
                "b",
                definition=better.replace("steps.b * 10", "steps.new + 1").replace(
                    "  - {id: b", "  - {id: new, activity: echo}\n  - {id: b"
                ),
            )


async def test_a_fork_that_fails_undoes_what_the_original_did(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(STEPS, id="r")
        await run.result(10)
        fork = await run.fork(
            "b", definition=STEPS.replace('activity: echo, with: {value: "{{ steps.b + 1 }}"}', "activity: fail")
        )
        with pytest.raises(RunFailed) as caught:
            await soon(fork.result())
        assert caught.value.undone == ["a"]
        assert gate.calls[-2:] == ["fail", "undo a"]
        assert (await run.describe()).status == "completed"


async def test_a_fork_of_a_loop_goes_on_after_a_turn(opened: OpenEngine, gate: Gate) -> None:
    text = """
workflow: loop
steps:
  - id: each
    foreach: [1, 2, 3]
    steps: [{id: a, activity: echo, with: {value: "{{ item }}"}}]
"""
    async with opened() as engine:
        run = await engine.start(text)
        await run.result(10)
        gate.calls.clear()
        assert await (await run.fork("each[0]/a")).result(10) == [1, 2, 3]
        assert gate.calls == ["echo 2", "echo 3"]
        with pytest.raises(RunConflict, match="ends with a: fork it at a step before"):
            await run.fork("a")  # the last turn's


async def test_siblings_that_ran_at_the_fork_run_again_and_timers_have_their_rest(
    opened: OpenEngine, gate: Gate
) -> None:
    text = """
workflow: group
steps:
  - id: g
    parallel:
      branches:
        x: [{id: a, activity: echo, with: {value: 1}}, {id: a2, wait: {signal: go}}]
        y: [{id: b, activity: hold, with: {value: 2}}]
        z: [{id: w, wait: 1h}]
"""
    async with opened() as engine:
        run = await engine.start(text, id="r")
        await gate.entered.wait()
        await live(run, "b", "w", "a2")
        due = {part["address"]: part["due"] for part in await live(run)}
        fork = await run.fork("a", id="f")
        await eventually(lambda: twice(gate))
        parts = await live(fork, "b", "w", "a2")
        assert {part["address"]: part["due"] for part in parts}["w"] > due["w"]
        assert gate.contexts[0].idempotency_key == "r/b/1"
        assert gate.contexts[1].idempotency_key == "f/b/1"


async def twice(gate: Gate) -> bool:
    return gate.calls.count("hold 2") == 2


async def test_signals_taken_before_the_fork_stay_taken_and_unread_ones_are_copied(opened: OpenEngine) -> None:
    text = """
workflow: signals
steps:
  - {id: one, wait: {signal: one}}
  - {id: two, wait: {signal: two}}
  - {id: late, wait: {signal: late}}
output: ["{{ steps.one }}", "{{ steps.two }}"]
"""
    async with opened() as engine:
        run = await engine.start(text)
        await run.signal("late", 0)
        await run.signal("one", 1)
        await run.signal("two", 2)
        assert await run.result(10) == [1, 2]
        fork = await run.fork("one")
        await fork.signal("two", 22)
        assert await fork.result(10) == [1, 22]


async def test_a_fork_has_children_of_its_own_and_leaves_those_let_go_to_the_original(
    opened: OpenEngine, gate: Gate
) -> None:
    kid = "workflow: kid\nsteps: [{id: k, activity: echo, with: {value: kid}}, {id: go, wait: {signal: go}}]\n"
    text = """
workflow: parent
steps:
  - {id: detached, workflow: kid, detach: true}
  - {id: a, activity: echo, with: {value: "{{ steps.detached }}"}}
  - {id: awaited, workflow: kid}
output: "{{ steps.detached }}"
"""
    async with opened() as engine:
        await engine.deploy(kid)
        run = await engine.start(text, id="p")
        await live(run, "awaited")
        fork = await run.fork("a", id="f")
        await live(fork, "awaited")
        await eventually(lambda: kids(engine, 3))
        ids = [info.id for info in await engine.runs() if info.workflow == "kid"]
        [detached] = [id for id in ids if "/detached/" in id]
        [own] = [id for id in ids if id.startswith("f/awaited")]
        await engine.run(own).signal("go")
        assert await fork.result(10) == detached
        assert (await engine.run(detached).describe()).status == "running", "it is the original's to see off"
        await run.cancel()
        await eventually(lambda: closed(engine, detached))


async def kids(engine: perdure.Engine, count: int) -> bool:
    return len([info for info in await engine.runs() if info.workflow == "kid"]) == count


async def closed(engine: perdure.Engine, id: str) -> bool:
    return (await engine.run(id).describe()).closed_at is not None


async def test_a_fork_has_random_numbers_of_its_own(opened: OpenEngine) -> None:
    text = """
workflow: chance
steps:
  - {id: a, activity: echo, with: {value: "{{ uuid() }}"}}
  - {id: b, activity: echo, with: {value: "{{ uuid() }}"}}
output: ["{{ steps.a }}", "{{ steps.b }}"]
"""
    async with opened() as engine:
        run = await engine.start(text)
        first = await run.result(10)
        second = await (await run.fork("a")).result(10)
        assert first[0] == second[0]
        assert first[1] != second[1]


async def test_a_run_whose_steps_depend_on_its_id_is_not_forked(opened: OpenEngine) -> None:
    text = """
workflow: named
steps:
  - branch: [{when: "run.id == 'r'", steps: [{id: x, activity: echo}]}, {else: true, steps: [{id: y, activity: echo}]}]
  - {id: z, wait: {signal: go}}
"""
    async with opened() as engine:
        run = await engine.start(text, id="r")
        await live(run, "z")
        with pytest.raises(RunConflict, match=r"depends on its id \(run.id\): it cannot be forked"):
            await run.fork("x")


async def test_a_fork_of_a_run_that_moved_is_a_run_of_both_definitions(opened: OpenEngine, gate: Gate) -> None:
    more = STEPS + "  - {id: d, activity: echo, with: {value: 4}}\n  - {id: e, wait: {signal: go}}\n"
    held = more.replace("{id: b, activity: echo", "{id: b, activity: hold")
    async with opened() as engine:
        run = await engine.start(held, id="r")
        await gate.entered.wait()
        await run.migrate(held.replace("value: 4", "value: 5"))
        gate.open.set()
        await live(run, "e")
        fork = await run.fork("d", id="f")
        await fork.signal("go", 1)
        assert await fork.result(10) == 1
        assert "ActivityCompleted d" in await journal(fork)
        assert [row["event"] for row in await fork.history()].count("Migrated") == 1


async def test_a_fork_goes_on_with_another_process(place: Place, opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        await (await engine.start(STEPS, id="r")).result(10)
    async with opened(work=False) as client:
        fork = await client.run("r").fork("a", id="f")
        info: Any = await fork.describe()
        assert info.status == "running"
    async with opened() as engine:
        assert await engine.run("f").result(10) == 3
