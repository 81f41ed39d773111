"""Cron expressions: what they say, when they fire in zones that set their clocks, and that they ever do."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from perdure import cron
from perdure.values import MINUTE, SECOND, parse_time, to_datetime, to_microseconds

BERLIN = "Europe/Berlin"  # 2026: forward at 02:00 on March 29, back at 03:00 on October 25
NEW_YORK = "America/New_York"  # 2026: forward at 02:00 on March 8, back at 02:00 on November 1
LORD_HOWE = "Australia/Lord_Howe"  # 2026: half an hour: back at 02:00 on April 5, forward at 02:00 on October 4


def fired(expression: str, zone: str, since: str, count: int) -> list[str]:
    """The next times after a local one, as that zone's clock shows them, with offset."""
    parsed, place = cron.parse(expression), ZoneInfo(zone)
    at, found = parse_time(since, place), []
    for _ in range(count):
        after = cron.next_after(parsed, at, place)
        assert after is not None
        at = after
        found.append(to_datetime(at, place).isoformat(timespec="minutes"))
    return found


# -- reading


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0 9 * * mon-fri", "0 9 * * mon-fri"),
        ("  */5   8-18/2 1,15  JAN,jul  0 ", "*/5 8-18/2 1,15 jan,jul 0"),
        ("@daily", "0 0 * * *"),
        ("@Hourly", "0 * * * *"),
        ("@weekly", "0 0 * * 0"),
        ("0 0 L * *", "0 0 l * *"),
        ("0 0 ? * fri#2", "0 0 ? * fri#2"),
    ],
)
def test_an_expression_has_five_fields_names_and_nicknames(text: str, meant: str) -> None:
    assert cron.parse(text).text == meant


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("61 * * * *", "the minute is 61; it takes 0 to 59"),
        ("0 24 * * *", "the hour is 24; it takes 0 to 23"),
        ("0 0 0 * *", "the day is 0; it takes 1 to 31"),
        ("0 0 32 * *", "the day is 32"),
        ("0 0 * 13 *", "the month is 13"),
        ("0 0 * foo *", "the month is foo"),
        ("0 0 * * 8", "the weekday is 8"),
        ("0 0 * * fri#6", "the weekday is fri#6"),
        ("*/0 * * * *", "the minute is */0"),
        ("-1 * * * *", "the minute is -1"),
        ("1,,2 * * * *", "the minute is 1,,2"),
        ("١ * * * *", "the minute is ١"),
        ("0 0 15W * *", "the day is 15w"),
        ("R * * * *", "the minute is r"),
        ("H * * * *", "the minute is h"),
        ("0 9 * *", "it has 4 fields; five are needed"),
        ("", "it has 0 fields"),
        ("0 0 9 * * *", "it has a field of seconds or years"),
        ("0 0 9 * * * 2026", "it has a field of seconds or years"),
        ("@reboot", "there is no @reboot; there are @yearly"),
        ("@every 5m", "there is no @every 5m"),
    ],
)
def test_what_is_wrong_with_an_expression_is_said_by_field(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}"):
        cron.parse(text)


@pytest.mark.parametrize("text", ["0 0 31 2 *", "0 0 30,31 2 *", "0 0 31 4,6,9,11 *", "* * 30 feb *"])
def test_an_expression_may_never_fire(text: str) -> None:
    parsed = cron.parse(text)

    assert not cron.fires(parsed)
    assert cron.next_after(parsed, 0, UTC) is None


@pytest.mark.parametrize("text", ["0 0 29 2 *", "0 0 31 * *", "0 0 31 2 1", "@yearly"])
def test_a_rare_expression_fires_all_the_same(text: str) -> None:
    assert cron.fires(cron.parse(text))


# -- the calendar


def test_leap_days() -> None:
    assert fired("0 12 29 2 *", BERLIN, "2023-01-01T00:00", 3) == [
        "2024-02-29T12:00+01:00",
        "2028-02-29T12:00+01:00",
        "2032-02-29T12:00+01:00",
    ]
    assert fired("* * 29 2 *", NEW_YORK, "2096-02-29T23:59", 1) == ["2104-02-29T00:00-05:00"]


def test_ends_of_months() -> None:
    assert fired("30 23 L * *", NEW_YORK, "2026-01-31T23:30", 3) == [
        "2026-02-28T23:30-05:00",
        "2026-03-31T23:30-04:00",
        "2026-04-30T23:30-04:00",
    ]
    assert fired("0 0 31 * *", BERLIN, "2026-01-31T00:00", 2) == ["2026-03-31T00:00+02:00", "2026-05-31T00:00+02:00"]


