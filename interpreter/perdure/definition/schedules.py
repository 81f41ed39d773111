"""Schedules as they are written, and what they mean.

Used where a definition is compiled, and by the engine for what it has stored: a schedule's mapping is all there is to
it. Assumes that the shape has been checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from perdure.cron import parse
from perdure.definition.models import Path
from perdure.definition.names import spelled
from perdure.expressions import compile_expression, compile_template
from perdure.program.schedules import CATCH_UP, LEAST_CATCH_UP, Schedule
from perdure.values import JSON, parse_duration, parse_time


def schedules(keys: Mapping[str, JSON]) -> Iterator[tuple[Path, Mapping[str, JSON]]]:
    """The schedules of a definition with their paths: the one there is, or those of the list."""
    written = keys.get("schedule")
    if isinstance(written, dict):
        yield ("schedule",), written
    elif isinstance(written, list):
        for index, one in enumerate(written):
            yield ("schedule", index), one


def read_schedule(workflow: str, written: Mapping[str, JSON], id: str | None = None) -> Schedule:
    """What a written schedule means; it is called after its workflow and its own `id`, unless it is given another."""
    from zoneinfo import ZoneInfo

    timezone = written.get("timezone", "UTC")
    zone = ZoneInfo(timezone)
    own = written.get("id")
    match = written.get("match")
    return Schedule(
        id=id or (workflow if own is None else f"{workflow}/{own}"),
        workflow=workflow,
        written=written,
        cron=None if "cron" not in written else parse(written["cron"]),
        every=None if "every" not in written else parse_duration(written["every"]),
        event=written.get("event"),
        timezone=timezone,
        jitter=parse_duration(written.get("jitter", 0)),
        overlap=written.get("overlap", "allow" if "event" in written else "skip"),
        catch_up=CATCH_UP if "catch_up" not in written else max(parse_duration(written["catch_up"]), LEAST_CATCH_UP),
        start=None if "start" not in written else parse_time(written["start"], zone),
        end=None if "end" not in written else parse_time(written["end"], zone),
        input=None if "input" not in written else compile_template(written["input"]),
        match=None if match is None else compile_expression(match if isinstance(match, str) else spelled(match)),
    )
