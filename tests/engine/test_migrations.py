"""Migrations: an open run goes on with another definition, whatever it is doing, or is refused and stays as it is."""

from __future__ import annotations

import asyncio

import pytest
from engine_world import Gate, OpenEngine, Place, events, eventually, live
from live_world import Mortal, bury_all, has_status, journal, soon

import perdure
from perdure.errors import RunConflict, RunFailed, StoreUnavailable

STEPS = """
workflow: steps
version: "1"
steps:
  - {id: a, activity: hold, with: {value: 1}, compensate: {activity: undo, with: {what: a}}}
  - {id: b, activity: echo, with: {value: 2}}
"""
BETTER = STEPS.replace('"1"', '"2"').replace("value: 2", "value: 22")
WRONG = STEPS.replace("{id: a,", "{id: x,")


async def test_a_run_moves_while_its_activity_runs(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(STEPS)
        await gate.entered.wait()
        await run.migrate(BETTER)
        assert (await run.describe()).version == "2"
        gate.open.set()
        assert await run.result(10) == 22
        assert gate.calls == ["hold 1", "echo 22"]
        history = await run.history()
        assert [(row["event"], row.get("step")) for row in history if row["event"] != "AttemptStarted"] == [
            ("RunStarted", None), ("Migrated", None), ("ActivityCompleted", "a"), ("ActivityCompleted", "b"),
        ]  # fmt: skip
        [migrated] = [row for row in history if row["event"] == "Migrated"]
        assert (migrated["origin"], migrated["digest"]) == (perdure.load(STEPS).digest, perdure.load(BETTER).digest)
        assert "state" not in migrated


async def test_a_refused_run_says_why_with_both_places_and_stays_as_it_is(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(STEPS, id="r")
        await gate.entered.wait()
        with pytest.raises(RunConflict) as caught:
            await run.migrate(WRONG)
        first, second = caught.value.message.splitlines()[:2]
        assert first == "the run r: it cannot go on with this definition"
        assert second.startswith(
            "- a has begun, and there is no such activity in the new definition; was it renamed to x?"
        )
        assert second.endswith(" (old <text>:5:5, new <text>:5:5)")
        info = await run.describe()
        assert (info.version, info.digest) == ("1", perdure.load(STEPS).digest)
        assert await engine._store.definition(perdure.load(WRONG).digest) is None
        gate.open.set()
        assert await run.result(10) == 2


async def test_the_owner_refuses_what_the_stored_state_allowed(opened: OpenEngine, gate: Gate) -> None:
    """The run has gone on between the two looks."""
    late = STEPS.replace("{id: b,", "{id: c,")
    async with opened() as engine:
        run = await engine.start(STEPS.replace("activity: echo, with: {value: 2}", "wait: {signal: go}"), id="r")
        await gate.entered.wait()
        gate.open.set()
        await live(run, "b")
        await engine.deploy(late)
        await engine._store.post("r", "migrate", b'{"digest": "%s"}' % perdure.load(late).digest.encode(), id="m", at=0)
        engine._poke()
        row = await eventually(lambda: settled(engine, "m"))
        assert row.status == "refused"
        assert b"b has begun, and there is no such wait" in row.body
        await engine._store.post("r", "migrate", b'{"digest": "none"}', id="n", at=0)
        engine._poke()
        row = await eventually(lambda: settled(engine, "n"))
        assert b"the definition cannot be read" in row.body
        await run.signal("go", 5)
        assert await run.result(10) == 5


async def settled(engine: perdure.Engine, letter: str) -> object:
    row = await engine._store.update("r", letter)
    return row if row is not None and row.status in ("refused", "completed") else None


async def test_the_same_definition_changes_nothing(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(STEPS)
        await gate.entered.wait()
        await run.migrate(STEPS)
        gate.open.set()
        assert await run.result(10) == 2
        assert "Migrated" not in await events(run)


async def test_an_ended_run_does_not_move(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        gate.open.set()
        run = await engine.start(STEPS)
        await run.result(10)
        with pytest.raises(RunConflict, match="has ended: it is completed"):
            await run.migrate(BETTER)


async def test_a_run_that_moved_is_undone_as_its_new_definition_says(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(STEPS.replace("activity: echo, with: {value: 2}", "wait: {signal: go}"))
        await gate.entered.wait()
        gate.open.set()
        await live(run, "b")
        await run.migrate(
            STEPS.replace("activity: echo, with: {value: 2}", "wait: {signal: go}").replace("what: a", "what: better")
        )
        await run.cancel()
        with pytest.raises(RunFailed):
            await soon(run.result())
        assert gate.calls == ["hold 1", "undo better"]


async def test_a_paused_run_moves_and_stays_paused(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(STEPS)
        await gate.entered.wait()
        await run.pause()
        await has_status(run, "paused")
        gate.open.set()
        await journal(run, "ActivityCompleted a")
        await run.migrate(BETTER)
        assert (await has_status(run, "paused")).version == "2"
        await run.resume()
        assert await run.result(10) == 22


async def test_a_stuck_run_is_moved_at_once_and_goes_on(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(STEPS)
        await gate.entered.wait()
        worker = engine._worker
        assert worker is not None
        [found] = worker._runs.values()
        worker._owned.set_aside(found, RuntimeError("a fault"))
        await has_status(run, "stuck")
        gate.open.set()
        await run.migrate(BETTER)
        assert await run.result(10) == 22
        assert (await run.describe()).version == "2"


@pytest.mark.parametrize("last", ["commit", "post"])
async def test_a_migration_survives_the_death_of_its_worker(
    place: Place, opened: OpenEngine, gate: Gate, last: str
) -> None:
    mortal = Mortal(place.store())
    async with opened(store=mortal) as engine:
        run = await engine.start(STEPS, id="r")
        await gate.entered.wait()
        mortal.last = last
        mortal.fatal = lambda *arguments, **options: last == "post" or any(commit.moved for commit in arguments[0])
        moving = asyncio.ensure_future(run.migrate(BETTER))
        await eventually(lambda: is_dead(mortal))
        moving.cancel()
        await asyncio.gather(moving, return_exceptions=True)
    await bury_all(place)
    gate.open.set()
    async with opened() as engine:
        assert await engine.run("r").result(10) == 22
        assert (await events(engine.run("r"))).count("Migrated") == 1


async def is_dead(mortal: Mortal) -> bool:
    return mortal.dead.is_set()


async def test_a_run_that_moved_is_restored_without_what_came_before(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(STEPS.replace("activity: echo, with: {value: 2}", "wait: {signal: go}"), id="r")
        await gate.entered.wait()
        gate.open.set()
        await live(run, "b")
        await run.migrate(STEPS.replace("activity: echo, with: {value: 2}", "wait: {signal: go, timeout: 5d}"))
        row = await engine._row("r")
        snapshot, tail, _ = await engine._store.load(row.key)
        assert snapshot is not None
        assert all(b'"migrate"' not in text for _, _, text in tail)
    async with opened() as engine:
        await engine.run("r").signal("go", 8)
        assert await engine.run("r").result(10) == 8


async def test_a_waiting_run_in_no_memory_moves(opened: OpenEngine) -> None:
    text = "workflow: w\nsteps: [{id: go, wait: {signal: go}}%s]\n"
    async with opened() as engine:
        run = await engine.start(text % "")
        await live(run, "go")
        await run.migrate(text % ", {id: b, activity: echo, with: {value: 3}}")
        await run.signal("go")
        assert await run.result(10) == 3


async def test_a_restart_keeps_to_the_definition_the_run_moved_to(opened: OpenEngine, gate: Gate) -> None:
    text = """
workflow: again
version: "%s"
input: {type: object, properties: {n: {type: integer}}}
steps:
  - {id: go, wait: {signal: go}}
  - {if: input.n < 1, restart: {input: {n: 1}}}
output: "%s"
"""
    async with opened() as engine:
        run = await engine.start(text % ("1", "old"), {"n": 0}, id="r")
        await live(run, "go")
        await run.migrate(text % ("2", "new"))
        await run.signal("go")
        await eventually(lambda: restarted(engine))
        await run.signal("go")
        assert await run.result(10) == "new"
        assert (await run.describe()).version == "2"


async def restarted(engine: perdure.Engine) -> bool:
    return len(await engine.runs()) == 2


async def test_open_questions_and_children_are_kept(opened: OpenEngine) -> None:
    kid = "workflow: kid\nsteps: [{id: go, wait: {signal: go}}]\n"
    text = """
workflow: parent
steps:
  - id: g
    parallel:
      branches:
        x: [{id: q, ask: {prompt: "%s?", choices: [y]}}]
        y: [{id: k, workflow: kid}]
"""
    async with opened() as engine:
        await engine.deploy(kid)
        run = await engine.start(text % "Old", id="p")
        await eventually(lambda: has_kid(engine))
        await run.migrate(text % "New")
        [ask] = await engine.asks("p")
        assert ask.prompt == "Old?"
        await run.answer("q", "y")
        [child] = [info.id for info in await engine.runs() if info.workflow == "kid"]
        await engine.run(child).signal("go", 6)
        result = await run.result(10)
        assert (result["x"]["answer"], result["y"]) == ("y", 6)


async def has_kid(engine: perdure.Engine) -> bool:
    return any(info.workflow == "kid" for info in await engine.runs())


async def test_a_dead_store_leaves_the_run_as_it_is(opened: OpenEngine, gate: Gate, place: Place) -> None:
    mortal = Mortal(place.store())
    async with opened(store=mortal) as engine:
        run = await engine.start(STEPS, id="r")
        await gate.entered.wait()
        mortal.last = "put_definition"
        with pytest.raises(StoreUnavailable):
            await run.migrate(BETTER)
    await bury_all(place)
    gate.open.set()
    async with opened() as engine:
        assert await engine.run("r").result(10) == 2
