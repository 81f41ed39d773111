"""Schedules that would never start anything, start what is refused at once, or meet a clock that is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from perdure.cron import ClockChange, clock_changes, readings_between
from perdure.definition.checks.arguments import Call, check_arguments
from perdure.definition.checks.findings import Findings
from perdure.definition.checks.spaces import Spaces
from perdure.definition.checks.types import Types
from perdure.definition.diagnostics import Related, quoted
from perdure.definition.models import Path
from perdure.definition.schedules import read_schedule, schedules
from perdure.program import Schedule
from perdure.values import JSON, parse_time

YEARS: Final = (parse_time("2026-01-01T00:00:00Z"), parse_time("2028-01-01T00:00:00Z"))
"""Whose clock changes are looked at: fixed, so that a check says the same on every day."""
KINDS: Final = ("cron", "every", "event")


def check_schedules(spaces: Spaces, types: Types, findings: Findings) -> None:
    """The schedules of the document."""
    keys, file = spaces.main.keys, spaces.main.file
    first: dict[str, Path] = {}
    for path, written in schedules(keys):
        kind = next((kind for kind in KINDS if kind in written), None)
        if kind is None:
            continue
        id = written.get("id")
        if id in first:
            related = Related(findings.place(file, (*first[id], "id")), "the first one is here")
            message = f"the id {quoted(id)} is taken, by the schedule in line {related.place.line}"
            findings.add("WF208", message, file, (*path, "id"), related=(related,))
        elif id is not None:
            first[id] = path
        plain = {key: value for key, value in written.items() if key not in ("input", "match")}
        schedule = read_schedule(str(keys.get("workflow")), plain)
        _check_window(schedule, kind, file, path, findings)
        _check_clock(schedule, file, path, findings)
        _check_input(written, kind, keys.get("input"), file, path, types, findings)


def _check_window(schedule: Schedule, kind: str, file: str, path: Path, findings: Findings) -> None:
    if schedule.end is None:
        return
    if schedule.start is not None and schedule.end <= schedule.start:
        findings.add("WF508", "nothing is ever started: it ends before it starts", file, (*path, "end"))
    elif kind != "event" and schedule.next_after(0) is None:
        findings.add("WF508", "nothing is ever started: there is no time before the end", file, (*path, "end"))


def _check_clock(schedule: Schedule, file: str, path: Path, findings: Findings) -> None:
    """One note for a clock set forward, one for a clock set back."""
    if schedule.cron is None or schedule.cron.elapsed:
        return
    told = set()
    for change in clock_changes(schedule.zone, *YEARS):
        back = change.after < change.before
        message = None if back in told else _note(schedule, change)
        if message is not None:
            told.add(back)
            findings.add("WF509", message, file, (*path, "cron"), "an hour field with * follows the time that passes")


def _note(schedule: Schedule, change: ClockChange) -> str | None:
    """What becomes of a reading that the change repeats or skips, if there is such a one."""
    assert schedule.cron is not None
    first, last = sorted((change.before, change.after))
    reading = next(readings_between(schedule.cron, first, last), None)
    if reading is None:
        return None
    if change.after < change.before:
        return f"{reading:%H:%M} comes twice on {reading:%Y-%m-%d}; it fires the first time"
    moved = reading + (change.after - change.before)
    return f"{reading:%H:%M} is skipped on {reading:%Y-%m-%d}; it fires at {moved:%H:%M}"


def _check_input(
    written: Mapping[str, JSON], kind: str, schema: JSON, file: str, path: Path, types: Types, findings: Findings
) -> None:
    if schema is None or (kind == "event" and "input" not in written):
        return
    call = Call("the workflow", schema, "WF510", "WF510", "WF510", "input")
    key = "input" if "input" in written else kind
    check_arguments(call, written.get("input", {}), file, path, key, types, findings)
