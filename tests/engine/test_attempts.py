"""How attempts at activities end: failures of every kind, cancellation, timeouts, heartbeats, queues."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import pytest
from engine_world import Gate, OpenEngine, events, eventually, live

import perdure
from perdure.activities import activity, context
from perdure.engine import attempts
from perdure.errors import RunCancelled, RunFailed


class Odd(Exception):
    """An exception that cannot even be shown."""

    def __str__(self) -> str:
        raise ValueError("no text")


class Aborted(BaseException):
    pass


RAISED: list[tuple[BaseException, str, str | None]] = [
    (ValueError("bad"), "ActivityFailed", "ValueError"),
    (perdure.ActivityError("pay.Declined", "no", details={"a": 1}), "pay.Declined", None),
    (perdure.ActivityError("pay.Odd", "no", details=object()), "pay.Odd", None),
    (Odd(), "ActivityFailed", "test_attempts.Odd"),
    (Aborted("stop"), "ActivityFailed", "test_attempts.Aborted"),
    (SystemExit(3), "ActivityFailed", "SystemExit"),
    (TimeoutError(), "ActivityFailed", "TimeoutError"),
    (asyncio.CancelledError("own doing"), "ActivityFailed", "asyncio.exceptions.CancelledError"),
    (StopIteration(), "ActivityFailed", "RuntimeError"),
    (GeneratorExit(), "ActivityFailed", "GeneratorExit"),
    (ExceptionGroup("many", [ValueError("x")]), "ActivityFailed", "ExceptionGroup"),
    (RecursionError("deep"), "ActivityFailed", "RecursionError"),
    (MemoryError(), "ActivityFailed", "MemoryError"),
]


@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize(("raised", "type", "cause"), RAISED, ids=lambda value: type(value).__name__)
async def test_whatever_an_activity_raises_is_the_error_of_its_run(
    opened_sqlite: OpenEngine, raised: BaseException, type: str, cause: str | None, threaded: bool
) -> None:
    if threaded:

        @activity("odd")
        def odd() -> None:
            raise raised

        declared: Any = odd
    else:

        @activity("odd")
        async def async_odd() -> None:
            raise raised

        declared = async_odd

    async with opened_sqlite(declared) as engine:
        run = await engine.start("workflow: w\nsteps:\n  - {id: a, activity: odd}\n")
        with pytest.raises(RunFailed) as caught:
            await run.result(10)
        error = caught.value.error
        assert error is not None
        assert (error["type"], error["step"], error["attempt"]) == (type, "a", 1)
        if cause is None:
            assert error["cause"] is None
        elif not (threaded and isinstance(raised, StopIteration)):
            assert error["cause"]["type"] == cause
        after = await engine.start("workflow: v\nsteps:\n  - {activity: echo, with: {value: 1}}\n")
        assert await after.result(10) == 1


@pytest.mark.parametrize("given", [object(), float("nan"), {"x": b"\xff"}, "\ud800", 1 << 5000])
async def test_what_is_not_json_is_no_result(opened_sqlite: OpenEngine, given: Any) -> None:
    @activity("odd")
    async def odd() -> Any:
        return given

    async with opened_sqlite(odd) as engine:
        run = await engine.start("workflow: w\nsteps:\n  - {id: a, activity: odd}\n")
        with pytest.raises(RunFailed) as caught:
            await run.result(10)
        assert caught.value.error is not None
        assert caught.value.error["type"] == "InvalidOutput"


async def test_plain_functions_run_in_threads(opened: OpenEngine) -> None:
    names = []

    @activity("thread")
    def thread(value: int) -> int:
        names.append(threading.current_thread().name)
        return value + 1

    async with opened(thread) as engine:
        run = await engine.start("workflow: w\nsteps:\n  - {activity: thread, with: {value: 1}}\n")
        assert await run.result(10) == 2
        assert names != [threading.main_thread().name]


UNDONE = """
workflow: w
steps:
  - id: a
    activity: {activity}
    with: {{value: 1}}
    compensate: {{activity: undo, with: {{what: a}}}}
