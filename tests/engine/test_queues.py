"""Queues: their limits and order within a worker, and calls that one worker makes for the run of another."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from engine_world import Gate, OpenEngine, Place, Shaky, events, eventually, failed, live, opener
from live_world import Mortal, bury_all, has_status, in_memory, soon

import perdure
from perdure.activities import activity, context
from perdure.engine import Engine
from perdure.engine.clock import SystemClock
from perdure.errors import DefinitionError, PerdureError, RunCancelled, RunFailed, RunTerminated
from perdure.values import HOUR

ON_GPU = """
workflow: w
steps:
  - {id: a, activity: echo, with: {value: before}}
  - {id: g, activity: hold, with: {value: 7}, queue: gpu}
output: "{{ steps.g }}"
"""


class Later(SystemClock):
    """The time an hour from now."""

    def now(self) -> int:
        return super().now() + HOUR


async def called(gate: Gate, call: str, times: int = 1) -> None:
    async def look() -> bool:
        return gate.calls.count(call) >= times

    await eventually(look)


async def resting(engine: Engine) -> None:
    """Wait until the engine has no run in memory."""

    async def look() -> bool:
        return in_memory(engine) == 0

    await eventually(look)


async def stopped(gate: Gate) -> None:
    async def look() -> bool:
        return bool(gate.stopped)

    await eventually(look)


def on_gpu(*lines: str, activity: str = "hold") -> str:
    more = "".join(f"    {line}\n" for line in lines)
    return f"workflow: w\nsteps:\n  - id: g\n    activity: {activity}\n    with: {{value: 7}}\n    queue: gpu\n{more}"


# -- one worker


async def test_a_queue_has_its_own_limit(opened: OpenEngine, gate: Gate) -> None:
    text = """
    workflow: w
    steps:
      - foreach: "[1, 2, 3, 4]"
        concurrency: 4
        steps:
          - {activity: hold, with: {value: "{{ item }}"}, queue: narrow}
          - {activity: echo, with: {value: "{{ item }}"}}
    """
    async with opened(queues={"narrow": 2, "default": 50}) as engine:
        run = await engine.start(text)
        other = await engine.start("workflow: o\nsteps: [{activity: echo, with: {value: other}}]\n")
        assert await other.result(10) == "other"
        await called(gate, "hold 2")
        assert sorted(call for call in gate.calls if "hold" in call) == ["hold 1", "hold 2"]
        gate.open.set()
        await run.result(10)


async def test_what_waits_begins_by_priority(opened: OpenEngine, gate: Gate) -> None:
    async with opened(concurrency=1) as engine:
        first = await engine.start("workflow: f\nsteps: [{id: a, activity: hold}]\n")
        await called(gate, "hold None")
        runs = [
            await engine.start(
                'workflow: w\nsteps:\n  - {id: e, activity: echo, with: {value: "{{ input.p }}"}, '
                'priority: "{{ input.p }}"}\n',
                {"p": priority},
            )
            for priority in (0, 5, -2, 9)
        ]
        for run in runs:
            await live(run, "e")
        await asyncio.sleep(0)
        gate.open.set()
        for run in (first, *runs):
            await run.result(10)
    assert gate.calls == ["hold None", "echo 9", "echo 5", "echo 0", "echo -2"]


async def test_an_activity_is_started_no_more_often_than_its_rate(opened: OpenEngine) -> None:
    starts: list[int] = []

    @activity("mail.send", rate="2/h")
    async def send(n: int) -> int:
        starts.append(n)
        return n

    text = """
    workflow: w
    steps:
      - id: e
        activity: mail.send
        with: {n: "{{ input.n }}"}
        priority: "{{ -input.n }}"
        timeout: {queue: "{{ input.wait }}"}
    """
    async with opened(send) as engine:
        runs = [await engine.start(text, {"n": n, "wait": "1ms" if n == 4 else "1d"}) for n in range(5)]
        assert [await run.result(10) for run in runs[:2]] == [0, 1]
        with pytest.raises(RunFailed, match="no worker was free within 1ms"):
            await runs[4].result(10)
        await runs[2].cancel()
        with pytest.raises(RunCancelled):
            await runs[2].result(10)
        other = await engine.start("workflow: o\nsteps: [{activity: echo, with: {value: other}}]\n")
        assert await other.result(10) == "other"
    assert starts == [0, 1]


async def test_a_rate_lets_the_next_begin_once_its_time_has_come(opened: OpenEngine) -> None:
    @activity("mail.send", rate="1/20ms")
    async def send(n: int) -> int:
        return n

    text = """
    workflow: w
    steps: [{foreach: "[1, 2, 3, 4]", concurrency: 4, steps: [{activity: mail.send, with: {n: "{{ item }}"}}]}]
    """
    async with opened(send) as engine:
        assert await (await engine.start(text)).result(10) == [1, 2, 3, 4]


def test_a_rate_that_is_none_is_refused_where_it_is_written() -> None:
    with pytest.raises(PerdureError, match='a rate is written "10/s"'):

        @activity("a", rate="often")
        def never() -> None: ...


@pytest.mark.parametrize("queues", [["two words"], {"a": 0}, [], "mail"])
async def test_queues_that_are_none_are_refused_at_once(opened: OpenEngine, queues: Any) -> None:
    with pytest.raises(PerdureError, match="queues"):
        async with opened(queues=queues):
            pass


# -- two workers


async def test_a_call_is_made_by_the_worker_that_serves_its_queue(place: Place, opened: OpenEngine) -> None:
    here, there = Gate(), Gate()
    async with opener(place, here)(queues=["default"]) as owner, opener(place, there)(queues={"gpu": 1}):
        run = await owner.start(ON_GPU)
        await called(there, "hold 7")
        assert here.calls == ["echo before"]
        await resting(owner)
        assert (there.contexts[0].run_id, there.contexts[0].workflow, there.contexts[0].address) == (run.id, "w", "g")
        there.open.set()
        assert await run.result(10) == 7
        assert [row for row in await events(run) if not row.startswith("AttemptStarted")] == [
            "RunStarted", "ActivityCompleted a", "AttemptQueued g", "ActivityCompleted g",
        ]  # fmt: skip


async def test_a_worker_of_all_queues_takes_what_others_do_not_serve(place: Place) -> None:
    here, there = Gate(), Gate()
    there.open.set()
    async with opener(place, here)(queues=["default"]) as owner:
        run = await owner.start(ON_GPU)
        await resting(owner)
        async with opener(place, there)():
            assert await run.result(10) == 7
    assert (here.calls, there.calls) == (["echo before"], ["hold 7"])


async def test_tasks_wait_for_a_worker_and_begin_by_priority(place: Place) -> None:
    here, there = Gate(), Gate()
    text = """
    workflow: w
    steps: [{activity: echo, with: {value: "{{ input.p }}"}, queue: gpu, priority: "{{ input.p }}"}]
    """
    async with opener(place, here)(queues=["default"]) as owner:
        runs = [await owner.start(text, {"p": p}) for p in (1, 3, 2)]
        await resting(owner)
        async with opener(place, there)(queues={"gpu": 1}):
            assert [await run.result(20) for run in runs] == [1, 3, 2]
    assert (here.calls, there.calls) == ([], ["echo 3", "echo 2", "echo 1"])


async def test_an_error_of_a_task_is_the_error_of_its_step_and_is_retried(place: Place) -> None:
    here, there = Gate(), Gate()
    text = on_gpu("with: {}", "retry: {attempts: 2, delay: 0s}", activity="fail").replace("    with: {value: 7}\n", "")
    async with opener(place, here)(queues=["default"]) as owner, opener(place, there)(queues=["gpu"]):
        run = await owner.start(text)
        with pytest.raises(RunFailed) as caught:
            await run.result(10)
        assert caught.value.error is not None
        assert (caught.value.error["type"], caught.value.error["attempt"]) == ("Broken", 2)
    assert (here.calls, there.calls) == ([], ["fail", "fail"])


async def test_secrets_of_a_task_are_those_of_the_worker_that_makes_the_call(place: Place) -> None:
    here, there = Gate(), Gate()
    seen: list[str] = []

    @activity("take")
    async def take(key: str) -> str:
        seen.append(key)
        return f"got {key}"

    text = 'workflow: w\nsteps: [{activity: take, with: {key: "{{ secrets.key }}"}, queue: gpu}]\n'
    async with (
        opener(place, here)(take, queues=["default"], secrets={"key": "the wrong one"}) as owner,
        opener(place, there)(take, queues=["gpu"], secrets={"key": "the right one"}),
    ):
        assert await (await owner.start(text)).result(10) == "got ***"
    assert seen == ["the right one"]


async def test_a_cancel_reaches_a_task_that_nobody_has_taken(opened: OpenEngine, gate: Gate) -> None:
    async with opened(queues=["default"]) as owner:
        run = await owner.start(ON_GPU)
        await resting(owner)
        await run.cancel()
        with pytest.raises(RunCancelled):
            await run.result(10)
    async with opened() as engine:
        assert await (await engine.start("workflow: o\nsteps: [{activity: echo, with: {value: 1}}]\n")).result(10) == 1
    assert "hold 7" not in gate.calls


@pytest.mark.parametrize("name", ["hold", "hold.thread"])
async def test_a_cancel_reaches_the_worker_that_makes_the_call(place: Place, name: str) -> None:
    here, there = Gate(), Gate()
    async with opener(place, here)(queues=["default"]) as owner, opener(place, there)(queues=["gpu"]):
        run = await owner.start(on_gpu("compensate: {activity: undo, with: {what: g}}", activity=name))
        await called(there, f"{name} 7")
        await run.cancel()
        with pytest.raises(RunCancelled) as caught:
            await run.result(15)
        await stopped(there)
        # a plain function that ends well although it was told to stop has done its work
        assert caught.value.undone == (["g"] if name == "hold.thread" else [])


async def test_a_timeout_of_an_attempt_stops_a_task(place: Place) -> None:
    here, there = Gate(), Gate()
    async with opener(place, here)(queues=["default"]) as owner, opener(place, there)(queues=["gpu"]):
        run = await owner.start(on_gpu("timeout: 300ms"))
        await called(there, "hold 7")
        with pytest.raises(RunFailed, match="timeout of 300ms"):
            await run.result(15)
        await stopped(there)


async def test_a_terminated_run_stops_its_task(place: Place) -> None:
    here, there = Gate(), Gate()
    async with opener(place, here)(queues=["default"]) as owner, opener(place, there)(queues=["gpu"]):
        run = await owner.start(on_gpu())
        await called(there, "hold 7")
        await run.terminate()
        with pytest.raises(RunTerminated):
            await run.result(10)
        await stopped(there)


async def test_a_task_that_no_worker_takes_in_time_fails_its_step(opened: OpenEngine, gate: Gate) -> None:
    async with opened(queues=["default"]) as owner:
        run = await owner.start(on_gpu("timeout: {queue: 50ms}"))
        with pytest.raises(RunFailed) as caught:
            await run.result(10)
        assert caught.value.error is not None
        assert caught.value.error["type"] == "Timeout"
        assert caught.value.error["message"] == "no worker was free within 50ms"
    async with opened():
        pass
    assert gate.calls == []


async def test_a_task_that_was_taken_in_time_may_take_as_long_as_it_likes(place: Place) -> None:
    here, there = Gate(), Gate()
    async with opener(place, here)(queues=["default"]) as owner, opener(place, there)(queues=["gpu"]):
        run = await owner.start(on_gpu("timeout: {queue: 1s}"))
        await called(there, "hold 7")

        async def started() -> bool:
            [part] = (await run.describe()).live
            return part["due"] is None

        await eventually(started)
        there.open.set()
        assert await run.result(10) == 7


async def test_a_task_that_is_found_too_late_is_not_begun(place: Place) -> None:
    """The owner is gone, and with it the timer: whoever takes the task sees that its time is over."""
    here, there = Gate(), Gate()
    mortal = Mortal(place.store())
    async with opener(place, here)(store=mortal, queues=["default"]) as owner:
        run = await owner.start(on_gpu("timeout: {queue: 1m}"), id="r")
        await resting(owner)
        mortal.dead.set()
    await bury_all(place)
    async with opener(place, there)(queues=["gpu"], clock=Later()) as engine:
        run = engine.run("r")
        with pytest.raises(RunFailed, match="no worker was free within 1m"):
            await run.result(10)
    assert there.calls == []


async def test_after_the_death_of_the_worker_another_makes_the_call(place: Place) -> None:
    here, dying, there = Gate(), Gate(), Gate()
    mortal = Mortal(place.store())
    async with opener(place, here)(queues=["default"]) as owner:
        async with opener(place, dying)(store=mortal, queues=["gpu"]) as engine:
            run = await owner.start(on_gpu())
            await called(dying, "hold 7")
            mortal.dead.set()
            dead = engine._worker.id  # type: ignore[union-attr]
        await bury(place, dead)
        async with opener(place, there)(queues=["gpu"]):
            await called(there, "hold 7")
            assert there.contexts[0].attempt == 2
            there.open.set()
            assert await run.result(10) == 7


async def bury(place: Place, worker: str) -> None:
    store = place.store()
    await store.open()
    await store.bury(worker, 0)
    await store.close()


async def test_a_task_that_may_run_once_is_not_made_again_after_a_death(place: Place) -> None:
    here, dying, there = Gate(), Gate(), Gate()
    mortal = Mortal(place.store())
    async with opener(place, here)(queues=["default"]) as owner:
        async with opener(place, dying)(store=mortal, queues=["gpu"]) as engine:
            run = await owner.start(on_gpu("retry: {attempts: 1}"))
            await called(dying, "hold 7")
            mortal.dead.set()
            dead = engine._worker.id  # type: ignore[union-attr]
        await bury(place, dead)
        async with opener(place, there)(queues=["gpu"]):
            with pytest.raises(RunFailed) as caught:
                await run.result(10)
        assert caught.value.error is not None
        assert caught.value.error["type"] == "WorkerLost"
    assert (dying.calls, there.calls) == (["hold 7"], [])


async def test_what_a_dead_worker_has_done_does_not_count_twice(place: Place) -> None:
    """It was taken for dead and goes on: of its call nothing is heard, that of the next one counts."""
    here, slow, there = Gate(), Gate(), Gate()
    async with (
        opener(place, here)(queues=["default"]) as owner,
        opener(place, slow)(queues={"gpu": 1}, grace=5) as engine,
    ):
        run = await owner.start(on_gpu())
        await called(slow, "hold 7")
        async with opener(place, there)(queues={"gpu": 1}):
            await bury(place, engine._worker.id)  # type: ignore[union-attr]

            async def again() -> bool:
                return slow.calls.count("hold 7") + there.calls.count("hold 7") == 2

            await eventually(again)
            slow.open.set()
            there.open.set()
            assert await run.result(10) == 7
        assert [row for row in await events(run) if "Completed" in row or "Lost" in row] == [
            "AttemptLost g",
            "ActivityCompleted g",
        ]


async def test_a_task_outlives_the_death_of_its_owner(place: Place) -> None:
    here, there, heir = Gate(), Gate(), Gate()
    mortal = Mortal(place.store())
    async with opener(place, there)(queues=["gpu"]):
        async with opener(place, here)(store=mortal, queues=["default"]) as owner:
            await owner.start(ON_GPU, id="r")
            await called(there, "hold 7")
            mortal.dead.set()
            dead = owner._worker.id  # type: ignore[union-attr]
        await bury(place, dead)
        async with opener(place, heir)() as engine:
            there.open.set()
            assert await engine.run("r").result(10) == 7
    assert (here.calls, there.calls, heir.calls) == (["echo before"], ["hold 7"], [])


async def test_an_owner_that_dies_before_the_task_is_written_leaves_nothing_behind(place: Place) -> None:
    here, there = Gate(), Gate()
    there.open.set()
    mortal = Mortal(place.store())
    mortal.last = "commit"
    mortal.fatal = lambda batch: any(b'"done"' in event for commit in batch for _, _, event in commit.events)
    async with opener(place, here)(store=mortal, queues=["default"]) as owner:
        await owner.start(ON_GPU, id="r")
        await soon(mortal.dead.wait())
    await bury_all(place)
    async with opener(place, there)() as engine:
        assert await engine.run("r").result(10) == 7
    assert there.calls == ["hold 7"]


async def test_details_of_a_tasks_heartbeat_reach_the_attempt_after_a_death(place: Place) -> None:
    seen: list[Any] = []
    gate = asyncio.Event()

    @activity("beat")
    async def beat() -> str:
        seen.append(context().heartbeat_details)
        context().heartbeat({"at": len(seen)})
        await gate.wait()
        return "done"

    text = "workflow: w\nsteps: [{id: g, activity: beat, queue: gpu}]\n"
    mortal = Mortal(place.store())
    async with opener(place, Gate())(beat, queues=["default"]) as owner:
        async with opener(place, Gate())(beat, store=mortal, queues=["gpu"]) as engine:
            run = await owner.start(text, id="r")

            async def noted() -> bool:
                row = await owner._store.find("r")
                assert row is not None
                return bool((await owner._store.load(row.key))[2])

            await eventually(noted)
            mortal.dead.set()
            dead = engine._worker.id  # type: ignore[union-attr]
        await bury(place, dead)
        gate.set()
        async with opener(place, Gate())(beat, queues=["gpu"]):
            assert await run.result(10) == "done"
    assert seen == [None, {"at": 1}]


async def test_a_task_that_is_silent_too_long_fails(place: Place) -> None:
    here, there = Gate(), Gate()
    async with opener(place, here)(queues=["default"]) as owner, opener(place, there)(queues=["gpu"]):
        run = await owner.start(on_gpu("timeout: {heartbeat: 50ms}"))
        with pytest.raises(RunFailed, match="no heartbeat within 50ms"):
            await run.result(10)


async def test_a_closing_worker_hands_back_what_it_has_not_begun(place: Place) -> None:
    calls: list[str] = []

    @activity("mail.send", rate="1/h")
    async def send(n: int) -> int:
        calls.append(f"{n}")
        return n

    text = """
    workflow: w
    steps: [{id: g, activity: mail.send, with: {n: "{{ input.n }}"}, queue: mail, retry: {attempts: 1}}]
    """
    async with opener(place, Gate())(send, queues=["default"]) as owner:
        async with opener(place, Gate())(send, queues={"mail": 10}) as closing:
            first = await owner.start(text, {"n": 1})
            assert await first.result(10) == 1
            second = await owner.start(text, {"n": 2})

            async def taken() -> bool:
                return bool(await owner._store.tasks(closing._worker.id))  # type: ignore[union-attr]

            await eventually(taken)
        async with opener(place, Gate())(send, queues=["mail"]):
            assert await second.result(10) == 2
    assert calls == ["1", "2"]


async def test_a_paused_run_hears_how_its_task_ends(place: Place) -> None:
    here, there = Gate(), Gate()
    text = ON_GPU.replace("output:", "  - {id: z, activity: echo, with: {value: after}}\noutput:")
    async with opener(place, here)(queues=["default"]) as owner, opener(place, there)(queues=["gpu"]):
        run = await owner.start(text)
        await called(there, "hold 7")
        await run.pause()
        await has_status(run, "paused")
        there.open.set()

        async def heard() -> bool:
            return "ActivityCompleted g" in await events(run)

        await eventually(heard)
        assert "echo after" not in here.calls
        await run.resume()
        assert await run.result(10) == 7


async def test_many_tasks_of_many_runs_are_each_made_once(place: Place) -> None:
    here, one, two = Gate(), Gate(), Gate()
    text = """
    workflow: w
    steps:
      - foreach: "[1, 2, 3, 4, 5]"
        concurrency: 5
        steps: [{activity: echo, with: {value: "{{ run.id }}/{{ item }}"}, queue: gpu}]
    """
    async with (
        opener(place, here)(queues=["default"]) as owner,
        opener(place, one)(queues={"gpu": 3}),
        opener(place, two)(queues={"gpu": 2}),
    ):
        runs = [await owner.start(text, id=f"r{number}") for number in range(20)]
        for run in runs:
            assert await run.result(25) == [f"{run.id}/{item}" for item in range(1, 6)]
    made = [*one.calls, *two.calls]
    assert sorted(made) == sorted(f"echo r{number}/{item}" for number in range(20) for item in range(1, 6))


async def test_a_worker_of_one_run_takes_no_tasks_of_others(place: Place) -> None:
    here, there = Gate(), Gate()
    async with opener(place, here)(queues=["default"]) as owner:
        await owner.start(ON_GPU)
        await resting(owner)
        async with opener(place, there)(only=["mine"]) as engine:
            mine = await engine.start("workflow: o\nsteps: [{activity: echo, with: {value: 1}, queue: x}]\n", id="mine")
            assert await mine.result(10) == 1
    assert there.calls == ["echo 1"]


def test_a_wait_cannot_have_a_queue() -> None:
    with pytest.raises(DefinitionError, match='"queue" belongs to activities'):
        perdure.load("workflow: w\nsteps: [{id: w, wait: 1s, queue: a}]\n")


@pytest.mark.parametrize("fault", ["take_tasks", "finish_task", "tasks"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_store_that_fails_for_a_while_costs_no_call_and_no_result(
    place: Place, shaky: Shaky, fault: str, when: str
) -> None:
    here, there = Gate(), Gate()
    getattr(shaky, when).add(fault)
    async with (
        opener(place, here)(queues=["default"]) as owner,
        opener(place, there)(store=shaky, queues=["gpu"]),  # type: ignore[arg-type]
    ):
        run = await owner.start(on_gpu("retry: {attempts: 1}", activity="echo"))
        await failed(shaky, 1)
        getattr(shaky, when).clear()
        assert await run.result(20) == 7
    assert there.calls == ["echo 7"]


async def test_a_worker_that_was_taken_for_dead_drops_its_tasks_and_takes_new_ones(place: Place) -> None:
    here, there = Gate(), Gate()
    async with opener(place, here)(queues=["default"]) as owner, opener(place, there)(queues=["gpu"]) as engine:
        run = await owner.start(on_gpu())
        await called(there, "hold 7")
        await bury(place, engine._worker.id)  # type: ignore[union-attr]
        await called(there, "hold 7", 2)
        await stopped(there)
        there.open.set()
        assert await run.result(10) == 7
    assert [context.attempt for context in there.contexts] == [1, 2]
