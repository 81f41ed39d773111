"""Retries: a run that failed goes on under its id from just before that; what had completed stays so."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import Gate, OpenEngine, Place, eventually, live
from live_world import journal, soon

import perdure
from perdure.activities import activity
from perdure.errors import RunConflict, RunFailed, UnknownRun


class Fate:
    """Activities whose failing can be ended."""

    def __init__(self) -> None:
        self.broken = True
        self.calls: list[str] = []
        self.keys: list[str] = []

    def activities(self) -> list[Any]:
        fate = self

        @activity("work")
        async def work(name: str) -> str:
            fate.calls.append(name)
            fate.keys.append(perdure.context().idempotency_key)
            if fate.broken:
                raise perdure.ActivityError("Broken", f"{name} broke")
            return name

        @activity("give")
        async def give() -> Any:
            fate.calls.append("give")
            return {} if fate.broken else {"n": 7}

        return [work, give]


@pytest.fixture
def fate() -> Fate:
    return Fate()


async def failed(run: perdure.Run) -> dict[str, Any]:
    with pytest.raises(RunFailed) as caught:
        await soon(run.result())
    assert caught.value.error is not None
    return caught.value.error


STEPS = """
workflow: steps
steps:
  - {id: a, activity: echo, with: {value: 1}}
  - {id: b, activity: work, with: {name: b}}
  - {id: c, activity: echo, with: {value: "{{ steps.a + 1 }}"}}
"""


async def test_a_failed_run_goes_on_with_the_step_that_failed(opened: OpenEngine, gate: Gate, fate: Fate) -> None:
    async with opened(*fate.activities()) as engine:
        run = await engine.start(STEPS, id="r", labels={"k": "v"})
        await failed(run)
        started = (await run.describe()).started_at
        fate.broken = False
        assert await run.retry() is run
        assert await run.result(10) == 2
        assert gate.calls == ["echo 1", "echo 2"]
        assert fate.keys == ["r/b/1", "r/b/1"], "the same deed has the same key"
        rows = [row for row in await journal(run) if not row.startswith("Attempt")]
        assert rows == ["RunStarted", "ActivityCompleted a", "Reopened", "ActivityCompleted b", "ActivityCompleted c"]
        info = await run.describe()
        assert (info.status, info.labels, info.started_at) == ("completed", {"k": "v"}, started)
        assert (await engine.run("r~1").describe()).status == "failed"


async def test_a_run_that_fails_again_can_be_retried_again(opened: OpenEngine, fate: Fate) -> None:
    async with opened(*fate.activities()) as engine:
        run = await engine.start(STEPS, id="r")
        for _ in range(3):
            assert (await failed(run))["message"] == "b broke"
            await run.retry()
        await failed(run)
        fate.broken = False
        await run.retry()
        assert await run.result(10) == 2
        with pytest.raises(RunConflict, match=r"r~1 has given its id r to another run; fork it"):
            await engine.run("r~1").retry()


async def test_only_a_run_that_ended_badly_is_retried(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        with pytest.raises(UnknownRun):
            await engine.run("none").retry()
        run = await engine.start("workflow: w\nsteps: [{id: a, activity: hold}]\n")
        await gate.entered.wait()
        with pytest.raises(RunConflict, match="has not ended: it is running"):
            await run.retry()
        gate.open.set()
        await run.result(10)
        with pytest.raises(RunConflict, match="is completed: only a run that ended badly"):
            await run.retry()
        at_once = await engine.start("workflow: w\nsteps: [{fail: {type: X}}]\n")
        await failed(at_once)
        with pytest.raises(RunConflict, match="failed as it began: start it again"):
            await at_once.retry()


UNDONE = """
workflow: undone
steps:
  - {id: a, activity: echo, with: {value: 1}, compensate: {activity: undo, with: {what: a}}}
  - {id: b, activity: work, with: {name: b}}
