"""Schedules by the clock: when runs are started, and what happens while earlier ones are open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from schedule_world import HOURLY, World, hours

import perdure
from perdure.errors import InvalidInput, UnknownSchedule
from perdure.stores.store import Closing, Commit, NewRun
from perdure.values import HOUR, MINUTE, SECOND, parse_time

# -- starting


async def test_a_nominal_time_starts_a_run_that_bears_it(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', input: {at: '{{ schedule.time }}', of: '{{ schedule.id }}'}}")
    assert await world.at("12:59") == []

    assert await world.at("13:00") == ["13:00"]

    info = await world.engine.run("t/2026-06-01T13:00:00Z").describe()
    assert info.input == {"at": "2026-06-01T13:00:00Z", "of": "t"}
    assert info.labels == {"schedule": "t"}
    assert (info.workflow, info.status, info.started_at) == ("t", "running", "2026-06-01T13:00:00Z")


async def test_one_look_after_another_starts_nothing_twice(world: World) -> None:
    await world.deploy(HOURLY)
    world.clock.set("2026-06-01T13:00:00Z")

    for _ in range(3):
        assert await world.look() == ["13:00"]


async def test_the_time_is_told_as_the_schedules_zone_shows_it(world: World) -> None:
    schedule = "{cron: '0 15 * * *', timezone: Europe/Berlin, input: {at: '{{ schedule.time }}'}}"
    await world.deploy(schedule)
    await world.at("13:00")

    assert await world.input("t/2026-06-01T13:00:00Z") == {"at": "2026-06-01T15:00:00+02:00"}


async def test_spans_fire_at_their_multiples(world: World) -> None:
    await world.deploy("{every: 20m, overlap: allow}")

    await world.at("12:59")

    assert await world.runs() == ["12:20", "12:40"]


async def test_nothing_is_started_before_the_start_or_from_the_end_on(world: World) -> None:
    schedule = "{every: 1h, overlap: allow, start: '2026-06-01T14:30:00Z', end: '2026-06-01T16:30:00Z'}"
    await world.deploy(schedule)
    for time in ("13:00", "14:00", "14:30", "15:30", "16:30", "17:30"):
        await world.at(time)

    assert await world.runs() == ["14:30", "15:30"]
    assert (await world.engine.schedules.describe("t")).status == "ended"


async def test_jitter_puts_a_start_off_and_keeps_its_nominal_time(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', jitter: 30m}")
    [first] = await world.engine.schedules.next("t", 1)
    due = parse_time(first.due)
    assert parse_time("2026-06-01T13:00:00Z") < due < parse_time("2026-06-01T13:30:00Z")

    world.clock.at = due - 1
    assert await world.look() == []
    world.clock.at = due
    assert await world.look() == ["13:00"]


async def test_times_of_before_the_deployment_start_nothing(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', catch_up: 30d, start: '2026-05-01T00:00:00Z'}")

    assert await world.look() == []


async def test_a_fold_of_the_clock_fires_once_and_a_gap_later(world: World) -> None:
    world.clock.set("2026-03-28T12:00:00Z")
    await world.deploy("{cron: '30 2 * * *', timezone: Europe/Berlin, overlap: allow}")
    for day in ("2026-03-29", "2026-03-30"):
        for hour in range(24):
            await world.at(f"{day}T{hour:02}:30:00Z")
    assert await world.runs() == ["2026-03-29T01:30", "2026-03-30T00:30"]

    world.clock.set("2026-10-24T12:00:00Z")
    await world.engine.schedules.pause("t")
    await world.engine.schedules.resume("t")
    for hour in range(24):
        await world.at(f"2026-10-25T{hour:02}:30:00Z")
    assert (await world.runs())[2:] == ["2026-10-25T00:30"]


# -- overlap


async def test_skip_lets_a_time_go_by_while_a_run_is_open(world: World) -> None:
    await world.deploy(HOURLY)
    assert await world.at("13:00") == ["13:00"]
    assert await world.at("14:00") == ["13:00"]
    await world.end("13:00")
    assert await world.at("14:30") == ["13:00"]

    assert await world.at("15:00") == ["13:00", "15:00"]


async def test_buffer_one_keeps_one_time_for_later(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', overlap: buffer_one}")
    for time in ("13:00", "14:00", "15:00", "16:00"):
        assert await world.at(time) == ["13:00"]
    assert (await world.engine.schedules.describe("t")).waiting == ["2026-06-01T14:00:00Z"]

    await world.end("13:00")
    assert await world.at("16:10") == ["13:00", "14:00"]
    await world.end("14:00")

    assert await world.at("16:20") == ["13:00", "14:00"]
    assert await world.at("17:00") == ["13:00", "14:00", "17:00"]


async def test_buffer_all_keeps_every_time_in_order(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', overlap: buffer_all}")
    for time in ("13:00", "14:00", "15:00", "16:00"):
        assert await world.at(time) == ["13:00"]

    for done, runs in (("13:00", ["14:00"]), ("14:00", ["14:00", "15:00"]), ("15:00", ["14:00", "15:00", "16:00"])):
        await world.end(done, "failed")
        assert await world.at("16:10") == ["13:00", *runs]


async def test_allow_starts_whatever_is_open(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', overlap: allow}")
    for time in ("13:00", "14:00", "15:00"):
        await world.at(time)

    assert await world.runs() == ["13:00", "14:00", "15:00"]
    assert (await world.engine.schedules.describe("t")).open == []


@pytest.mark.parametrize(("overlap", "kind"), [("cancel_running", "cancel"), ("terminate_running", "terminate")])
async def test_a_running_run_is_told_to_make_room_once(world: World, overlap: str, kind: str) -> None:
    await world.deploy(f"{{cron: '0 * * * *', overlap: {overlap}}}")
    await world.at("13:00")
    assert await world.letters("13:00") == []
    for time in ("14:00", "14:01", "14:02"):
        assert await world.at(time) == ["13:00"]
    await world.another().look()  # another process, which does not know what this one has sent
    assert await world.letters("13:00") == [(kind, "the next run of the schedule t is due")]

    await world.end("13:00", "cancelled")

    assert await world.at("14:03") == ["13:00", "14:00"]
    assert await world.letters("14:00") == []


async def test_the_newest_time_is_the_one_that_a_cancelled_run_makes_room_for(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', overlap: cancel_running}")
    for time in ("13:00", "14:00", "15:00"):
        assert await world.at(time) == ["13:00"]
    await world.end("13:00", "cancelled")

    assert await world.at("15:01") == ["13:00", "15:00"]


async def test_a_run_that_continues_under_its_id_is_still_open(world: World) -> None:
    """What `restart` leaves behind has ended; the run has not."""
    await world.deploy(HOURLY)
    await world.at("13:00")
    row = await world.store.find("t/2026-06-01T13:00:00Z")
    assert row is not None
    history = await world.store.history(row.key)
    successor = NewRun(row.id, row.workflow, None, row.digest, "running", 1)
    commit = Commit(row.key, closing=Closing("continued", 1, b"{}"), successor=replace(successor, labels=row.labels))
    commit.successor_events = history
    await world.store.commit([commit])

    assert "14:00" not in await world.at("14:00")


# -- catching up


async def test_what_a_worker_missed_for_a_week_is_caught_up_as_far_as_asked(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', overlap: allow, catch_up: 3h}")

    runs = await world.at("2026-06-08T12:30:00Z")

    assert runs == [f"2026-06-08T{hour}:00" for hour in ("10", "11", "12")]


async def test_without_catch_up_an_hour_is_caught_up(world: World) -> None:
    await world.deploy("{every: 20m, overlap: allow}")

    assert await world.at("2026-06-08T12:30:00Z") == ["2026-06-08T11:40", "2026-06-08T12:00", "2026-06-08T12:20"]


async def test_a_week_of_every_second_is_behind_in_one_look(world: World) -> None:
    await world.deploy("{every: 1s, overlap: allow, catch_up: 10s, jitter: 5s}")

    runs = await world.at("2026-06-08T12:30:00Z")

    assert 5 <= len(runs) <= 16


async def test_a_time_is_caught_up_to_the_very_end_of_its_span(world: World) -> None:
    await world.deploy("{cron: '0 13 * * *', catch_up: 1h}")
    world.clock.set("2026-06-01T14:00:00Z")
    assert await world.look() == ["13:00"]

    await world.end("13:00")
    world.clock.at = parse_time("2026-06-02T14:00:00Z") + 1
    assert await world.look() == ["13:00"]


async def test_a_worker_that_is_a_little_late_has_missed_nothing(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', catch_up: 0s}")
    world.clock.at = parse_time("2026-06-01T13:00:00Z") + 9 * SECOND

    assert await world.look() == ["13:00"]


async def test_a_week_of_catching_up_under_skip_starts_one_run(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', catch_up: 10d}")

    assert await world.at("2026-06-08T12:30:00Z") == ["13:00"]
    assert (await world.engine.schedules.describe("t")).next_at == "2026-06-08T13:00:00Z"


# -- pausing


async def test_a_paused_schedule_starts_nothing_and_does_not_make_up_for_it(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', overlap: allow}")
    await world.at("13:00")
    await world.engine.schedules.pause("t", "while the report is mended")
    info = await world.engine.schedules.describe("t")
    assert (info.status, info.note, info.next_at) == ("paused", "while the report is mended", None)
    assert await world.at("14:00") == ["13:00"]

    world.clock.set("2026-06-01T14:10:00Z")
    await world.engine.schedules.resume("t")

    assert await world.at("14:20") == ["13:00"]
    assert await world.at("15:00") == ["13:00", "15:00"]
    info = await world.engine.schedules.describe("t")
    assert (info.status, info.note) == ("active", None)


async def test_what_waits_when_a_schedule_is_paused_goes_on_when_it_is_resumed(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', overlap: buffer_all}")
    await world.at("13:00")
    await world.at("14:00")
    await world.engine.schedules.pause("t")
    await world.end("13:00")
    assert await world.at("15:30") == ["13:00"]

    await world.engine.schedules.resume("t")

    assert await world.at("15:31") == ["13:00", "14:00"]


async def test_resuming_what_is_not_paused_changes_nothing(world: World) -> None:
    await world.deploy(HOURLY)
    world.clock.set("2026-06-01T13:30:00Z")
    await world.engine.schedules.resume("t")

    assert await world.look() == ["13:00"]


# -- by hand


async def test_a_trigger_at_a_nominal_time_does_not_take_its_place(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', overlap: allow}")
    world.clock.set("2026-06-01T13:00:00Z")
    await world.engine.schedules.trigger("t")

    assert await world.look() == ["trigger/2026-06-01T13:00", "13:00"]


async def test_a_trigger_starts_a_run_now_whatever_is_open_or_paused(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', input: {at: '{{ schedule.time }}'}}")
    await world.at("13:00")
    await world.engine.schedules.pause("t")
    world.clock.at += 5 * MINUTE + 7

    first = await world.engine.schedules.trigger("t")
    second = await world.engine.schedules.trigger("t")

    assert first.id == "t/trigger/2026-06-01T13:05:00.000007Z"
    assert second.id == "t/trigger/2026-06-01T13:05:00.000008Z"
    assert await world.input(first.id) == {"at": "2026-06-01T13:05:00.000007Z"}


async def test_a_triggered_run_counts_for_the_overlap(world: World) -> None:
    await world.deploy(HOURLY)
    run = await world.engine.schedules.trigger("t")
    hand = "trigger/2026-06-01T12:00"
    assert await world.at("13:00") == [hand]

    await world.end(run.id)

    assert await world.at("14:00") == [hand, "14:00"]


async def test_a_backfill_starts_what_has_not_fired(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', overlap: allow}")
    await world.at("13:00")
    world.clock.set("2026-06-01T15:30:00Z")

    runs = await world.engine.schedules.backfill("t", "2026-06-01T10:00:00Z", "2026-06-01T15:00:00Z")
    again = await world.engine.schedules.backfill("t", "2026-06-01T10:00:00Z", "2026-06-01T15:00:00Z")

    assert [run.id[-9:-4] for run in runs] == ["10:00", "11:00", "12:00", "14:00"]
    assert again == []
    assert await world.look() == ["13:00", "10:00", "11:00", "12:00", "14:00", "15:00"]


async def test_a_time_that_is_filled_in_before_it_was_decided_holds_nothing_up(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', overlap: allow}")
    world.clock.set("2026-06-01T13:30:00Z")
    await world.engine.schedules.backfill("t", "2026-06-01T13:00:00Z", "2026-06-01T13:30:00Z")
    await world.look()

    assert (await world.engine.schedules.describe("t")).next_at == "2026-06-01T14:00:00Z"
    assert await world.at("14:00") == ["13:00", "14:00"]


async def test_a_backfill_goes_one_after_another_where_runs_must_not_overlap(world: World) -> None:
    await world.deploy(HOURLY)

    runs = await world.engine.schedules.backfill("t", "2026-06-01T09:00:00Z", "2026-06-01T11:00:00Z")

    assert [run.id for run in runs] == ["t/2026-06-01T09:00:00Z", "t/2026-06-01T10:00:00Z"]
    assert await world.look() == ["09:00"]
    await world.end("09:00")
    assert await world.at("12:30") == ["09:00", "10:00"]
    assert await world.at("13:00") == ["09:00", "10:00"]  # skipped: a run is open
    await world.end("10:00")
    assert await world.at("14:00") == ["09:00", "10:00", "14:00"]


async def test_times_that_were_skipped_or_missed_can_be_filled_in(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', catch_up: 10s}")
    await world.at("13:00")
    await world.at("14:00")  # skipped
    await world.end("13:00")
    await world.at("16:30")  # 15:00 and 16:00 were missed

    runs = await world.engine.schedules.backfill("t", "2026-06-01T13:00:00Z", "2026-06-01T16:30:00Z")

    assert [run.id[-9:-4] for run in runs] == ["14:00", "15:00", "16:00"]


async def test_a_backfill_reads_times_in_the_schedules_zone(world: World) -> None:
    await world.deploy("{cron: '0 9 * * *', timezone: America/New_York, overlap: allow}")

    runs = await world.engine.schedules.backfill("t", "2026-05-01", "2026-05-03")

    assert [run.id for run in runs] == ["t/2026-05-01T13:00:00Z", "t/2026-05-02T13:00:00Z"]


async def test_more_than_a_thousand_times_do_not_wait_for_their_runs(world: World) -> None:
    await world.deploy("{every: 1h}")
    await world.engine.schedules.backfill("t", "2026-01-01", "2026-02-01")

    with pytest.raises(InvalidInput, match="more than 1,000 times would wait"):
        await world.engine.schedules.backfill("t", "2026-02-01", "2026-03-01")

    assert len((await world.engine.schedules.describe("t")).waiting) == 31 * 24


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        ("2026-06-01T11:00:00Z", "2026-06-01T10:00:00Z", "from a start to a later end"),
        ("2026-06-01T11:00:00Z", "2026-06-01T13:00:00Z", "not in the future"),
        ("2020-01-01", "2026-01-01", "at most 1,000 times"),
        ("yesterday", "2026-01-01", "start: not an ISO 8601 time"),
    ],
)
async def test_a_backfill_that_cannot_be_is_refused(world: World, start: str, end: str, reason: str) -> None:
    await world.deploy(HOURLY)

    with pytest.raises(InvalidInput, match=reason):
        await world.engine.schedules.backfill("t", start, end)


# -- looking ahead


async def test_next_shows_times_in_utc_and_by_the_clock_with_notes(world: World) -> None:
    world.clock.set("2026-10-23T12:00:00Z")
    await world.deploy("{cron: '30 2 * * *', timezone: Europe/Berlin}")

    times = await world.engine.schedules.next("t", 3)

    assert [(time.at, time.local, time.note) for time in times] == [
        ("2026-10-24T00:30:00Z", "2026-10-24T02:30:00+02:00", None),
        (
            "2026-10-25T00:30:00Z",
            "2026-10-25T02:30:00+02:00",
            "the clock is set back: 02:30 comes twice, this is the first",
        ),
        ("2026-10-26T01:30:00Z", "2026-10-26T02:30:00+01:00", None),
    ]


async def test_next_of_a_paused_schedule_is_what_would_come(world: World) -> None:
    await world.deploy(HOURLY)
    await world.engine.schedules.pause("t")
    world.clock.set("2026-06-01T15:30:00Z")

    assert [time.at for time in await world.engine.schedules.next("t", 2)] == hours(
        "2026-06-01T16:00:00Z", "2026-06-01T18:00:00Z"
    )


async def test_an_unknown_schedule_is_an_error_with_the_nearest_id(world: World) -> None:
    await world.deploy(HOURLY, name="report")

    for call in (
        world.engine.schedules.describe("reprot"),
        world.engine.schedules.next("reprot"),
        world.engine.schedules.pause("reprot"),
        world.engine.schedules.resume("reprot"),
        world.engine.schedules.trigger("reprot"),
        world.engine.schedules.backfill("reprot", "2026-01-01", "2026-01-02"),
        world.engine.schedules.delete("reprot"),
    ):
        with pytest.raises(UnknownSchedule, match="did you mean report"):
            await call


# -- by hand, and deleted


async def test_a_schedule_made_by_hand_starts_what_is_deployed_last(world: World) -> None:
    text = "workflow: t\nversion: {}\nsteps: [{{set: {{a: 1}}}}]\n"
    await world.engine.deploy(text.format("one"))
    info = await world.engine.schedules.create("t/nightly", "t", {"every": "1h", "input": {"a": 1}})
    assert (info.id, info.digest, info.next_at) == ("t/nightly", None, "2026-06-01T13:00:00Z")
    await world.engine.deploy(text.format("two"))

    await world.at("13:00")

    run = await world.engine.run("t/nightly/2026-06-01T13:00:00Z").describe()
    assert (run.version, run.input) == ("two", {"a": 1})
    assert [schedule.id for schedule in await world.engine.schedules.list(workflow="t")] == ["t/nightly"]


async def test_a_schedule_made_by_hand_is_checked_like_one_of_a_definition(world: World) -> None:
    head = "input: {required: [day], properties: {day: {type: string}}}\n"
    await world.engine.deploy(f"workflow: t\n{head}steps: [{{set: {{a: 1}}}}]\n")
    create = world.engine.schedules.create

    for written, code in (
        ({"every": "1h", "input": {"day": 3}}, "WF510"),
        ({"every": "1h"}, "WF510"),
        ({"cron": "61 * * * *"}, "WF507"),
        ({}, "WF204"),
    ):
        with pytest.raises(perdure.DefinitionError) as refused:
            await create("x", "t", written)
        assert [found.code for found in refused.value.diagnostics] == [code]
    with pytest.raises(InvalidInput, match="no definition of u is deployed"):
        await create("x", "u", {"every": "1h"})
    with pytest.raises(InvalidInput, match="a schedule is a mapping"):
        await create("x", "t", [{"every": "1h"}])  # type: ignore[arg-type]
    await create("x", "t", {"every": "1h", "input": {"day": "x"}})
    with pytest.raises(InvalidInput, match="there is a schedule x already"):
        await create("x", "t", {"every": "2h", "input": {"day": "x"}})


async def test_a_deleted_schedule_starts_nothing_any_more(world: World) -> None:
    await world.deploy(HOURLY)
    await world.at("13:00")
    await world.engine.schedules.delete("t")

    assert await world.at("14:00") == ["13:00"]
    assert await world.engine.schedules.list() == []


# -- deploying


async def test_deploying_again_changes_nothing_and_loses_nothing(world: World) -> None:
    await world.deploy(HOURLY)
    world.clock.set("2026-06-01T13:10:00Z")
    await world.deploy(HOURLY)

    assert await world.look() == ["13:00"]


async def test_a_changed_time_holds_from_its_deployment_on(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', overlap: allow}")
    await world.at("13:00")
    world.clock.set("2026-06-01T14:20:00Z")
    await world.deploy("{cron: '10 * * * *', overlap: allow}")

    assert await world.look() == ["13:00"]
    assert await world.at("15:10") == ["13:00", "15:10"]


async def test_what_else_is_changed_does_not_touch_times_that_are_due(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', overlap: allow}")
    world.clock.set("2026-06-01T13:20:00Z")
    await world.deploy("{cron: '0 * * * *', overlap: skip, input: {a: 1}}")

    assert await world.look() == ["13:00"]
    assert await world.input("t/2026-06-01T13:00:00Z") == {"a": 1}


async def test_a_paused_schedule_stays_paused_and_one_that_is_gone_is_removed(world: World) -> None:
    await world.deploy("[{id: a, every: 1h, overlap: allow}, {id: b, every: 1h, overlap: allow}]")
    await world.engine.schedules.pause("t/a")
    await world.deploy("[{id: a, every: 1h, overlap: skip}, {id: c, every: 1h, overlap: skip}]")

    assert [(one.id, one.status) for one in await world.engine.schedules.list()] == [
        ("t/a", "paused"),
        ("t/c", "active"),
    ]
    assert await world.at("13:00") == ["c/2026-06-01T13:00"]


async def test_changes_say_what_a_deployment_would_do(world: World) -> None:
    await world.deploy("[{id: a, every: 1h}, {id: b, every: 1h}, {id: c, every: 1h}]")
    text = (
        "workflow: t\nschedule: [{id: a, every: 1h}, {id: b, every: 2h}, {id: d, every: 1h}]\nsteps: [{set: {a: 2}}]\n"
    )

    changes = await world.engine.schedules.changes(perdure.load(text))

    assert [(change.id, change.change) for change in changes] == [
        ("t/a", "unchanged"), ("t/b", "changed"), ("t/d", "new"), ("t/c", "removed"),
    ]  # fmt: skip


async def test_runs_have_the_version_that_was_deployed_with_the_schedule(world: World) -> None:
    one = await world.deploy(HOURLY)
    await world.engine.start("workflow: t\nsteps: [{set: {tried: 1}}]\n", id="a-try")
    await world.at("13:00")
    two = await world.deploy(HOURLY, step="b: 1")
    await world.end("13:00")
    await world.at("14:00")

    digests = [(await world.engine.run(f"t/2026-06-01T{hour}:00:00Z").describe()).digest for hour in (13, 14)]
    assert digests == [one.digest, two.digest]


async def test_children_beside_the_file_are_deployed_with_their_parent(world: World, tmp_path: Path) -> None:
    (tmp_path / "kid.yaml").write_text("workflow: kid\nsteps: [{set: {a: 1}}]\n")
    parent = tmp_path / "parent.yaml"
    parent.write_text("workflow: parent\nschedule: {every: 1h}\nsteps: [{id: kid, workflow: kid}]\n")

    await world.engine.deploy(parent)

    assert await world.engine.deployed("kid") is not None


async def test_an_earlier_version_can_be_deployed_again(world: World) -> None:
    one = await world.deploy(HOURLY)
    await world.deploy("{every: 30m}", step="b: 1")
    await world.deploy(HOURLY)

    assert await world.store.latest("t") == one.digest
    assert (await world.engine.schedules.describe("t")).digest == one.digest


async def test_a_schedule_that_begins_to_care_finds_the_runs_that_are_open(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', overlap: allow}")
    await world.at("13:00")
    await world.deploy("{cron: '0 * * * *', overlap: skip}")

    assert await world.at("14:00") == ["13:00"]


async def test_a_schedule_made_by_hand_is_not_overwritten_by_a_deployment(world: World) -> None:
    await world.engine.deploy("workflow: t\nsteps: [{set: {a: 1}}]\n")
    await world.engine.schedules.create("t", "t", {"every": "1h"})

    with pytest.raises(InvalidInput, match="made by hand; delete it first"):
        await world.deploy("{every: 2h}", step="b: 1")

    assert (await world.engine.schedules.describe("t")).written == {"every": "1h"}
    assert await world.store.latest("t") == perdure.load("workflow: t\nsteps: [{set: {a: 1}}]\n").digest


# -- what cannot be started


async def test_input_that_does_not_fit_when_it_is_due_harms_this_time_only(world: World) -> None:
    head = "input: {properties: {at: {type: string, maxLength: 20}}}\n"
    schedule = "{cron: '0 * * * *', input: {at: \"{{ schedule.time if '14:00' not in schedule.time else 'x' * 30 }}\"}}"
    await world.deploy(schedule, head=head)
    await world.at("13:00")
    await world.end("13:00")
    assert await world.at("14:00") == ["13:00"]

    info = await world.engine.schedules.describe("t")
    assert info.last_error is not None
    assert (info.last_error["type"], info.last_error["time"]) == ("InvalidInput", "2026-06-01T14:00:00Z")
    assert "does not fit" in info.last_error["message"]
    assert (info.last_run, info.status) == ("t/2026-06-01T13:00:00Z", "active")
    assert await world.at("15:00") == ["13:00", "15:00"]


async def test_an_expression_that_fails_when_it_is_due_harms_this_time_only(world: World) -> None:
    await world.deploy("{cron: '0 * * * *', input: {a: \"{{ 1 / (schedule.time | length - 20) }}\"}}")

    assert await world.at("13:00") == []

    info = await world.engine.schedules.describe("t")
    assert info.last_error is not None
    assert info.last_error["type"] == "ExpressionFailed"
    with pytest.raises(InvalidInput, match="cannot start a run: the input cannot be made"):
        await world.engine.schedules.trigger("t")


async def test_a_run_of_somebody_else_with_the_same_id_is_left_alone(world: World) -> None:
    await world.deploy(HOURLY)
    await world.engine.start("workflow: u\nsteps: [{set: {a: 1}}]\n", id="t/2026-06-01T13:00:00Z")
    await world.at("13:00")

    info = await world.engine.schedules.describe("t")
    assert info.last_error is not None
    assert info.last_error["message"] == "there is a run t/2026-06-01T13:00:00Z already"
    assert await world.at("14:00") == ["13:00", "14:00"]


async def test_one_broken_schedule_does_not_hold_up_the_others(world: World) -> None:
    await world.deploy(HOURLY)
    await world.store.put_schedule(
        "s", "s", b'{"written": {"cron": "?"}, "digest": null}', b"{}", next_at=1, event=None
    )
    await world.store.put_schedule("u", "u", b"garbage", b"{}", next_at=1, event=None)

    assert await world.at("13:00") == ["13:00"]


async def test_more_schedules_than_a_page_may_wait_for_runs_to_end(world: World) -> None:
    entries = ", ".join(f"{{id: s{number}, every: 1h, overlap: buffer_one}}" for number in range(150))
    await world.deploy(f"[{entries}]")
    await world.at("13:00")
    await world.at("14:00")
    await world.deploy(HOURLY, name="late")
    world.clock.advance(HOUR)

    assert len(await world.look()) == 151