"""


@pytest.mark.parametrize("name", ["hold", "hold.thread"])
async def test_a_cancelled_activity_is_told_and_stops(opened: OpenEngine, gate: Gate, name: str) -> None:
    async with opened() as engine:
        run = await engine.start(f"workflow: w\nsteps:\n  - {{id: a, activity: {name}}}\n")
        await eventually(lambda: called(gate))
        await run.cancel()
        with pytest.raises(RunCancelled):
            await run.result(10)
        await eventually(lambda: stopped(gate))
        assert gate.stopped == [name]
        assert gate.contexts[0].cancelled


async def called(gate: Gate) -> bool:
    return bool(gate.contexts)


async def stopped(gate: Gate) -> bool:
    return bool(gate.stopped)


async def test_an_activity_that_ends_well_although_it_was_cancelled_is_undone(opened: OpenEngine, gate: Gate) -> None:
    @activity("stubborn")
    async def stubborn(value: int) -> int:
        gate.entered.set()
        try:
            await gate.open.wait()
        except asyncio.CancelledError:
            return value
        return value

    async with opened(stubborn) as engine:
        run = await engine.start(UNDONE.format(activity="stubborn"))
        await gate.entered.wait()
        await run.cancel()
        with pytest.raises(RunCancelled) as caught:
            await run.result(10)
        assert caught.value.undone == ["a"]
        assert gate.calls == ["undo a"]


async def test_a_plain_function_that_ends_well_although_it_was_cancelled_is_undone(
    opened: OpenEngine, gate: Gate
) -> None:
    async with opened() as engine:
        run = await engine.start(UNDONE.format(activity="hold.thread"))
        await eventually(lambda: called(gate))
        await run.cancel()
        with pytest.raises(RunCancelled) as caught:
            await run.result(10)
        assert caught.value.undone == ["a"]


async def test_an_activity_that_does_not_stop_is_given_up_after_its_grace(
    opened: OpenEngine, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "GRACE", 0.05)
    beats = asyncio.Event()

    @activity("deaf")
    async def deaf() -> None:
        gate.entered.set()
        while not gate.open.is_set():
            try:
                await asyncio.wait_for(gate.open.wait(), 0.01)
            except (TimeoutError, asyncio.CancelledError):
                context().heartbeat("alive")
                beats.set()

    text = "workflow: w\nsteps:\n  - {id: a, activity: deaf, timeout: {heartbeat: 1m}}\n"
    async with opened(deaf) as engine:
        run = await engine.start(text)
        await gate.entered.wait()
        await run.cancel()
        with pytest.raises(RunCancelled):
            await run.result(10)
        await beats.wait()
        gate.open.set()


async def test_an_attempt_that_is_cancelled_before_it_began_frees_its_place(opened: OpenEngine, gate: Gate) -> None:
    text = """
workflow: w
steps:
  - id: group
    parallel:
      join: any
      branches:
        a: [{id: now, set: {x: 1}}]
        b: [{id: held, activity: hold}]
  - {id: after, activity: echo, with: {value: 1}}
"""
    async with opened(concurrency=1) as engine:
        runs = [await engine.start(text) for _ in range(5)]
        assert [await run.result(10) for run in runs] == [1] * 5
        assert gate.open.is_set() is False


async def test_an_attempt_that_takes_too_long_times_out_and_is_tried_again(opened: OpenEngine, gate: Gate) -> None:
    text = """
workflow: w
steps:
  - id: a
    activity: hold
    timeout: {attempt: 30ms}
    retry: {attempts: 2, delay: 10ms}
"""
    async with opened() as engine:
        run = await engine.start(text)
        with pytest.raises(RunFailed) as caught:
            await run.result(10)
        assert caught.value.error is not None
        assert (caught.value.error["type"], caught.value.error["attempt"]) == ("Timeout", 2)
        assert gate.stopped == ["hold", "hold"]
        assert [one.attempt for one in gate.contexts] == [1, 2]
        assert gate.contexts[0].idempotency_key == gate.contexts[1].idempotency_key


async def test_a_total_timeout_ends_the_retries(opened: OpenEngine, gate: Gate) -> None:
    text = """
workflow: w
steps:
  - {id: a, activity: fail, timeout: 60ms, retry: {delay: 10ms, backoff: constant}}
"""
    async with opened() as engine:
        run = await engine.start(text)
        with pytest.raises(RunFailed) as caught:
            await run.result(10)
        assert caught.value.error is not None
        assert caught.value.error["type"] == "Timeout"
        assert len(gate.calls) >= 2


@pytest.mark.parametrize("threaded", [False, True])
async def test_a_silent_activity_times_out_and_the_next_attempt_reads_its_last_heartbeat(
    opened: OpenEngine, gate: Gate, threaded: bool
) -> None:
    seen = []

    def beat() -> bool:
        seen.append(context().heartbeat_details)
        context().heartbeat({"done": len(seen) * 10})
        return len(seen) == 2

    if threaded:

        @activity("silent")
        def silent() -> str:
            if not beat():
                gate.thread_open.wait(20)
            return "done"

        declared: Any = silent
    else:

        @activity("silent")
        async def async_silent() -> str:
            if not beat():
                await gate.open.wait()
            return "done"

        declared = async_silent

    text = """