"""


async def test_a_run_whose_steps_were_undone_is_not_retried(opened: OpenEngine, fate: Fate) -> None:
    async with opened(*fate.activities()) as engine:
        run = await engine.start(UNDONE, id="r")
        await failed(run)
        with pytest.raises(RunConflict, match="steps of the run r were undone since it failed: a; fork it at a step"):
            await run.retry()
        assert (await run.describe()).status == "failed"


PATIENT = """
workflow: patient
steps:
  - {id: a, activity: echo, with: {value: 1}}
  - {id: b, activity: hold, with: {value: 5}, timeout: 150ms}
"""


async def test_a_step_that_timed_out_has_its_whole_time_again(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(PATIENT)
        assert (await failed(run))["type"] == "Timeout"
        gate.open.set()
        await run.retry()
        assert await run.result(10) == 5


async def test_a_wait_that_timed_out_waits_again(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(
            "workflow: w\nsteps: [{id: a, activity: echo}, {id: go, wait: {signal: go, timeout: 200ms}}]\n"
        )
        assert (await failed(run))["type"] == "Timeout"
        await run.retry()
        await run.signal("go", 3)
        assert await run.result(10) == 3


async def test_an_expression_that_failed_is_evaluated_on_another_result(opened: OpenEngine, fate: Fate) -> None:
    text = """
workflow: w
steps:
  - {id: a, activity: echo, with: {value: 1}}
  - {id: g, activity: give}
  - {id: b, activity: echo, with: {value: "{{ steps.g.n }}"}}
"""
    async with opened(*fate.activities()) as engine:
        run = await engine.start(text)
        assert (await failed(run))["type"] == "ExpressionFailed"
        fate.broken = False
        await run.retry()
        assert await run.result(10) == 7
        assert fate.calls == ["give", "give"]


GROUP = """
workflow: group
steps:
  - id: g
    parallel:
      join: %s
      branches:
        x: [{id: a, activity: work, with: {name: a}}]
        y: [{id: b, activity: echo, with: {value: 2}}, {id: w, wait: {signal: go}}]
"""


async def test_siblings_of_the_step_that_failed_go_on_where_they_were(
    opened: OpenEngine, gate: Gate, fate: Fate
) -> None:
    async with opened(*fate.activities()) as engine:
        run = await engine.start(GROUP % "all", id="r")
        await failed(run)
        fate.broken = False
        await run.retry()
        await run.signal("go", 3)
        assert await run.result(10) == {"x": "a", "y": 3}


async def test_a_join_that_failed_is_met_by_trying_its_last_failure_again(opened: OpenEngine, fate: Fate) -> None:
    text = """
workflow: join
steps:
  - id: each
    foreach: [x, y]
    join: 2
    steps: [{id: a, activity: work, with: {name: "{{ item }}"}}]
"""
    async with opened(*fate.activities()) as engine:
        run = await engine.start(text)
        error = await failed(run)
        assert (error["type"], error["cause"]["message"]) == ("JoinFailed", "x broke")
        fate.broken = False
        await run.retry()
        assert await run.result(10) == ["x", "y"]


async def test_signals_that_came_after_the_failure_or_were_never_read_are_there_again(
    opened: OpenEngine, gate: Gate, fate: Fate
) -> None:
    text = """
workflow: w
steps:
  - {id: a, activity: echo, with: {value: 1}}
  - {id: b, activity: work, with: {name: b}, finally: [{id: f, activity: hold}]}
  - {id: one, wait: {signal: one}}
  - {id: two, wait: {signal: two}}
"""
    async with opened(*fate.activities()) as engine:
        run = await engine.start(text)
        await gate.entered.wait()
        await run.signal("one", 1, id="s1")
        await run.signal("two", 2)
        await journal(run, "SignalReceived", "SignalReceived")
        gate.open.set()
        await failed(run)
        fate.broken = False
        await run.retry()
        await run.signal("one", 9, id="s1")  # the same signal
        assert await run.result(10) == 2
        assert (await run.describe()).unread == []


async def test_a_cancelled_run_goes_on_from_before_it_was_cancelled(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start("workflow: w\nsteps: [{id: a, activity: echo}, {id: b, activity: hold}]\n")
        await gate.entered.wait()
        await run.cancel("a slip")
        await eventually(lambda: ended(run))
        gate.open.set()
        await run.retry()
        assert await run.result(10) is None
        assert gate.calls == ["echo None", "hold None", "hold None"]


async def ended(run: perdure.Run) -> bool:
    return (await run.describe()).closed_at is not None


async def test_a_terminated_run_goes_on(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start("workflow: w\nsteps: [{id: a, activity: echo}, {id: go, wait: {signal: go}}]\n")
        await live(run, "go")
        await run.terminate()
        await eventually(lambda: ended(run))
        await run.retry()
        await run.signal("go", 4)
        assert await run.result(10) == 4


PARENT = """
workflow: parent
steps:
  - {id: a, activity: echo, with: {value: 1}}
  - {id: kid, workflow: kid}
