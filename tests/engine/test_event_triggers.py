"""Schedules of events: which publications start runs, in what order, and what is let go."""

from __future__ import annotations

import asyncio

import pytest
from engine_world import Place, eventually
from schedule_world import World

import perdure
from perdure.errors import InvalidInput
from perdure.values import HOUR, SECOND


async def emit(world: World, data: object = None, id: str | None = None) -> list[str]:
    """The runs there are once an event was published and the scheduler has looked."""
    await world.engine.emit("placed", data, id=id)
    return await world.look()


async def test_an_event_starts_a_run_with_what_it_carries(world: World) -> None:
    await world.deploy("{event: placed}")

    assert await emit(world, {"order": 7}, "o-7") == ["o-7"]

    info = await world.engine.run("t/o-7").describe()
    assert (info.input, info.labels) == ({"order": 7}, {"schedule": "t"})


async def test_input_is_made_of_the_message_and_the_schedule(world: World) -> None:
    await world.deploy(
        '{event: placed, input: {n: "{{ message.order }}", at: "{{ schedule.time }}", of: "{{ schedule.id }}"}}'
    )
    await emit(world, {"order": 7}, "o-7")

    assert await world.input("t/o-7") == {"n": 7, "at": "2026-06-01T12:00:00Z", "of": "t"}


async def test_events_of_another_name_and_of_before_start_nothing(world: World) -> None:
    await world.engine.emit("placed", {})
    await world.deploy("{event: placed}")
    await world.engine.emit("paid", {})

    assert await world.look() == []


async def test_publications_without_a_name_start_a_run_each(world: World) -> None:
    await world.deploy("{event: placed}")
    await emit(world, {"n": 1})

    runs = await emit(world, {"n": 2})

    assert len(set(runs)) == 2
    assert [await world.input(f"t/{run}") for run in runs] == [{"n": 1}, {"n": 2}]


async def test_the_same_publication_again_starts_nothing(world: World) -> None:
    await world.deploy("{event: placed}")
    await emit(world, {}, "o-1")

    assert await emit(world, {}, "o-1") == ["o-1"]
    assert await world.store.occurrences() == []


@pytest.mark.parametrize("id", ["x" * 500, "two\nlines", "~"])
async def test_a_publication_whose_id_is_no_id_of_a_run_starts_one_all_the_same(world: World, id: str) -> None:
    await world.deploy("{event: placed}")

    [run] = await emit(world, {}, id)

    assert len(run) == 32
    assert await emit(world, {}, id) == [run]


async def test_match_says_which_events_are_meant(world: World) -> None:
    await world.deploy("{event: placed, match: message.total > 10}")
    await emit(world, {"total": 5}, "small")

    assert await emit(world, {"total": 50}, "large") == ["large"]
    assert await world.store.occurrences() == []


async def test_several_schedules_take_the_same_event(world: World) -> None:
    await world.deploy("[{id: a, event: placed}, {id: b, event: placed}]")

    assert await emit(world, {}, "o") == ["a/o", "b/o"]


async def test_events_outside_of_start_and_end_start_nothing(world: World) -> None:
    schedule = "{event: placed, start: '2026-06-01T13:00:00Z', end: '2026-06-01T14:00:00Z'}"
    await world.deploy(schedule)
    for time in ("12:59", "13:00", "13:59", "14:00"):
        world.clock.set(f"2026-06-01T{time}:00Z")
        await emit(world, {}, time)

    assert await world.runs() == ["13:00", "13:59"]


# -- overlap


async def test_without_an_overlap_every_event_has_its_run_at_once(world: World) -> None:
    await world.deploy("{event: placed}")
    for name in ("a", "b"):
        await world.engine.emit("placed", {}, id=name)

    assert await world.look() == ["a", "b"]


async def test_skip_lets_events_go_by(world: World) -> None:
    await world.deploy("{event: placed, overlap: skip}")
    await emit(world, {}, "a")
    assert await emit(world, {}, "b") == ["a"]
    await world.end("t/a")

    assert await emit(world, {}, "c") == ["a", "c"]


async def test_buffer_all_keeps_events_in_order(world: World) -> None:
    await world.deploy("{event: placed, overlap: buffer_all}")
    for name in ("a", "b", "c"):
        assert await emit(world, {}, name) == ["a"]
    await world.end("t/a")
    assert await world.look() == ["a", "b"]
    await world.end("t/b")

    assert await world.look() == ["a", "b", "c"]


async def test_buffer_one_keeps_the_first_event(world: World) -> None:
    await world.deploy("{event: placed, overlap: buffer_one}")
    for name in ("a", "b", "c"):
        assert await emit(world, {}, name) == ["a"]
    await world.end("t/a")

    assert await world.look() == ["a", "b"]
    assert await world.store.occurrences() == []


async def test_cancel_running_makes_room_for_the_latest_event(world: World) -> None:
    await world.deploy("{event: placed, overlap: cancel_running}")
    for name in ("a", "b", "c"):
        assert await emit(world, {}, name) == ["a"]
    row = await world.store.find("t/a")
    assert row is not None
    assert {letter.kind for letter in await world.store.letters_of(row.key)} == {"cancel"}
    await world.end("t/a", "cancelled")

    assert await world.look() == ["a", "c"]
    assert await world.store.occurrences() == []


