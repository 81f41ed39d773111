"""`perdure runs pause`."""

from __future__ import annotations

import asyncio

import click

from perdure.cli.exits import complain
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.settings import Settings, settings


@command("pause")
@click.argument("run")
@click.option("--note", metavar="TEXT", help="Why; it is kept in the history.")
def pause(run: str, note: str | None) -> None:
    """Let the run RUN begin nothing new until it is resumed: what is running ends, messages are kept, timers go on."""
    chosen = settings()
    asyncio.run(_pause(chosen, run, note))
    if not chosen.quiet:
        complain(f"{run} is asked to pause", label=False)


async def _pause(chosen: Settings, run: str, note: str | None) -> None:
    async with looking(chosen) as engine:
        await engine.run(run).pause(note)
