"""`perdure runs terminate`."""

from __future__ import annotations

import asyncio

import click

from perdure.cli.exits import complain
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.settings import Settings, settings


@command("terminate")
@click.argument("run")
@click.option("--reason", metavar="TEXT", help="Why; it is kept in the history.")
def terminate(run: str, reason: str | None) -> None:
    """End the run RUN at once: nothing unwinds and nothing is undone."""
    chosen = settings()
    asyncio.run(_terminate(chosen, run, reason))
    if not chosen.quiet:
        complain(f"{run} is asked to end at once", label=False)


async def _terminate(chosen: Settings, run: str, reason: str | None) -> None:
    async with looking(chosen) as engine:
        await engine.run(run).terminate(reason)
