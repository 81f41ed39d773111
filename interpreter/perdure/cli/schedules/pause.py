"""`perdure schedules pause`."""

from __future__ import annotations

import asyncio

import click

from perdure.cli.exits import complain
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.settings import Settings, settings


@command("pause")
@click.argument("schedule")
@click.option("--note", metavar="TEXT", help="Why; `show` tells it.")
def pause(schedule: str, note: str | None) -> None:
    """Let the schedule SCHEDULE start nothing until it is resumed. Times that pass meanwhile are not made up for."""
    chosen = settings()
    asyncio.run(_pause(chosen, schedule, note))
    if not chosen.quiet:
        complain(f"{schedule} is paused", label=False)


async def _pause(chosen: Settings, schedule: str, note: str | None) -> None:
    async with looking(chosen) as engine:
        await engine.schedules.pause(schedule, note)