"""
KID = """
workflow: kid
steps: [{id: a, activity: echo, with: {value: 2}}, {id: b, activity: work, with: {name: kid}}]
"""


async def test_a_run_whose_child_failed_starts_another_child(opened: OpenEngine, fate: Fate) -> None:
    async with opened(*fate.activities()) as engine:
        await engine.deploy(KID)
        run = await engine.start(PARENT, id="p")
        assert (await failed(run))["type"] == "ChildFailed"
        fate.broken = False
        await run.retry()
        assert await run.result(10) == "kid"
        ids = sorted(info.id for info in await engine.runs())
        assert len([id for id in ids if "/kid/" in id]) == 2


async def test_a_child_that_was_retried_first_is_waited_for(opened: OpenEngine, gate: Gate, fate: Fate) -> None:
    async with opened(*fate.activities()) as engine:
        await engine.deploy(KID)
        run = await engine.start(PARENT, id="p")
        await failed(run)
        fate.broken = False
        [child] = [info.id for info in await engine.runs() if info.workflow == "kid"]
        await engine.run(child).retry()
        await run.retry()
        assert await run.result(10) == "kid"
        assert fate.calls == ["kid", "kid"]
        assert gate.calls == ["echo 1", "echo 2"]


async def test_a_step_that_runs_at_most_once_is_retried_only_as_the_one_that_failed(
    opened: OpenEngine, gate: Gate, fate: Fate
) -> None:
    once = "retry: {attempts: 1}"
    text = f"""
workflow: w
steps:
  - {{id: z, activity: echo}}
  - id: g
    parallel:
      branches:
        x: [{{id: pause, wait: 100ms}}, {{id: a, activity: work, with: {{name: a}}, {once}}}]
        y: [{{id: b, activity: hold, {once}}}]
"""
    async with opened(*fate.activities()) as engine:
        run = await engine.start(text)
        await failed(run)
        with pytest.raises(RunConflict, match="b runs at most once, and had begun: a retry would run it again"):
            await run.retry()
        alone = await engine.start(
            f"workflow: w\nsteps: [{{id: z, activity: echo}}, {{id: a, activity: work, with: {{name: a}}, {once}}}]\n"
        )
        await failed(alone)
        fate.broken = False
        await alone.retry()
        assert await alone.result(10) == "a"


async def test_a_loop_goes_on_in_the_turn_that_failed(opened: OpenEngine, gate: Gate, fate: Fate) -> None:
    text = """
workflow: w
steps:
  - id: each
    foreach: [1, 2, 3]
    steps:
      - {id: a, activity: echo, with: {value: "{{ item }}"}}
      - {if: item == 2, activity: work, with: {name: "n{{ steps.a }}"}}
"""
    async with opened(*fate.activities()) as engine:
        run = await engine.start(text)
        await failed(run)
        fate.broken = False
        await run.retry()
        assert await run.result(10) == [None, "n2", None]
        assert gate.calls == ["echo 1", "echo 2", "echo 3"]


async def test_a_retried_run_survives_its_worker(place: Place, opened: OpenEngine, fate: Fate) -> None:
    async with opened(*fate.activities()) as engine:
        run = await engine.start(STEPS, id="r")
        await failed(run)
    fate.broken = False
    async with opened(work=False) as client:
        await client.run("r").retry()
        assert (await client.run("r").describe()).status == "running"
    async with opened(*fate.activities()) as engine:
        assert await engine.run("r").result(10) == 2
