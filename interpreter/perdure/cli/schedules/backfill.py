"""`perdure schedules backfill`."""

from __future__ import annotations

import asyncio

import click

from perdure.cli.exits import complain
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import emit
from perdure.cli.settings import Settings, settings


@command("backfill")
@click.argument("schedule")
@click.argument("start")
@click.argument("end")
def backfill(schedule: str, start: str, end: str) -> None:
    """Start the runs of times that had none: those of the schedule SCHEDULE from START up to but not including END.

    Times are ISO 8601, without offset by the clock of the schedule's zone. Where runs may overlap they all start at
    once, otherwise one after another. Prints the runs' ids.
    """
    chosen = settings()
    runs = asyncio.run(_backfill(chosen, schedule, start, end))
    emit(chosen.output, {"runs": runs}, "\n".join(runs), rows=[{"run": run} for run in runs])
    if not chosen.quiet and not runs:
        complain("every time between them has had its run", label=False)


async def _backfill(chosen: Settings, schedule: str, start: str, end: str) -> list[str]:
    async with looking(chosen) as engine:
        return [run.id for run in await engine.schedules.backfill(schedule, start, end)]
