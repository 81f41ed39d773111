"""Cron expressions in a time zone: when one fires next, whether it ever does, what clock changes do to it.

croniter reads an expression and finds the next reading of a wall clock; which moment that is, is decided here. An
expression whose hour field begins with `*` follows the time that passes: in the hour that a clock repeats it fires in
both, in the one it skips not at all. Any other follows the wall clock: a reading that comes twice fires the first time,
one that is skipped fires as much later as the clock was set forward, and two that fall together fire once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from perdure.record import record
from perdure.values import DAY, to_datetime, to_microseconds

NICKNAMES: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

LONGEST: Final = 1_000
"""Characters of an expression; all the minutes of an hour written out need 169."""

_MONTHS: Final = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DAYS: Final = "sun|mon|tue|wed|thu|fri|sat"
_RANGE: Final = r"(\*|({value})(-({value}))?)(/\d{{1,3}})?"
_FIELDS: Final = (
    ("minute", "0 to 59", _RANGE.format(value=r"\d{1,2}")),
    ("hour", "0 to 23", _RANGE.format(value=r"\d{1,2}")),
    ("day", "1 to 31, or L for the last", _RANGE.format(value=r"\d{1,2}") + r"|l|\?"),
    ("month", "1 to 12 or JAN to DEC", _RANGE.format(value=rf"\d{{1,2}}|{_MONTHS}")),
    ("weekday", "0 to 7 or SUN to SAT", _RANGE.format(value=rf"\d|{_DAYS}") + rf"|(\d|{_DAYS})#[1-5]|l[0-7]|\?"),
)
"""Each field's name, its values in words, and what may stand between commas. Stricter than croniter, which draws lots
for R, hashes H and overlooks W."""
_CHANGE_WITHIN: Final = 2 * DAY
"""How long ago a clock may have been set forward and still move a reading: more than any clock ever was at once."""


@record
class Cron:
    """An expression that `parse` accepts: five fields, nicknames spelled out; `elapsed` where it follows the time that
    passes instead of the wall clock."""

    text: str
    elapsed: bool


@record
class ClockChange:
    """A clock is set: at the moment `at`, from the reading `before` to the reading `after`."""

    at: int
    before: datetime
    after: datetime


def parse(text: str) -> Cron:
    """The expression of a text. Raises ValueError, which says what is wrong with which field."""
    if len(text) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST:,} characters")
    written = NICKNAMES.get(text.strip().lower(), text)
    parts = written.lower().split()
    if written.strip().startswith("@"):
        raise ValueError(f"there is no {text.strip()[:20]}; there are {', '.join(NICKNAMES)}")
    if len(parts) in (6, 7):
        raise ValueError("it has a field of seconds or years; five fields are minute, hour, day, month, weekday")
    if len(parts) != len(_FIELDS):
        raise ValueError(f"it has {len(parts)} fields; five are needed: minute, hour, day, month, weekday")
    for place, part in enumerate(parts):
        _check_field(place, part)
    return Cron(" ".join(parts), parts[1].startswith("*"))


def next_after(cron: Cron, after: int, zone: tzinfo) -> int | None:
    """The first moment after another at which the expression fires; None where there is none in fifty years."""
    try:
        return (_by_elapsed_time if cron.elapsed else _by_wall_clock)(cron, after, zone)
    except (OverflowError, ValueError):  # the end of the calendar
        return None


def fires(cron: Cron) -> bool:
    """Whether it ever does: there is no 31st of February."""
    return next(_readings(cron, datetime(2000, 1, 1)), None) is not None


def clock_changes(zone: tzinfo, since: int, until: int) -> list[ClockChange]:
    """When the clocks of a zone are set between two moments."""
    found = []
    while (at := _first_change(since, until, zone)) is not None:
        after = to_datetime(at, zone).replace(tzinfo=None, fold=0)
        found.append(ClockChange(at, after + timedelta(microseconds=_offset(since, zone) - _offset(at, zone)), after))
        since = at
    return found


def readings_between(cron: Cron, first: datetime, last: datetime) -> Iterator[datetime]:
    """The readings of a wall clock at which it fires, from `first` up to but not including `last`."""
    for reading in _readings(cron, first - timedelta(minutes=1)):
        if reading >= last:
            return
        yield reading


def clock_note(cron: Cron | None, at: int, zone: tzinfo) -> str | None:
    """What is odd about the clock at a moment at which something fires, in words; None for an ordinary one."""
    local = to_datetime(at, zone)
    reading = local.replace(tzinfo=None, fold=0)
    if _offset_of(reading, zone, 0) > _offset_of(reading, zone, 1):
        return f"the clock is set back: {reading:%H:%M} comes twice, this is the {('first', 'second')[local.fold]}"
    if cron is None or cron.elapsed:
        return None
    skipped = reading - _set_forward(at, zone)
    moved = skipped != reading and _moment(skipped, zone) == at
    if moved and any(readings_between(cron, skipped, skipped + timedelta(minutes=1))):
        return f"the clock is set forward: {skipped:%H:%M} is skipped, so it fires at {reading:%H:%M}"
    return None


def _check_field(place: int, part: str) -> None:
    from croniter import CroniterError, croniter  # type: ignore[import-untyped]

    name, values, pattern = _FIELDS[place]
    good = all(re.fullmatch(pattern, item, re.ASCII) for item in part.split(","))
    if good:
        try:
            croniter.expand(" ".join(part if other == place else "*" for other in range(len(_FIELDS))))
        except CroniterError:
            good = False
    if not good:
        raise ValueError(f"the {name} is {part[:30]}; it takes {values}, with *, -, / and commas")


def _readings(cron: Cron, after: datetime) -> Iterator[datetime]:
    """Readings of a wall clock without zone, in order."""
    from croniter import CroniterBadDateError, croniter

    found = croniter(cron.text, after.replace(second=0, microsecond=0), ret_type=datetime)
    while True:
        try:
            yield found.get_next()
        except (CroniterBadDateError, OverflowError, ValueError):
            return


def _by_wall_clock(cron: Cron, after: int, zone: tzinfo) -> int | None:
    """A clock that was set forward lately may have moved a reading of before beyond `after`, and past later ones."""
    local = to_datetime(after, zone).replace(tzinfo=None, fold=0)
    best, last = None, local
    for reading in _readings(cron, local - _set_forward(after, zone)):
        if best is not None and reading > last:
            break
        at = _moment(reading, zone)
        if at > after and (best is None or at < best):
            best, last = at, to_datetime(at, zone).replace(tzinfo=None, fold=0)
    return best


def _by_elapsed_time(cron: Cron, after: int, zone: tzinfo) -> int | None:
    """Between two changes of the clock a reading is one moment; so the search goes from change to change."""
    while True:
        offset = _offset(after, zone)
        local = to_datetime(after + offset).replace(tzinfo=None)
        reading = next(_readings(cron, local), None)
        at = None if reading is None else to_microseconds(reading.replace(tzinfo=UTC)) - offset
        if at is None:
            return None
        change = _first_change(after, at, zone)
        if change is None:
            return at
        found = _at_change(cron, change, zone)
        if found is not None:
            return found
        after = change


def _at_change(cron: Cron, change: int, zone: tzinfo) -> int | None:
    """The change itself, where its new reading is one at which it fires."""
    reading = to_datetime(change, zone).replace(tzinfo=None, fold=0)
    whole = reading.replace(second=0, microsecond=0) == reading
    return change if whole and any(readings_between(cron, reading, reading + timedelta(minutes=1))) else None


def _first_change(after: int, until: int, zone: tzinfo) -> int | None:
    """The first moment in (after, until] with another offset than `after` has; changes undone within a day are none."""
    offset = _offset(after, zone)
    while after < until:
        ahead = min(after + DAY, until)
        if _offset(ahead, zone) != offset:
            while ahead - after > 1:
                middle = (after + ahead) // 2
                after, ahead = (middle, ahead) if _offset(middle, zone) == offset else (after, middle)
            return ahead
        after = ahead
    return None


def _set_forward(at: int, zone: tzinfo) -> timedelta:
    """How far the clock was set forward shortly before a moment."""
    return timedelta(microseconds=max(0, _offset(at, zone) - _offset(at - _CHANGE_WITHIN, zone)))


def _moment(reading: datetime, zone: tzinfo) -> int:
    """The moment of a reading: the first of two, and by the clock of before where it is skipped (PEP 495)."""
    return to_microseconds(reading.replace(tzinfo=zone, fold=0))


def _offset(at: int, zone: tzinfo) -> int:
    return _microseconds(to_datetime(at, zone).utcoffset())


def _offset_of(reading: datetime, zone: tzinfo, fold: int) -> int:
    return _microseconds(reading.replace(tzinfo=zone, fold=fold).utcoffset())


def _microseconds(span: timedelta | None) -> int:
    return 0 if span is None else span // timedelta(microseconds=1)