workflow: w
steps:
  - {id: a, activity: silent, timeout: {heartbeat: 80ms}, retry: {attempts: 3, delay: 10ms}}
"""
    async with opened(declared) as engine:
        run = await engine.start(text)
        assert await run.result(10) == "done"
        assert seen == [None, {"done": 10}]
        gate.thread_open.set()


async def test_an_activity_that_beats_in_time_goes_on(opened: OpenEngine) -> None:
    @activity("lively")
    async def lively() -> int:
        for _ in range(20):
            context().heartbeat()
            await asyncio.sleep(0.01)
        return 1

    text = "workflow: w\nsteps:\n  - {id: a, activity: lively, timeout: {heartbeat: 150ms}}\n"
    async with opened(lively) as engine:
        assert await (await engine.start(text)).result(10) == 1


async def test_the_last_heartbeat_before_a_silence_is_durable(opened: OpenEngine, gate: Gate) -> None:
    beats = asyncio.Event()

    @activity("beats")
    async def beats_then_waits() -> None:
        context().heartbeat(1)
        context().heartbeat(2)
        beats.set()
        await gate.open.wait()

    async with opened(beats_then_waits) as engine:
        run = await engine.start("workflow: w\nsteps:\n  - {id: a, activity: beats}\n")
        await beats.wait()
        key = (await engine._row(run.id)).key

        async def written() -> bool:
            _, _, heartbeats = await engine._store.load(key)
            return list(heartbeats.values()) == [b"2"]

        await eventually(written)


async def test_with_one_place_the_others_queue_and_give_up_when_it_takes_too_long(
    opened: OpenEngine, gate: Gate
) -> None:
    text = """
workflow: w
steps:
  - {id: a, activity: hold, timeout: {queue: 50ms}}
"""
    async with opened(concurrency=1) as engine:
        first = await engine.start(text)
        await gate.entered.wait()
        second = await engine.start(text)
        patient = await engine.start("workflow: v\nsteps:\n  - {id: a, activity: echo, with: {value: 1}}\n")
        with pytest.raises(RunFailed) as caught:
            await second.result(10)
        assert caught.value.error is not None
        assert (caught.value.error["type"], caught.value.error["step"]) == ("Timeout", "a")
        assert gate.calls == ["hold None"]
        gate.open.set()
        await first.result(10)
        assert await patient.result(10) == 1


async def test_a_queued_activity_that_is_cancelled_never_begins(opened: OpenEngine, gate: Gate) -> None:
    async with opened(concurrency=1) as engine:
        first = await engine.start("workflow: w\nsteps:\n  - {id: a, activity: hold}\n")
        await gate.entered.wait()
        second = await engine.start("workflow: v\nsteps:\n  - {id: a, activity: echo}\n")
        await live(second, "a")
        await second.cancel()
        with pytest.raises(RunCancelled):
            await second.result(10)
        gate.open.set()
        await first.result(10)
        assert gate.calls == ["hold None"]


async def test_at_most_once_is_journalled_before_the_call(opened: OpenEngine, gate: Gate) -> None:
    text = "workflow: w\nsteps:\n  - {id: a, activity: once, retry: {attempts: 1}}\n"
    seen: list[list[str]] = []

    @activity("once")
    async def once() -> int:
        seen.append(await events(perdure_run()))
        return 1

    async with opened(once) as engine:

        def perdure_run() -> perdure.Run:
            return engine.run("r")

        run = await engine.start(text, id="r")
        assert await run.result(10) == 1
        assert seen == [["RunStarted", "AttemptStarted a"]]
        assert await events(run) == ["RunStarted", "AttemptStarted a", "ActivityCompleted a"]


async def test_many_activities_at_once_stay_below_the_limit(opened: OpenEngine) -> None:
    running, most = 0, 0

    @activity("count")
    async def count() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        running -= 1

    text = """
workflow: w
steps:
  - {id: each, foreach: "{{ input.n }}", concurrency: 50, steps: [{activity: count}]}
"""
    async with opened(count, concurrency=7) as engine:
        run = await engine.start(text, {"n": list(range(100))})
        assert await run.result(20) == [None] * 100
        assert (running, most) == (0, 7)


async def test_a_step_leaves_nothing_behind_for_the_garbage_collector(opened_sqlite: OpenEngine, gate: Gate) -> None:
    steps = "".join(f"  - {{id: s{n}, activity: echo, with: {{value: {n}}}}}\n" for n in range(20))
    async with opened_sqlite() as engine:
        definition = perdure.load(f"workflow: twenty\nsteps:\n{steps}")
        await (await engine.start(definition)).result(10)
        gc.collect()
        gc.disable()
        try:
            await (await engine.start(definition)).result(10)
            assert gc.collect() < 20
        finally:
            gc.enable()