# -- pausing, by hand


async def test_events_while_paused_start_nothing_and_those_of_before_wait(world: World) -> None:
    await world.deploy("{event: placed}")
    await world.engine.emit("placed", {}, id="before")
    await world.engine.schedules.pause("t")
    assert await emit(world, {}, "meanwhile") == []
    await world.engine.schedules.resume("t")

    assert await world.look() == ["before"]
    assert await emit(world, {}, "after") == ["before", "after"]


async def test_a_trigger_stands_in_for_an_event(world: World) -> None:
    await world.deploy("{event: placed, match: message.total > 10, input: {n: '{{ message.total }}'}}")

    run = await world.engine.schedules.trigger("t", message={"total": 1})

    assert await world.input(run.id) == {"n": 1}
    with pytest.raises(InvalidInput, match="the schedule t needs a message"):
        await world.engine.schedules.trigger("t")
    with pytest.raises(InvalidInput, match="has no times"):
        await world.engine.schedules.backfill("t", "2026-05-01", "2026-05-02")
    assert await world.engine.schedules.next("t") == []


async def test_a_time_takes_no_message(world: World) -> None:
    await world.deploy("{every: 1h}")

    with pytest.raises(InvalidInput, match="takes no message"):
        await world.engine.schedules.trigger("t", message={})


async def test_a_deleted_schedule_takes_its_events_with_it(world: World) -> None:
    await world.deploy("{event: placed}")
    await world.engine.emit("placed", {}, id="a")
    await world.engine.schedules.delete("t")

    assert await world.look() == []
    assert await world.store.occurrences() == []


async def test_a_trigger_that_becomes_a_time_lets_its_events_go(world: World) -> None:
    await world.deploy("{event: placed}")
    await world.engine.emit("placed", {}, id="a")
    await world.deploy("{every: 1h}")

    assert await world.look() == []
    assert await world.store.occurrences() == []


# -- what cannot be started


@pytest.mark.parametrize(
    ("schedule", "type", "says"),
    [
        ("{event: placed}", "InvalidInput", "the input is no mapping"),
        ("{event: placed, input: {n: '{{ message.n }}'}}", "ExpressionFailed", "the input cannot be made"),
        ("{event: placed, match: message.n > 1}", "ExpressionFailed", "match cannot be evaluated"),
        ("{event: placed, match: message}", "ExpressionFailed", "match cannot be evaluated"),
        ("{event: placed, input: {n: '{{ message }}'}}", "InvalidInput", "does not fit"),
    ],
)
async def test_an_event_that_nothing_can_come_of_is_dropped_and_said(
    world: World, schedule: str, type: str, says: str
) -> None:
    await world.deploy(schedule, head="input: {properties: {n: {type: integer}}}\n")

    assert await emit(world, "no mapping", "bad") == []

    info = await world.engine.schedules.describe("t")
    assert info.last_error is not None
    assert info.last_error["type"] == type
    assert says in info.last_error["message"]
    assert await world.store.occurrences() == []
    if "match: message}" not in schedule:
        assert await emit(world, {"n": 5}, "good") == (["good"] if "{{ message }}" not in schedule else [])


async def test_a_definition_that_is_gone_harms_its_own_events_only(world: World) -> None:
    await world.deploy("{event: placed}")
    spec = b'{"written": {"event": "placed"}, "digest": "gone"}'
    await world.store.put_schedule("u", "u", spec, b'{"cursor": 0}', next_at=None, event="placed")

    assert await emit(world, {}, "a") == ["a"]

    info = await world.engine.schedules.describe("u")
    assert info.last_error is not None
    assert info.last_error["type"] == "UnknownWorkflow"


async def test_a_run_emits_what_starts_another(place: Place) -> None:
    """Started, moved and ended by a working engine, without any look by hand."""
    async with perdure.open(place.store()) as engine:
        await engine.deploy(
            "workflow: t\nschedule: {event: shipped, input: {parcel: '{{ message.parcel }}'}}\n"
            "steps: [{set: {a: 1}}]\noutput: '{{ input.parcel }}'\n"
        )
        await engine.start("workflow: u\nsteps: [{emit: {event: shipped, data: {parcel: 3}}}]\n", id="u")
        [run] = await eventually(lambda: engine.runs("workflow = t"))

        assert run.labels == {"schedule": "t"}
        assert await engine.run(run.id).result(10) == 3


async def test_an_event_that_a_run_emits_wakes_the_scheduler_of_its_process_at_once(monkeypatch) -> None:
    monkeypatch.setattr("perdure.engine.scheduler.SWEEP", HOUR / SECOND)  # nothing else would wake it in this test
    async with perdure.open("memory://") as engine:
        await engine.deploy("workflow: taker\nschedule: {event: placed}\nsteps: [{set: {n: '{{ input.n }}'}}]\n")
        run = await engine.start("workflow: giver\nsteps: [{emit: {event: placed, data: {n: 7}}}]\n")
        await run.result()
        async with asyncio.timeout(20):
            while not (found := await engine.runs("workflow = taker and status = completed")):
                await asyncio.sleep(0.01)
        assert (await engine.run(found[0].id).describe()).input == {"n": 7}
