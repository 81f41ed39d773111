"""What the follower of a run tells of receives, children, errands and pauses: each line and each step."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

import perdure
from perdure.cli import hints
from perdure.cli.journal import Journal
from perdure.cli.settings import Settings
from perdure.cli.wording import Line
from perdure.errors import ActivityError, PerdureError

RECEIVE = """
workflow: w
steps:
  - id: r
    receive:
      state: {n: 0}
      on:
        - {update: add, set: {n: "{{ state.n + message }}"}}
        - {signal: say, steps: [{id: said, activity: t.say, timeout: 5s}]}
        - {signal: break, steps: [{id: bad, activity: t.never, timeout: 5s}]}
        - {signal: last, steps: [{id: ending, activity: t.say, timeout: 5s}], stop: true}
        - {signal: stop, stop: true}
      timeout: 1h
"""


@perdure.activity("t.say")
async def say() -> str:
    return "said"


@perdure.activity("t.never")
async def never() -> None:
    raise ActivityError("t.No", "never", retryable=False)


@perdure.activity("t.down")
async def down() -> None:
    raise ActivityError("t.Down", "not yet")


CHOSEN = Settings(None, (), "table", "never", 0, quiet=False, debug=False)


@pytest.fixture
async def engine():
    async with perdure.open("memory://", activities=[say, never, down]) as opened:
        yield opened


async def seen(engine: perdure.Engine, id: str = "r") -> tuple[list[Line], dict[str, str]]:
    """The lines and the statuses of a run that has ended."""
    with contextlib.suppress(PerdureError):
        await engine.run(id).result(timeout=20)
    journal = Journal(engine, id)
    _, lines = await journal.look()
    assert journal.progress is not None
    return lines, {step.place: step.status for step in journal.progress.steps.values()}


WAITS = Line("r", "waiting", "for update add or signal say or signal break or signal last or signal stop")


async def test_a_receive_tells_its_messages_and_completes_by_the_last(engine):
    run = await engine.start(RECEIVE, id="r")
    await run.update("add", 1)
    await run.signal("stop")
    lines, statuses = await seen(engine)
    assert lines == [
        WAITS, Line("run", "update received", "add"), Line("run", "signal received", "stop"), Line("r", "completed"),
    ]  # fmt: skip
    assert statuses == {"r": "completed"}


async def test_a_receive_that_ends_with_the_steps_of_a_handler_has_completed(engine):
    run = await engine.start(RECEIVE, id="r")
    await run.signal("say")
    await run.signal("last")
    _, statuses = await seen(engine)
    assert statuses == {
        "r": "completed", "r/say[0]": "ended", "r/say[0]/said": "completed",
        "r/last[1]": "ended", "r/last[1]/ending": "completed",
    }  # fmt: skip


async def test_a_handler_that_fails_takes_its_receive_along(engine):
    run = await engine.start(RECEIVE, id="r")
    await run.signal("break")
    lines, statuses = await seen(engine)
    assert lines[-2:] == [Line("r/break[0]/bad", "failed", "t.No: never"), Line("r", "failed", "t.No: never")]
    assert statuses == {"r": "failed", "r/break[0]": "ended", "r/break[0]/bad": "failed"}


async def test_a_receive_whose_time_is_over_has_failed_unless_it_has_a_default(engine):
    for default, status in (("", "failed"), ("default: {n: 7}", "completed")):
        await engine.start(RECEIVE.replace("timeout: 1h", f"timeout: 10ms\n      {default}"), id=status)
        assert (await seen(engine, status))[1] == {"r": status}


async def test_a_receive_of_a_cancelled_run_is_cancelled(engine):
    run = await engine.start(RECEIVE, id="r")
    await run.cancel("enough")
    lines, statuses = await seen(engine)
    assert lines == [WAITS, Line("run", "cancelling", "enough")]
    assert statuses == {"r": "cancelled"}


async def test_a_receive_that_is_tried_again_takes_at_once_what_the_first_attempt_left(engine):
    text = RECEIVE.replace("timeout: 1h", "timeout: 1h\n    retry: {attempts: 2, delay: 10ms, jitter: 0}")
    run = await engine.start(text.replace("t.never", "t.down"), id="r")
    await run.signal("break")
    await run.signal("stop")
    lines, statuses = await seen(engine)
    assert lines[-1] == Line("r", "failed", "t.Down: not yet; trying again in 10ms")
    assert statuses["r"] == "ended"


async def test_every_wait_that_an_event_ends_is_told(engine):
    run = await engine.start(
        "workflow: w\nsteps:\n  - id: p\n    parallel:\n      branches:\n"
        "        one: [{id: a, wait: {event: ping, timeout: 1h}}]\n"
        "        two: [{id: b, wait: {event: ping, match: message.n == 2, timeout: 1h}}]\n"
        "        three: [{id: c, wait: {any: [{event: pong}, {signal: x}], timeout: 1h}}]",
        id="r",
    )
    while len((await run.describe()).live) < 3:
        await asyncio.sleep(0)  # lets the engine go on
    assert await engine.emit("ping", {"n": 2}) == 1
    assert await engine.emit("pong") == 1
    lines, _ = await seen(engine)
    assert lines == [
        Line("a", "waiting", "for event ping"), Line("b", "waiting", "for event ping"),
        Line("c", "waiting", "for signal x or event pong"), Line("run", "event received", "ping"),
        Line("a", "completed"), Line("b", "completed"), Line("run", "event received", "pong"), Line("c", "completed"),
    ]  # fmt: skip


async def test_a_child_is_told_by_its_id_and_by_its_end(engine):
    await engine.deploy("workflow: good\nsteps:\n  - {id: s, activity: t.say, timeout: 5s}")
    await engine.deploy("workflow: bad\nsteps:\n  - {id: s, activity: t.never, timeout: 5s}")
    await engine.start(
        "workflow: w\nsteps:\n  - {id: g, workflow: good}\n  - {id: d, workflow: good, detach: true}\n"
        "  - {id: b, workflow: bad}",
        id="r",
    )
    lines, statuses = await seen(engine)
    children = {run.id.split("/")[1]: run.id for run in await engine.runs() if run.id != "r"}
    assert lines == [
        Line("g", "started", f"run {children['g']}"), Line("g", "completed"),
        Line("d", "started", f"run {children['d']}"), Line("d", "completed", f"run {children['d']} goes on"),
        Line("b", "started", f"run {children['b']}"), Line("b", "failed", "its run failed: t.No: never"),
    ]  # fmt: skip
    assert statuses == {"g": "completed", "d": "completed", "b": "failed"}


async def test_a_child_that_cannot_be_started_has_failed(engine):
    await engine.start("workflow: w\nsteps:\n  - {id: k, workflow: nowhere}", id="r")
    lines, statuses = await seen(engine)
    assert [(line.step, line.word) for line in lines] == [("k", "started"), ("k", "failed")]
    assert statuses == {"k": "failed"}


async def test_what_is_sent_has_arrived_or_has_not(engine):
    other = await engine.start("workflow: other\nsteps:\n  - {id: w, wait: {signal: go, timeout: 1h}}", id="o")
    await engine.start(
        "workflow: w\nsteps:\n  - {id: s, send: {to: o, signal: go}}\n  - {id: e, emit: {event: ping}}\n"
        "  - {id: n, send: {to: nobody, signal: go}}",
        id="r",
    )
    lines, statuses = await seen(engine)
    assert lines == [
        Line("s", "completed"), Line("e", "completed"), Line("n", "failed", "UnknownRun: no run has the id nobody"),
    ]  # fmt: skip
    assert statuses == {"s": "completed", "e": "completed", "n": "failed"}
    assert await other.result(10) is None


async def test_steps_that_a_pause_holds_back_are_paused_and_begin_when_it_is_over(engine):
    run = await engine.start(
        "workflow: w\nsteps:\n  - {id: a, wait: {signal: go, timeout: 100ms, default: null}}\n"
        "  - {id: b, wait: {signal: b, timeout: 1h}}",
        id="r",
    )
    await run.pause("lunch")
    journal = Journal(engine, "r")
    lines: list[Line] = []
    while Line("a", "completed") not in lines:
        lines += (await journal.look())[1]
        await asyncio.sleep(0.01)
    assert journal.progress is not None
    journal.progress.refresh()
    assert {step.place: step.status for step in journal.progress.steps.values()} == {"a": "completed", "b": "paused"}
    assert hints.for_waiting(CHOSEN, "r", journal.progress) == ["perdure runs resume r"]
    await run.resume()
    await run.signal("b")
    lines, statuses = await seen(engine)
    assert lines == [
        Line("a", "waiting", "for signal go"), Line("run", "paused", "lunch"), Line("a", "completed"),
        Line("run", "resumed"), Line("b", "waiting", "for signal b"), Line("run", "signal received", "b"),
        Line("b", "completed"),
    ]  # fmt: skip
    assert statuses == {"a": "completed", "b": "completed"}


async def test_what_a_pause_held_back_is_cancelled_without_ado(engine):
    run = await engine.start(
        "workflow: w\nsteps:\n  - {id: a, wait: {signal: go, timeout: 50ms, default: null}}\n"
        "  - {id: b, activity: t.say, timeout: 5s}",
        id="r",
    )
    await run.pause()
    while [event["event"] for event in await run.history()][-1] != "TimerFired":
        await asyncio.sleep(0.01)
    await run.cancel()
    _, statuses = await seen(engine)
    assert statuses == {"a": "completed", "b": "cancelled"}


async def test_hints_name_signals_and_updates_and_no_inner_keys(engine):
    run = await engine.start(
        "workflow: w\nsteps:\n  - id: r\n    receive:\n      on: [{signal: s, stop: true}, {update: u}]\n"
        "      timeout: 1h\n  - {id: e, wait: {event: ping, timeout: 1h}}",
        id="r",
    )
    journal = Journal(engine, "r")
    await journal.look()
    assert journal.progress is not None
    assert hints.for_waiting(CHOSEN, "r", journal.progress) == [
        "perdure runs signal r s", "perdure runs update r u VALUE",
    ]  # fmt: skip
    await run.signal("s")
    while not any(part["address"] == "e" for part in (await run.describe()).live):
        await asyncio.sleep(0)  # lets the engine go on
    await journal.look()
    assert hints.for_waiting(CHOSEN, "r", journal.progress) == []