def test_when_day_and_weekday_are_both_given_either_is_enough() -> None:
    found = fired("0 0 13 * fri", BERLIN, "2026-11-01T00:00", 4)

    assert [day[:10] for day in found] == ["2026-11-06", "2026-11-13", "2026-11-20", "2026-11-27"]


def test_the_moment_after_is_beyond_the_one_given_to_the_microsecond() -> None:
    parsed, nine = cron.parse("0 9 * * *"), parse_time("2026-06-01T09:00:00Z")

    assert cron.next_after(parsed, nine - 1, UTC) == nine
    assert cron.next_after(parsed, nine - 30 * SECOND, UTC) == nine
    assert cron.next_after(parsed, nine, UTC) == nine + 24 * 60 * MINUTE
    assert cron.next_after(parsed, nine + 1, UTC) == nine + 24 * 60 * MINUTE


def test_the_end_of_the_calendar_is_the_end() -> None:
    assert cron.next_after(cron.parse("@yearly"), parse_time("9999-06-01T00:00:00Z"), ZoneInfo(BERLIN)) is None


# -- clocks that are set


def test_a_skipped_reading_fires_as_much_later_as_the_clock_was_set_forward() -> None:
    assert fired("30 2 * * *", BERLIN, "2026-03-28T12:00", 2) == ["2026-03-29T03:30+02:00", "2026-03-30T02:30+02:00"]
    assert fired("30 2 * * *", NEW_YORK, "2026-03-07T12:00", 2) == ["2026-03-08T03:30-04:00", "2026-03-09T02:30-04:00"]
    assert fired("15 2 * * *", LORD_HOWE, "2026-10-03T12:00", 2) == ["2026-10-04T02:45+11:00", "2026-10-05T02:15+11:00"]


def test_a_skipped_reading_that_falls_on_another_fires_once() -> None:
    assert fired("30 2,3 * * *", BERLIN, "2026-03-29T00:00", 2) == ["2026-03-29T03:30+02:00", "2026-03-30T02:30+02:00"]
    assert fired("15,45 2 * * *", LORD_HOWE, "2026-10-04T00:00", 2) == [
        "2026-10-04T02:45+11:00",
        "2026-10-05T02:15+11:00",
    ]


def test_readings_that_are_skipped_and_those_behind_them_fire_in_order_of_time() -> None:
    found = fired("*/20 2,3 * * *", BERLIN, "2026-03-29T00:00", 4)

    assert [at[:16] for at in found] == [
        "2026-03-29T03:00", "2026-03-29T03:20", "2026-03-29T03:40", "2026-03-30T02:00",
    ]  # fmt: skip


def test_a_reading_that_comes_twice_fires_the_first_time() -> None:
    assert fired("30 2 * * *", BERLIN, "2026-10-24T12:00", 2) == ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]
    assert fired("30 1 * * *", NEW_YORK, "2026-10-31T12:00", 2) == ["2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"]
    assert fired("45 1 * * *", LORD_HOWE, "2026-04-04T12:00", 2) == ["2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"]


def test_from_within_the_repeated_hour_a_reading_does_not_fire_again() -> None:
    parsed, zone = cron.parse("30 2 * * *"), ZoneInfo(BERLIN)
    second = to_microseconds(datetime(2026, 10, 25, 2, 10, tzinfo=zone, fold=1))

    found = cron.next_after(parsed, second, zone)

    assert found == parse_time("2026-10-26T02:30:00+01:00")


def test_an_hourly_expression_fires_in_both_of_the_repeated_hours_and_not_in_the_skipped_one() -> None:
    assert fired("30 * * * *", BERLIN, "2026-10-25T01:00", 4) == [
        "2026-10-25T01:30+02:00",
        "2026-10-25T02:30+02:00",
        "2026-10-25T02:30+01:00",
        "2026-10-25T03:30+01:00",
    ]
    assert fired("30 * * * *", BERLIN, "2026-03-29T01:00", 2) == ["2026-03-29T01:30+01:00", "2026-03-29T03:30+02:00"]
    assert fired("0 */2 * * *", BERLIN, "2026-03-29T00:00", 2) == ["2026-03-29T04:00+02:00", "2026-03-29T06:00+02:00"]


def test_half_an_hour_that_comes_twice_is_elapsed_time_too() -> None:
    assert fired("*/15 * * * *", LORD_HOWE, "2026-04-05T01:15", 5) == [
        "2026-04-05T01:30+11:00",
        "2026-04-05T01:45+11:00",
        "2026-04-05T01:30+10:30",
        "2026-04-05T01:45+10:30",
        "2026-04-05T02:00+10:30",
    ]
    assert fired("*/15 * * * *", LORD_HOWE, "2026-10-04T01:45", 2) == [
        "2026-10-04T02:30+11:00",
        "2026-10-04T02:45+11:00",
    ]


