"""`perdure schedules list`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import emit, table
from perdure.cli.runs.listing import brief, seconds
from perdure.cli.settings import Settings, settings
from perdure.values import JSON

if TYPE_CHECKING:
    from perdure.engine import ScheduleInfo


@command("list")
@click.option("--workflow", metavar="NAME", help="Only schedules of this workflow.")
def list_(workflow: str | None) -> None:
    """List schedules by name, and when each is next due."""
    chosen = settings()
    found = asyncio.run(_found(chosen, workflow))
    rows = [one.to_json() for one in found]
    text = table(
        ("schedule", "starts", "when", "overlap", "status", "next", "last run", "error"),
        [
            (
                one.id,
                one.workflow,
                when(one.written),
                one.written.get("overlap") or ("allow" if "event" in one.written else "skip"),
                one.status,
                seconds(one.next_at),
                one.last_run,
                brief(one.last_error),
            )
            for one in found
        ],
    )
    emit(chosen.output, {"schedules": rows}, text if found else "no schedules\n", rows=rows)


def when(written: Mapping[str, JSON]) -> str:
    """What starts the runs of a schedule, on a line."""
    if "event" in written:
        return f"event {written['event']}"
    times = written["cron"] if "cron" in written else f"every {written['every']}"
    return f"{times} {written['timezone']}" if "timezone" in written else str(times)


async def _found(chosen: Settings, workflow: str | None) -> Sequence[ScheduleInfo]:
    async with looking(chosen) as engine:
        return await engine.schedules.list(workflow=workflow)
