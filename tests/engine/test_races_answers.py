"""Races between answers and the ends of questions, in many orders: an answer that was acknowledged counts.

See `test_races` for how these tests are built.
"""

from __future__ import annotations

import asyncio

from engine_world import eventually
from races import World, attempted, explore, explore_closely, within

import perdure
from perdure.errors import RunConflict, RunFailed

ASK = perdure.load("""
workflow: ask
steps:
  - {id: q, ask: {prompt: "sure?", timeout: 1s, default: none}}
output: "{{ steps.q.answer }}"
""")

RACED_ASK = perdure.load("""
workflow: raced
steps:
  - id: p
    parallel:
      branches:
        a: [{id: q, ask: {prompt: "sure?"}}]
        b: [{wait: 1s}]
      join: any
output: "{{ 'none' if steps.p.a is none else steps.p.a.answer }}"
""")


async def answered_about_when_it_is_over(world: World, definition: perdure.Definition, *, pause: bool = False) -> str:
    """Answer a question in the moment in which its time is over; what counted."""
    async with world.engine() as engine, world.engine(work=False) as client:
        run = await engine.start(definition, id="one")
        began = asyncio.get_running_loop().time()
        await eventually(client.asks)
        if pause:
            await client.run("one").pause()
        await world.at(began + 0.9)
        await world.maybe_later()
        refused = await attempted(client.run("one").answer("q", "yes"), RunConflict)
        if pause:
            await asyncio.sleep(1)
            await attempted(client.run("one").resume(), RunConflict)
        result = await within(run.result())
        assert result == ("none" if refused else "yes")
        return str(result)


def test_an_answer_that_is_acknowledged_wins_over_the_timeout() -> None:
    seen = set()

    async def scenario(world: World) -> None:
        seen.add(await answered_about_when_it_is_over(world, ASK))

    explore(scenario, 40)
    explore_closely(scenario, 40)
    assert seen == {"yes", "none"}


def test_an_answer_that_is_acknowledged_wins_over_another_branch_whose_time_is_over() -> None:
    seen = set()

    async def scenario(world: World) -> None:
        seen.add(await answered_about_when_it_is_over(world, RACED_ASK))

    explore(scenario, 40)
    assert seen == {"yes", "none"}


def test_an_answer_to_a_paused_run_wins_over_the_timeout() -> None:
    seen = set()

    async def scenario(world: World) -> None:
        seen.add(await answered_about_when_it_is_over(world, ASK, pause=True))

    explore(scenario, 40)
    assert seen == {"yes", "none"}


async def answered_while_workers_change(world: World, *, dies: bool) -> str:
    """The same while the worker closes or dies, and another takes over."""
    async with world.engine(work=False) as client:
        store = world.store()
        async with world.engine(store) as first:
            await first.start(ASK, id="one")
            began = asyncio.get_running_loop().time()
            await eventually(client.asks)
            await world.at(began + 0.85)
            answering = asyncio.create_task(answered(world, client.run("one")))
            await world.maybe_later()
            if dies:
                store.deaf = {"*"}
        async with world.engine():
            acknowledged = await answering
            result = await within(client.run("one").result())
            assert result == ("yes" if acknowledged else "none")
            return str(result)


async def answered(world: World, run: perdure.Run) -> bool:
    """Whether the question was still open."""
    await world.maybe_later()
    return not isinstance(await attempted(run.answer("q", "yes"), RunConflict), RunConflict)


def test_an_answer_that_is_acknowledged_wins_although_the_worker_closes_meanwhile() -> None:
    seen = set()

    async def scenario(world: World) -> None:
        seen.add(await answered_while_workers_change(world, dies=False))

    explore(scenario, 40)
    assert seen == {"yes", "none"}


def test_an_answer_that_is_acknowledged_wins_although_the_worker_dies_meanwhile() -> None:
    seen = set()

    async def scenario(world: World) -> None:
        seen.add(await answered_while_workers_change(world, dies=True))

    explore(scenario, 16)
    assert seen == {"yes", "none"}


TWO = perdure.load("""
workflow: two
steps:
  - id: p
    parallel:
      branches:
        a: [{id: q, ask: {prompt: "sure?", timeout: 1s}}]
        b: [{id: other, ask: {prompt: "really?"}}]
output: ["{{ steps.p.a.answer }}", "{{ steps.p.b.answer }}"]
""")


def test_a_question_that_another_answer_has_saved_can_still_be_answered() -> None:
    seen = set()

    async def scenario(world: World) -> None:
        async with world.engine() as engine, world.engine(work=False) as client:
            run = await engine.start(TWO, id="one")
            began = asyncio.get_running_loop().time()
            await eventually(client.asks)
            await world.at(began + 0.9)
            saved = await answered(world, client.run("one"))
            if saved:
                await asyncio.sleep(1)
                await client.run("one").answer("other", "really")
                assert await within(run.result()) == ["yes", "really"]
            else:
                failure = await attempted(run.result(), RunFailed)
                assert isinstance(failure, RunFailed)
                assert failure.error["type"] == "Timeout"
            assert await client.asks() == []
            seen.add(saved)

    explore(scenario, 50)
    assert seen == {True, False}
