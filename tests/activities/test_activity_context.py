"""What an activity learns of the attempt it runs in: facts, heartbeats, cancellation."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from perdure.activities import ActivityCancelled, ActivityFailure, Context, activity, context
from perdure.errors import PerdureError

Make = Callable[..., Any]


def test_outside_an_activity_there_is_no_context() -> None:
    with pytest.raises(PerdureError, match="only there inside an activity"):
        context()


def test_a_test_may_enter_a_context_to_call_an_activity_directly(attempt: Make) -> None:
    with attempt(run_id="r7").entered() as entered:
        assert context() is entered
    with pytest.raises(PerdureError):
        context()


@pytest.mark.parametrize("threaded", [False, True])
async def test_the_activity_reads_its_attempt(registry: Make, attempt: Make, threaded: bool) -> None:
    def facts() -> list[Any]:
        here = context()
        return [
            here.run_id, here.workflow, here.address, here.attempt, here.idempotency_key,
            here.heartbeat_details, here.cancelled, threading.current_thread() is threading.main_thread(),
        ]  # fmt: skip

    async def coroutine() -> list[Any]:
        return facts()

    made = registry(activity("facts")(facts if threaded else coroutine))
    found = await made.call("facts", {}, attempt(attempt=2, heartbeat_details={"row": 5}))
    assert found == ["trip-1", "book-trip", "flight", 2, "trip-1/flight/0", {"row": 5}, False, not threaded]
    with pytest.raises(PerdureError):
        context()


async def test_attempts_in_two_threads_see_each_their_own_context(registry: Make, attempt: Make) -> None:
    meet = threading.Barrier(2, timeout=10)

    @activity("meet")
    def meeting() -> list[str]:
        first = context().run_id
        meet.wait()
        second = context().run_id
        meet.wait()
        return [first, second]

    made = registry(meeting)
    one, two = await asyncio.gather(
        made.call("meet", {}, attempt(run_id="one")), made.call("meet", {}, attempt(run_id="two"))
    )
    assert (one, two) == (["one", "one"], ["two", "two"])


async def test_tasks_and_threads_an_activity_starts_see_its_context(registry: Make, attempt: Make) -> None:
    @activity("spread")
    async def spread() -> list[str]:
        async def inner() -> str:
            return context().run_id

        return [await asyncio.create_task(inner()), await asyncio.to_thread(lambda: context().run_id)]

    assert await registry(spread).call("spread", {}, attempt(run_id="r")) == ["r", "r"]


@pytest.mark.parametrize("threaded", [False, True])
async def test_heartbeats_reach_the_host_in_its_own_thread_and_in_order(
    registry: Make, attempt: Make, threaded: bool
) -> None:
    heard: list[Any] = []

    def beat() -> None:
        context().heartbeat({"row": 1})
        context().heartbeat()
        context().heartbeat([2])

    async def coroutine() -> None:
        beat()

    made = registry(activity("beat")(beat if threaded else coroutine))
    host = threading.get_ident()
    here = attempt(on_heartbeat=lambda details: heard.append((details, threading.get_ident() == host)))
    await made.call("beat", {}, here)
    assert heard == [({"row": 1}, True), ({"row": 1}, True), ([2], True)]


async def test_a_bare_heartbeat_keeps_the_details_of_the_attempt_before(attempt: Make) -> None:
    heard: list[Any] = []
    attempt(heartbeat_details=7, on_heartbeat=heard.append).heartbeat()
    assert heard == [7]


def test_heartbeat_details_must_be_json_and_are_copied(attempt: Make) -> None:
    heard: list[Any] = []
    here = attempt(on_heartbeat=heard.append)
    progress = {"row": 1}
    here.heartbeat(progress)
    progress["row"] = 2
    assert heard == [{"row": 1}]
    with pytest.raises(ValueError, match="Unable to serialize"):
        here.heartbeat(object())
    with pytest.raises(ValueError, match="are allowed"):
        here.heartbeat("x" * (1 << 21))


async def test_a_cancelled_function_stops_at_its_next_heartbeat(registry: Make, attempt: Make) -> None:
    started, ended = threading.Event(), threading.Event()
    told: list[Any] = []

    @activity("copy")
    def copy() -> None:
        started.set()
        try:
            while True:
                try:
                    context().heartbeat()
                except Exception:
                    told.append("an Exception would be swallowed here")
        except ActivityCancelled:
            told.append(context().cancelled)
            raise
        finally:
            ended.set()

    here = attempt()
    running = asyncio.create_task(registry(copy).call("copy", {}, here))
    await asyncio.to_thread(started.wait, 10)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert here.cancelled
    assert await asyncio.to_thread(ended.wait, 10)
    assert told == [True]


async def test_a_host_that_only_tells_the_context_gets_a_cancellation(registry: Make, attempt: Make) -> None:
    @activity("wait")
    def wait() -> None:
        while True:
            context().heartbeat()

    here = attempt()
    here.cancel()
    with pytest.raises(asyncio.CancelledError):
        await registry(wait).call("wait", {}, here)


async def test_a_cancelled_coroutine_may_heartbeat_while_it_cleans_up(registry: Make, attempt: Make) -> None:
    heard: list[Any] = []
    started = asyncio.Event()

    @activity("wait")
    async def wait() -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            context().heartbeat("cleaning")

    here = attempt(on_heartbeat=heard.append)
    running = asyncio.create_task(registry(wait).call("wait", {}, here))
    await started.wait()
    here.cancel()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert heard == ["cleaning"]


async def test_a_cancellation_the_activity_made_itself_is_a_failure(registry: Make, attempt: Make) -> None:
    @activity("own")
    async def own() -> None:
        inner = asyncio.create_task(asyncio.Event().wait())
        inner.cancel()
        await inner

    @activity("thread")
    def thread() -> None:
        raise ActivityCancelled

    made = registry(own, thread)
    for name, kind in (("own", "asyncio.exceptions.CancelledError"), ("thread", "ActivityCancelled")):
        with pytest.raises(ActivityFailure) as failed:
            await made.call(name, {}, attempt())
        assert failed.value.error["cause"]["type"].endswith(kind)


async def test_records_of_the_logger_carry_the_attempt(
    registry: Make, attempt: Make, caplog: pytest.LogCaptureFixture
) -> None:
    @activity("note")
    def note() -> None:
        context().logger.warning("row %d", 5, extra={"table": "t"})

    await registry(note).call("note", {}, attempt(attempt=3))
    record: Any = caplog.records[0]
    found = (record.getMessage(), record.run, record.workflow, record.address, record.attempt, record.table)
    assert found == ("row 5", "trip-1", "book-trip", "flight", 3, "t")


@pytest.mark.parametrize(
    ("level", "number"),
    [("debug", 10), ("info", 20), ("warning", 30), ("error", 40)],
)
async def test_log_writes_message_and_data(
    registry: Make, attempt: Make, caplog: pytest.LogCaptureFixture, level: str, number: int
) -> None:
    caplog.set_level(logging.DEBUG, "perdure.activities")
    arguments = {"message": "100% of %s", "level": level, "data": {"rows": [1]}}
    assert await registry().call("log", arguments, attempt()) is None
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [(number, '100% of %s {"rows":[1]}')]


async def test_log_refuses_other_levels_and_takes_any_message(
    registry: Make, attempt: Make, caplog: pytest.LogCaptureFixture
) -> None:
    made = registry()
    with pytest.raises(ActivityFailure, match="level: Input should be"):
        await made.call("log", {"message": "x", "level": "loud"}, attempt())
    await made.call("log", {"message": {"a": None}, "level": "warning"}, attempt())
    assert caplog.messages == ['{"a":null}']


async def test_noop_gives_back_its_value(registry: Make, attempt: Make) -> None:
    made = registry()
    assert await made.call("noop", {}, attempt()) is None
    assert await made.call("noop", {"value": {"a": [1]}}, attempt()) == {"a": [1]}


def test_a_context_is_made_of_names(attempt: Make) -> None:
    with pytest.raises(TypeError):
        Context("run", "workflow", "address", 1, "key")  # type: ignore[call-arg]
