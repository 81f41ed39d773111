"""`perdure schedules trigger`."""

from __future__ import annotations

import asyncio

import click

from perdure.cli import hints
from perdure.cli.exits import complain
from perdure.cli.inputs import read_whole
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import emit
from perdure.cli.settings import Settings, settings


@command("trigger")
@click.argument("schedule")
@click.option("--message", metavar="@FILE|-|JSON", help="What stands in for the event, where events start its runs.")
def trigger(schedule: str, message: str | None) -> None:
    """Start a run of the schedule SCHEDULE now, whatever is open or paused; a worker moves it. Prints the run's id."""
    chosen = settings()
    run = asyncio.run(_trigger(chosen, schedule, message))
    emit(chosen.output, {"run": run}, run)
    if not chosen.quiet:
        complain(f"follow it with: {hints.call(chosen, 'runs', 'watch', run)}", label=False)


async def _trigger(chosen: Settings, schedule: str, message: str | None) -> str:
    given = {} if message is None else {"message": read_whole(message)}
    async with looking(chosen) as engine:
        return (await engine.schedules.trigger(schedule, **given)).id
