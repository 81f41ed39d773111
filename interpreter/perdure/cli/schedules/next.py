"""`perdure schedules next`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import emit, table
from perdure.cli.settings import Settings, settings

if TYPE_CHECKING:
    from perdure.engine import NextTime


@command("next")
@click.argument("schedule")
@click.option("-n", "count", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many times.")
def next_(schedule: str, count: int) -> None:
    """Show the next times of the schedule SCHEDULE: by the clock of its zone, in UTC, and what is odd about the clock.

    A paused schedule is shown as if it were resumed now. One that events start has no times.
    """
    chosen = settings()
    found = asyncio.run(_found(chosen, schedule, count))
    rows = [one.to_json() for one in found]
    delayed = any(one.due != one.at for one in found)
    header = ("local time", "utc", *(["with jitter"] if delayed else []), "clock")
    cells = [(one.local, one.at, *([one.due] if delayed else []), one.note) for one in found]
    none = "no times: none is left, or events start its runs\n"
    emit(chosen.output, {"times": rows}, table(header, cells) if found else none, rows=rows)


async def _found(chosen: Settings, schedule: str, count: int) -> Sequence[NextTime]:
    async with looking(chosen) as engine:
        return await engine.schedules.next(schedule, count)