def test_a_day_that_a_zone_has_skipped_falls_on_the_next() -> None:
    """Samoa left out December 30, 2011."""
    assert fired("0 9 * * *", "Pacific/Apia", "2011-12-29T09:00", 2) == [
        "2011-12-31T09:00+14:00",
        "2012-01-01T09:00+14:00",
    ]


EXPRESSIONS = (
    "30 2 * * *", "*/20 2,3 * * *", "0 0 * * *", "15,45 1-2 * * *", "*/15 * * * *", "30 */2 * * *", "0 1 * * sun",
    "59 23 * * *", "* 2 * * *", "7 */3 * 3,10 *",
)  # fmt: skip
CHANGES = (
    (BERLIN, "2026-03-29"), (BERLIN, "2026-10-25"), (NEW_YORK, "2026-03-08"), (NEW_YORK, "2026-11-01"),
    (LORD_HOWE, "2026-04-05"), (LORD_HOWE, "2026-10-04"), ("Africa/Casablanca", "2026-02-15"),
    ("America/Havana", "2026-03-08"), ("Asia/Beirut", "2026-10-25"), ("Europe/Berlin", "2026-06-01"),
)  # fmt: skip


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_around_every_change_the_times_are_those_that_counting_minutes_gives(
    expression: str, zone: str, day: str
) -> None:
    parsed, place = cron.parse(expression), ZoneInfo(zone)
    noon = parse_time(f"{day}T12:00", place)
    since, until = noon - 36 * 60 * MINUTE, noon + 36 * 60 * MINUTE

    found, at = [], since - 1
    while (after := cron.next_after(parsed, at, place)) is not None and after < until:
        at = after
        found.append(at)

    assert found == counted(expression, place, since, until)


def counted(expression: str, place: ZoneInfo, since: int, until: int) -> list[int]:
    """The rule, minute by minute, with a matcher of its own."""
    if expression.split()[1].startswith("*"):
        return [
            at for at in range(since, until, MINUTE) if matches(expression, to_datetime(at, place).replace(tzinfo=None))
        ]
    reading = to_datetime(since, place).replace(tzinfo=None) - timedelta(days=1)
    moments = set()
    for _ in range(6 * 24 * 60):
        if matches(expression, reading):
            moments.add(to_microseconds(reading.replace(tzinfo=place, fold=0)))
        reading += timedelta(minutes=1)
    return sorted(at for at in moments if since <= at < until)


def matches(expression: str, reading: datetime) -> bool:
    weekday = (reading.weekday() + 1) % 7
    parts = (reading.minute, reading.hour, reading.day, reading.month, weekday)
    return all(part in field_values(field) for field, part in zip(expression.split(), parts, strict=True))


def field_values(field: str) -> set[int]:
    found: set[int] = set()
    for item in field.replace("sun", "0").split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        low, high = (0, 99) if span == "*" else (int(first), int(last or first))
        found.update(range(low, high + 1, int(step or 1)))
    return found


# -- notes


def test_notes_say_what_is_odd_about_the_clock() -> None:
    zone, daily, hourly = ZoneInfo(BERLIN), cron.parse("30 2 * * *"), cron.parse("30 * * * *")

    def note(parsed: cron.Cron | None, time: str) -> str | None:
        return cron.clock_note(parsed, parse_time(time), zone)

    assert note(daily, "2026-03-29T03:30:00+02:00") == (
        "the clock is set forward: 02:30 is skipped, so it fires at 03:30"
    )
    assert note(hourly, "2026-03-29T03:30:00+02:00") is None
    assert note(cron.parse("30 3 * * *"), "2026-03-29T03:30:00+02:00") is None
    assert note(daily, "2026-10-25T02:30:00+02:00") == "the clock is set back: 02:30 comes twice, this is the first"
    assert note(hourly, "2026-10-25T02:30:00+01:00") == "the clock is set back: 02:30 comes twice, this is the second"
    assert note(None, "2026-10-25T02:30:00+01:00") == "the clock is set back: 02:30 comes twice, this is the second"
    assert note(daily, "2026-06-01T02:30:00+02:00") is None


def test_the_changes_of_a_zone_are_found() -> None:
    since, until = parse_time("2026-01-01T00:00:00Z"), parse_time("2027-01-01T00:00:00Z")

    found = [
        (change.before.isoformat(), change.after.isoformat())
        for change in cron.clock_changes(ZoneInfo(LORD_HOWE), since, until)
    ]

    assert found == [("2026-04-05T02:00:00", "2026-04-05T01:30:00"), ("2026-10-04T02:00:00", "2026-10-04T02:30:00")]
    assert cron.clock_changes(UTC, since, until) == []
