"""Schedules that never start anything, whose input does not fit, or that meet a clock that is set."""

from __future__ import annotations

import pytest
from marked import Holds, Inspected

from perdure.definition import inspect, load
from perdure.values import HOUR, MINUTE, SECOND, parse_time

STEPS = "\nsteps: [{set: {x: 1}}]\n"


def codes(schedule: str, head: str = "") -> list[str]:
    text = f"workflow: t\n{head}schedule: {schedule}{STEPS}"
    return [diagnostic.code for diagnostic in inspect(text).diagnostics]


def test_what_is_wrong_with_a_schedule_is_told_at_its_place(holds: Holds) -> None:
    holds(
        """
        workflow: daily
        input: {type: object, required: [day], properties: {day: {type: string}}, additionalProperties: false}
        schedule:
          - {id: a, every: 1d, input: {day: 3}} # WF510 3
          - {id: a, every: 1d, input: {day: x}} # WF208 a
          - {id: b, cron: "0 9 * * *", input: {dya: x}} # WF510 dya
          - {id: c, cron: "0 9 * * *"} # WF510 "0 9 * * *"
          - {id: d, event: placed, match: message.total > nope} # WF304 nope
          - {id: e, every: 1d, input: {day: "{{ message }}"}} # WF304 message
          - {id: f, every: 1d, input: {day: "{{ steps.x }}"}} # WF304 steps
          - {id: g, every: 1d, input: {day: "{{ schedule.tme }}"}} # WF311 tme
          - {id: h, event: placed, input: {day: "{{ message.day }} {{ schedule.id }}"}}
        steps: [{set: {x: 1}}]
        """
    )


@pytest.mark.parametrize(
    ("schedule", "code"),
    [
        ("{cron: '0 25 * * *'}", "WF507"),
        ("{cron: '* * * * * *'}", "WF507"),
        ("{cron: 5}", "WF203"),
        ("{cron: '0 0 31 4 *'}", "WF508"),
        ("{every: 500ms}", "WF212"),
        ("{every: 0s}", "WF212"),
        ("{every: '{{ input.x }}'}", "WF210"),
        ("{every: 1h, jitter: '{{ input.x }}'}", "WF210"),
        ("{every: 1h, jitter: 25h}", "WF212"),
        ("{every: 1h, timezone: Mars/Base}", "WF218"),
        ("{every: 1h, start: tomorrow}", "WF207"),
        ("{every: 1h, overlap: queue}", "WF211"),
        ("{every: 1h, cron: '@daily'}", "WF217"),
        ("{event: a, jitter: 1s}", "WF216"),
        ("{event: a, catch_up: 1s}", "WF216"),
        ("{every: 1h, match: true}", "WF216"),
        ("{}", "WF204"),
        ("[]", "WF213"),
        ("[{every: 1h}]", "WF202"),
        ("{every: 1h, input: [1]}", "WF203"),
        ("{every: 1h, start: 2026-05-01, end: 2026-05-01}", "WF508"),
        ("{event: a, start: 2026-05-02, end: 2026-05-01}", "WF508"),
        ("{cron: '0 0 1 1 *', start: 2026-02-01, end: 2026-12-01}", "WF508"),
        ("{cron: '0 0 1 1 *', start: 2026-02-01, end: 2027-01-01T00:01}", ""),
        ("{event: a, match: true}", "WF312"),
        ("{event: a, match: message.x}", ""),
    ],
)
def test_a_schedule_says_one_thing_that_can_be(schedule: str, code: str) -> None:
    assert codes(schedule) == ([code] if code else [])


def test_readings_that_a_clock_repeats_or_skips_are_noted(diagnose: Inspected) -> None:
    found = diagnose(
        """
        workflow: t
        schedule: {cron: "30 2 * * *", timezone: Europe/Berlin}
        steps: [{set: {x: 1}}]
        """
    )

    assert sorted((one.code, one.severity, one.message) for one in found) == [
        ("WF509", "info", "02:30 comes twice on 2026-10-25; it fires the first time"),
        ("WF509", "info", "02:30 is skipped on 2026-03-29; it fires at 03:30"),
    ]


@pytest.mark.parametrize(
    "schedule",
    [
        "{cron: '30 * * * *', timezone: Europe/Berlin}",
        "{cron: '30 4 * * *', timezone: Europe/Berlin}",
        "{cron: '30 2 * * *'}",
        "{cron: '30 2 * * mon', timezone: America/New_York}",
    ],
)
def test_a_clock_that_changes_nothing_is_not_noted(schedule: str) -> None:
    assert codes(schedule) == []


def test_a_schedule_means_what_is_written() -> None:
    text = """\
workflow: t
schedule:
  - {id: daily, cron: "0 9 * * *", timezone: Europe/Berlin, jitter: 5m, overlap: allow, catch_up: 6h,
     start: 2026-03-01, end: "2026-04-01T00:00:00Z", input: {day: "{{ schedule.time }}"}}
  - {id: often, every: 30s}
  - {id: paid, event: paid, match: true}
steps: [{set: {x: 1}}]
"""
    daily, often, paid = load(text).program.schedules

    assert (daily.id, often.id, paid.id) == ("t/daily", "t/often", "t/paid")
    assert (daily.jitter, daily.overlap, daily.catch_up) == (5 * MINUTE, "allow", 6 * HOUR)
    assert daily.start == parse_time("2026-02-28T23:00:00Z")
    assert daily.next_after(0) == parse_time("2026-03-01T08:00:00Z")
    assert daily.next_after(parse_time("2026-03-31T07:00:00Z")) is None
    assert (often.every, often.overlap, often.catch_up, often.jitter) == (30 * SECOND, "skip", HOUR, 0)
    assert (paid.event, paid.overlap, paid.next_after(0)) == ("paid", "allow", None)


def test_a_single_schedule_is_called_after_its_workflow() -> None:
    [schedule] = load(f"workflow: t\nschedule: {{every: 1h}}{STEPS}").program.schedules

    assert schedule.id == "t"


def test_spans_are_counted_from_the_start_or_from_the_epoch() -> None:
    plain, started = load(
        f"workflow: t\nschedule: [{{id: a, every: 7h}}, {{id: b, every: 7h, start: '2026-03-01T01:30:00Z'}}]{STEPS}"
    ).program.schedules

    assert plain.next_after(0) == 7 * HOUR
    assert plain.next_after(7 * HOUR - 1) == 7 * HOUR
    assert plain.next_after(7 * HOUR) == 14 * HOUR
    first = parse_time("2026-03-01T01:30:00Z")
    assert started.next_after(0) == first
    assert started.next_after(first) == first + 7 * HOUR


def test_jitter_puts_each_time_off_by_less_than_its_span_and_always_alike() -> None:
    [schedule] = load(f"workflow: t\nschedule: {{every: 1h, jitter: 10m}}{STEPS}").program.schedules
    puts = [schedule.due(nominal * HOUR) - nominal * HOUR for nominal in range(200)]

    assert all(0 <= put < 10 * MINUTE for put in puts)
    assert len(set(puts)) > 190
    assert puts == [schedule.due(nominal * HOUR) - nominal * HOUR for nominal in range(200)]
