"""What the follower of a run tells of locks, places and cached results."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

import perdure
from perdure.cli.journal import Journal
from perdure.cli.wording import Line
from perdure.errors import RunCancelled, RunFailed


@perdure.activity("t.say")
async def say() -> str:
    return "said"


@pytest.fixture
async def engine():
    async with perdure.open("memory://", activities=[say]) as opened:
        yield opened


async def waits(run: perdure.Run) -> None:
    while not (await run.describe()).live:
        await asyncio.sleep(0.005)


async def told(run: perdure.Run, engine: perdure.Engine) -> tuple[list[Line], dict[str, str]]:
    """The lines and the statuses of a run that has ended."""
    with contextlib.suppress(RunFailed, RunCancelled):
        await run.result(10)
    journal = Journal(engine, run.id)
    _, lines = await journal.look()
    assert journal.progress is not None
    return lines, {step.place: step.status for step in journal.progress.steps.values()}


async def test_a_lock_is_waited_for_and_then_the_step_runs(engine):
    run = await engine.start("workflow: w\nsteps: [{id: a, activity: t.say, lock: {key: [door, 7]}}]\n")
    lines, statuses = await told(run, engine)
    assert lines == [Line("a", "waiting", 'for lock ["door",7]'), Line("a", "completed")]
    assert statuses == {"a": "completed"}


async def test_a_refused_lock_is_a_failure_with_its_reason(engine):
    await engine.deploy("workflow: kid\nsteps: [{id: k, activity: t.say, lock: {key: door}}]\n")
    mum = await engine.start("workflow: mum\nsteps: [{lock: {key: door}, steps: [{id: c, workflow: kid}]}]\n", id="m")
    with contextlib.suppress(RunFailed):
        await mum.result(10)
    [kid] = await engine.runs("workflow = kid")
    lines, statuses = await told(engine.run(kid.id), engine)
    assert [(line.step, line.word) for line in lines] == [("k", "waiting"), ("k", "failed")]
    assert lines[-1].note.startswith("waiting for lock:door would never end")
    assert statuses == {"k": "failed"}


async def test_a_step_whose_wait_for_a_lock_is_cancelled_is_cancelled(engine):
    holder = await engine.start("workflow: h\nsteps: [{lock: {key: door}, steps: [{wait: {signal: go}}]}]\n")
    await waits(holder)
    run = await engine.start("workflow: w\nsteps: [{id: a, activity: t.say, lock: {key: door}}]\n")
    await waits(run)
    await run.cancel()
    _, statuses = await told(run, engine)
    assert statuses == {"a": "cancelled"}


async def test_a_result_from_the_cache_is_said_to_be_that(engine):
    text = "workflow: w\nsteps: [{id: a, activity: t.say, cache: {key: k}}]\n"
    await (await engine.start(text)).result(10)
    lines, statuses = await told(await engine.start(text), engine)
    assert lines == [Line("a", "completed", "from the cache")]
    assert statuses == {"a": "completed"}


async def test_a_run_that_waits_for_its_place_says_so(engine):
    run = await engine.start("workflow: w\nconcurrency: {}\nsteps: [{id: a, activity: t.say}]\n")
    lines, _ = await told(run, engine)
    assert lines[0] == Line("run", "waiting", "for other runs to end")
