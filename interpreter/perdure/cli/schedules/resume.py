"""`perdure schedules resume`."""

from __future__ import annotations

import asyncio

import click

from perdure.cli.exits import complain
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.settings import Settings, settings


@command("resume")
@click.argument("schedule")
def resume(schedule: str) -> None:
    """Let the paused schedule SCHEDULE go on, from now."""
    chosen = settings()
    asyncio.run(_resume(chosen, schedule))
    if not chosen.quiet:
        complain(f"{schedule} goes on", label=False)


async def _resume(chosen: Settings, schedule: str) -> None:
    async with looking(chosen) as engine:
        await engine.schedules.resume(schedule)
