"""A nominal time and an event have their run exactly once: over crashes at every call, however many look at once."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from engine_world import OpenEngine, Place, Shaky, eventually
from schedule_world import Dying, HandClock, Jostled, World

import perdure
from perdure.errors import StoreError
from perdure.values import MINUTE, format_time, parse_time

MOST_CALLS = 200


@pytest.mark.parametrize("overlap", ["allow", "skip", "buffer_one", "buffer_all", "cancel_running"])
async def test_a_crash_at_any_call_neither_loses_nor_repeats_a_time(place: Place, overlap: str) -> None:
    """Each crash on a fresh file: two times are due, an earlier run is open where the overlap has something to say."""
    calls = 0
    for before in (True, False):
        for last in range(MOST_CALLS):
            fresh = Place(None if place.path is None else place.path.with_name(f"{before}-{last}.db"))
            async with perdure.open(fresh.store(), clock=(clock := HandClock()), work=False) as engine:
                world = World(engine, clock)
                await world.deploy(f"{{cron: '0 * * * *', overlap: {overlap}, catch_up: 1d}}")
                await world.at("13:00")
                clock.set("2026-06-01T15:00:00Z")
                dying = Dying(world.store, last, before=before)
                try:
                    await world.another(dying).look()
                except StoreError:
                    assert dying.dead
                await world.look()
                assert await world.runs() == (["13:00", "14:00", "15:00"] if overlap == "allow" else ["13:00"])
                await world.end("13:00", "cancelled")
                await world.look()
                assert await world.runs() == _AFTER[overlap]
                assert len(await world.store.fired("t", 0, clock.now() + 1)) == len(_AFTER[overlap])
            if not dying.dead:
                break
            calls += 1
    assert calls > 6


_AFTER = {
    "allow": ["13:00", "14:00", "15:00"],
    "skip": ["13:00"],
    "buffer_one": ["13:00", "14:00"],
    "buffer_all": ["13:00", "14:00"],
    "cancel_running": ["13:00", "15:00"],
}


@pytest.mark.parametrize("overlap", ["allow", "skip", "buffer_one", "buffer_all", "terminate_running"])
async def test_a_crash_at_any_call_neither_loses_nor_repeats_an_event(place: Place, overlap: str) -> None:
    calls = 0
    for before in (True, False):
        for last in range(MOST_CALLS):
            fresh = Place(None if place.path is None else place.path.with_name(f"{before}-{last}.db"))
            async with perdure.open(fresh.store(), clock=(clock := HandClock()), work=False) as engine:
                world = World(engine, clock)
                await world.deploy(f"{{event: placed, overlap: {overlap}, match: message.n > 0}}")
                for number in range(4):
                    await engine.emit("placed", {"n": number}, id=f"e{number}")
                dying = Dying(world.store, last, before=before)
                try:
                    await world.another(dying).look()
                except StoreError:
                    assert dying.dead
                await world.look()
                assert await world.runs() == (["e1", "e2", "e3"] if overlap == "allow" else ["e1"])
                await world.end("t/e1", "terminated")
                await world.look()
                assert await world.runs() == _EVENTS_AFTER[overlap]
            if not dying.dead:
                break
            calls += 1
    assert calls > 6


_EVENTS_AFTER = {
    "allow": ["e1", "e2", "e3"],
    "skip": ["e1"],
    "buffer_one": ["e1", "e2"],
    "buffer_all": ["e1", "e2"],
    "terminate_running": ["e1", "e3"],
}


async def test_a_crash_while_a_backfill_is_asked_for_starts_nothing_twice(place: Place) -> None:
    for last in range(MOST_CALLS):
        fresh = Place(None if place.path is None else place.path.with_name(f"{last}.db"))
        async with perdure.open(fresh.store(), clock=(clock := HandClock()), work=False) as engine:
            world = World(engine, clock)
            await world.deploy("{cron: '0 * * * *', overlap: allow}")
            dying = Dying(world.store, last, before=False)
            dead = perdure.Engine(dying, engine._registry, clock, checks=False)  # type: ignore[arg-type]
            try:
                await dead.schedules.backfill("t", "2026-06-01T09:00:00Z", "2026-06-01T12:00:00Z")
            except StoreError:
                assert dying.dead
            await engine.schedules.backfill("t", "2026-06-01T09:00:00Z", "2026-06-01T12:00:00Z")
            assert await world.runs() == ["09:00", "10:00", "11:00"]
        if not dying.dead:
            return


# -- at once


@pytest.mark.parametrize("seed", range(15))
async def test_any_number_of_schedulers_start_each_time_once(world: World, seed: int) -> None:
    chance = Random(seed)
    overlap = chance.choice(["allow", "buffer_all"])
    await world.deploy(f"{{cron: '*/10 * * * *', overlap: {overlap}}}")
    await world.deploy("{event: placed}", name="e")
    schedulers = [world.another(Jostled(world.store, chance)) for _ in range(3)]
    for number in range(6):
        world.clock.advance(10 * MINUTE)
        await world.engine.emit("placed", {}, id=f"e{number}")
        await asyncio.gather(*(one.look() for one in schedulers))
        for row in await world.store.runs(limit=1000):
            if overlap != "allow" and row.closed_at is None and row.workflow == "t":
                await world.end(row.id)
    await world.look()

    assert sorted(await world.runs()) == [*[f"12:{ten}0" for ten in range(1, 6)], "13:00", *[f"e{n}" for n in range(6)]]


@pytest.mark.parametrize("seed", range(10))
async def test_pausing_deploying_and_backfilling_while_schedulers_look_loses_nothing(world: World, seed: int) -> None:
    chance = Random(seed)
    await world.deploy("{cron: '*/10 * * * *', overlap: allow, catch_up: 1d}")
    schedulers = [world.another(Jostled(world.store, chance)) for _ in range(2)]
    jostled = perdure.Engine(Jostled(world.store, chance), world.engine._registry, world.clock, checks=False)  # type: ignore[arg-type]
    world.clock.advance(1)
    for number in range(1, 7):
        world.clock.advance(10 * MINUTE)
        acts = [
            lambda: jostled.schedules.backfill("t", "2026-06-01T12:05:00Z", format_time(world.clock.now())),
            lambda number=number: jostled.deploy(
                "workflow: t\nschedule: {cron: '*/10 * * * *', overlap: allow, catch_up: 1d}\n"
                f"steps: [{{set: {{a: {number}}}}}]\n"
            ),
            lambda: jostled.schedules.trigger("t"),
        ]
        await asyncio.gather(*(one.look() for one in schedulers), chance.choice(acts)())
    await world.look()

    found = [run for run in await world.runs() if len(run) == 5]
    assert sorted(set(found)) == [*[f"12:{ten}0" for ten in range(1, 6)], "13:00"]
    assert await world.store.fired("t", 0, world.clock.now() + 1) == [
        parse_time(f"2026-06-01T{time}:00Z") for time in ("12:10", "12:20", "12:30", "12:40", "12:50", "13:00")
    ]


# -- whole engines


async def test_two_working_engines_start_and_move_each_run_once(opened: OpenEngine) -> None:
    clock = HandClock()
    async with opened(clock=clock) as one, opened(clock=clock) as two:
        await one.deploy(
            "workflow: t\nschedule: {every: 1h, overlap: allow}\n"
            "steps: [{id: say, activity: echo, with: {value: '{{ run.id }}'}}]\n"
        )
        for number in range(1, 6):
            clock.advance(60 * MINUTE)
            two._poke_schedules()
            one._poke_schedules()

            async def ended(number: int = number) -> bool:
                return len(await one.runs("status = completed")) == number

            await eventually(ended)

        assert [run.id for run in reversed(await two.runs())] == [
            f"t/2026-06-01T{hour}:00:00Z" for hour in range(13, 18)
        ]


async def test_a_worker_confined_to_its_runs_leaves_schedules_alone(opened: OpenEngine) -> None:
    async with opened(only=["mine"]) as engine:
        assert engine._scheduler is None


async def test_a_run_that_ends_lets_the_next_begin_at_once(opened: OpenEngine) -> None:
    clock = HandClock()
    async with opened(clock=clock) as engine:
        await engine.deploy(
            "workflow: t\nschedule: {every: 1h, overlap: cancel_running}\nsteps: [{id: stay, activity: hold}]\n"
        )
        for count in (1, 2, 3):
            clock.advance(60 * MINUTE)
            engine._poke_schedules()

            async def there(count: int = count) -> bool:
                runs = await engine.runs()
                return len(runs) == count and [run.status for run in runs].count("running") == 1

            await eventually(there)

        statuses = [(run.id[-9:-4], run.status) for run in reversed(await engine.runs())]
        assert statuses == [("13:00", "cancelled"), ("14:00", "cancelled"), ("15:00", "running")]


async def test_a_scheduler_goes_on_when_the_store_does(opened: OpenEngine, shaky: Shaky) -> None:
    clock = HandClock()
    async with opened(store=shaky, clock=clock) as engine:
        await engine.deploy("workflow: t\nschedule: {every: 1h}\nsteps: [{set: {a: 1}}]\n")
        shaky.before.add("next_schedule")
        clock.advance(60 * MINUTE)
        engine._poke_schedules()
        await eventually(lambda: _true(shaky.failures > 0))
        shaky.before.clear()
        engine._poke_schedules()

        [run] = await eventually(engine.runs)
        assert run.id == "t/2026-06-01T13:00:00Z"


async def _true(value: bool) -> bool:
    return value
