"""`perdure schedules show`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import emit, facts
from perdure.cli.runs.listing import brief, seconds
from perdure.cli.schedules.listing import when
from perdure.cli.settings import Settings, settings

if TYPE_CHECKING:
    from perdure.engine import ScheduleInfo


@command("show")
@click.argument("schedule")
def show(schedule: str) -> None:
    """Show how the schedule SCHEDULE stands: what it starts, what waits, what went wrong last."""
    chosen = settings()
    found = asyncio.run(_described(chosen, schedule))
    emit(chosen.output, found.to_json(), _text(found))


def _text(one: ScheduleInfo) -> str:
    error = one.last_error
    return facts(
        [
            ("schedule", one.id),
            ("starts", one.workflow),
            ("digest", "whatever is deployed" if one.digest is None else one.digest[:12]),
            ("when", when(one.written)),
            ("written", one.written),
            ("status", one.status),
            ("note", one.note),
            ("next", seconds(one.next_at)),
            ("waiting", one.waiting),
            ("open", one.open),
            ("last run", one.last_run),
            ("last error", None if error is None else f"{seconds(error['time'])}: {brief(error)}"),
        ]
    )


async def _described(chosen: Settings, schedule: str) -> ScheduleInfo:
    async with looking(chosen) as engine:
        return await engine.schedules.describe(schedule)
