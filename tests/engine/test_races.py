"""Races between what people do to a run and what the run does: a promise each, in many orders."""

from __future__ import annotations

import asyncio

from engine_world import live
from races import World, attempted, explore, explore_closely, within

import perdure
from perdure.errors import RunCancelled, RunConflict

ASK = perdure.load("""
workflow: ask
steps:
  - {id: q, ask: {prompt: "sure?", timeout: 1s, default: none}}
output: "{{ steps.q.answer }}"
""")

WORK = perdure.load("""
workflow: work
steps:
  - {id: a, activity: work, with: {value: a}}
  - {id: b, activity: work, with: {value: b}}
""")


async def an_answer_that_is_acknowledged_wins(world: World) -> None:
    async with world.engine() as engine, world.engine(work=False) as client:
        run = await engine.start(ASK, id="one")
        began = asyncio.get_running_loop().time()
        await live(client.run("one"), "q")
        await world.at(began + 0.9)
        await world.maybe_later()
        answered = await attempted(client.run("one").answer("q", "yes"), RunConflict)
        assert await within(run.result()) == ("none" if isinstance(answered, RunConflict) else "yes")


def test_an_answer_that_is_acknowledged_wins_over_the_timeout() -> None:
    explore(an_answer_that_is_acknowledged_wins, 60)
    explore_closely(an_answer_that_is_acknowledged_wins, 100)


async def a_cancelled_run_stops_or_completes(world: World) -> None:
    async with world.engine() as engine, world.engine(work=False) as client:
        run = await engine.start(WORK, id="one")
        await world.maybe_later()
        refused = await attempted(client.run("one").cancel(), RunConflict)
        outcome = await attempted(run.result(), RunCancelled)
        assert outcome == "b" or (isinstance(outcome, RunCancelled) and refused is None)
        assert refused is None or outcome == "b"


def test_a_cancel_is_heeded_or_comes_too_late() -> None:
    explore(a_cancelled_run_stops_or_completes, 60)
