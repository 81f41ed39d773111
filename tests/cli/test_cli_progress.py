"""What the follower of a run tells: each line and each step, from the journal alone."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

import perdure
from perdure.cli.journal import Journal
from perdure.cli.wording import Line
from perdure.errors import ActivityError, RunFailed


@perdure.activity("t.say")
async def say(text: str = "") -> str:
    return text


@perdure.activity("t.flaky")
async def flaky(good: int) -> int:
    attempt = perdure.context().attempt
    if attempt < good:
        raise ActivityError("t.Down", "not yet")
    return attempt


@perdure.activity("t.never")
async def never() -> None:
    raise ActivityError("t.No", "never", retryable=False)


@pytest.fixture
async def engine():
    async with perdure.open("memory://", activities=[say, flaky, never]) as opened:
        yield opened


async def followed(engine, steps: str, act=None) -> Journal:
    """The journal of a run of these steps, from its beginning to its end; `lines` is all it told."""
    run = await engine.start(f"workflow: w\nsteps:\n{steps}", id="r")
    if act is not None:
        await act(run)
    with contextlib.suppress(RunFailed):
        await run.result(timeout=20)
    journal = Journal(engine, "r")
    _, journal.lines = await journal.look()  # type: ignore[attr-defined]
    assert await journal.look() == (await journal.row(), [])
    return journal


def told(journal: Journal) -> list[Line]:
    return journal.lines  # type: ignore[attr-defined]


def statuses(journal: Journal) -> dict[str, str]:
    assert journal.progress is not None
    return {step.place: step.status for step in journal.progress.steps.values()}


async def test_a_retry_is_told_with_its_error_and_its_delay(engine):
    journal = await followed(
        engine,
        "  - {id: f, activity: t.flaky, with: {good: 2}, timeout: 5s,"
        " retry: {attempts: 3, delay: 10ms, backoff: constant, jitter: 0}}",
    )
    assert told(journal) == [Line("f", "failed", "t.Down: not yet; trying again in 10ms"), Line("f", "completed")]
    assert statuses(journal) == {"f": "completed"}


async def test_the_last_failure_is_final(engine):
    journal = await followed(engine, "  - {id: n, activity: t.never, timeout: 5s, retry: {attempts: 3}}")
    assert told(journal) == [Line("n", "failed", "t.No: never")]
    assert statuses(journal) == {"n": "failed"}


async def test_turns_of_a_loop_have_their_numbers(engine):
    journal = await followed(
        engine, "  - id: each\n    foreach: '[1, 2]'\n    steps: [{id: s, activity: t.say, timeout: 5s}]"
    )
    assert told(journal) == [Line("each[0]/s", "completed"), Line("each[1]/s", "completed")]
    assert statuses(journal) == {
        "each": "ended", "each[0]": "ended", "each[0]/s": "completed", "each[1]": "ended", "each[1]/s": "completed",
    }  # fmt: skip


async def test_a_signal_and_an_answer_end_their_waits(engine):
    async def act(run):
        await run.signal("go", 1)
        while not await engine.asks("r"):
            await asyncio.sleep(0)  # lets the engine go on
        await run.answer("q", "yes", by="ana")

    journal = await followed(
        engine,
        "  - {id: first, activity: t.say, timeout: 5s}\n  - {id: g, wait: {signal: go, timeout: 1d}}\n"
        "  - {id: q, ask: {prompt: Well?, timeout: 1d}}",
        act,
    )
    lines = [line for line in told(journal) if line.step != "run"]
    assert lines[0] == Line("first", "completed")
    assert lines[-2:] == [Line("q", "waiting", "for an answer: Well?"), Line("q", "completed", "answered by ana")]
    assert Line("run", "signal received", "go") in told(journal)
    assert statuses(journal)["q"] == "completed"


async def test_a_wait_that_runs_out_has_failed_unless_it_has_a_default(engine):
    journal = await followed(
        engine,
        "  - {id: a, wait: {signal: x, timeout: 20ms, default: 1}}\n  - {id: b, wait: 20ms}\n"
        "  - {id: c, wait: {signal: y, timeout: 20ms}}",
    )
    assert told(journal) == [
        Line("a", "waiting", "for signal x"), Line("a", "completed"), Line("b", "waiting", "for a timer"),
        Line("b", "completed"), Line("c", "waiting", "for signal y"), Line("c", "failed"),
    ]  # fmt: skip
    assert statuses(journal) == {"a": "completed", "b": "completed", "c": "failed"}


@pytest.mark.parametrize(
    ("wait", "status"),
    [
        ("wait: {any: [{after: 10ms, name: t}, {signal: x}], timeout: 1d}", "completed"),
        ("wait: {any: [{after: 1d, name: t}, {signal: x}], timeout: 10ms}", "failed"),
        ("wait: {all: [{after: 10ms, name: t}, {after: 20ms, name: u}], timeout: 1d}", "completed"),
        ("wait: {all: [{after: 10ms, name: t}, {signal: x}], timeout: 20ms}", "failed"),
        ("ask: {prompt: Well?, timeout: 10ms}", "failed"),
        ("ask: {prompt: Well?, timeout: 10ms, default: no one}", "completed"),
        ("ask: {prompt: Well?, timeout: 30ms, reminders: [10ms], default: no one}", "completed"),
    ],
)
async def test_what_a_timer_means_for_a_wait(engine, wait, status):
    journal = await followed(engine, f"  - id: w\n    {wait}")
    assert statuses(journal) == {"w": status}
    assert [line.word for line in told(journal)] == ["waiting", status]


async def test_losers_of_a_race_are_cancelled(engine):
    journal = await followed(
        engine,
        "  - id: race\n    parallel:\n      join: any\n      branches:\n"
        "        slow: [{id: s, wait: {signal: x, timeout: 1d}}]\n"
        "        fast: [{id: f, activity: t.say, timeout: 5s}]",
    )
    assert told(journal) == [Line("s", "waiting", "for signal x"), Line("f", "completed")]
    assert statuses(journal) == {"race": "ended", "race/slow/s": "cancelled", "race/fast/f": "completed"}


async def test_an_undo_that_fails_is_told_apart_from_one_that_succeeds(engine):
    journal = await followed(
        engine,
        "  - {id: a, activity: t.say, timeout: 5s, compensate: {activity: t.say, timeout: 5s}}\n"
        "  - {id: b, activity: t.say, timeout: 5s, compensate: {activity: t.never, timeout: 5s}}\n"
        "  - {id: c, activity: t.never, timeout: 5s}",
    )
    assert [(line.step, line.word) for line in told(journal)] == [
        ("a", "completed"), ("b", "completed"), ("c", "failed"), ("b/compensate", "failed"), ("b", "not undone"),
        ("a", "undone"),
    ]  # fmt: skip
    found = statuses(journal)
    assert (found["a"], found["b"], found["c"]) == ("undone", "not undone", "failed")


async def test_a_select_runs_the_arm_that_came_first(engine):
    journal = await followed(
        engine,
        "  - id: choose\n    select:\n      - {signal: go, steps: [{set: {a: 1}}]}\n"
        "      - {after: 10ms, steps: [{id: late, activity: t.say, timeout: 5s}]}",
    )
    assert told(journal) == [Line("choose", "waiting", "for signal go or a timer"), Line("late", "completed")]
    assert statuses(journal) == {"choose": "ended", "choose/late": "completed"}


async def test_following_a_long_run_remembers_a_bounded_number_of_steps(engine, monkeypatch):
    monkeypatch.setattr("perdure.cli.progress.MOST_ENDED", 20)
    items = list(range(100))
    journal = await followed(
        engine, f"  - id: each\n    foreach: {items}\n    steps: [{{id: s, activity: t.say, timeout: 5s}}]"
    )
    assert journal.progress is not None
    assert len(journal.progress.steps) <= 41
    assert len(journal.progress.steps) + journal.progress.dropped == 201
