"""`perdure runs cancel`."""

from __future__ import annotations

import asyncio

import click

from perdure.cli.exits import complain
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.settings import Settings, settings


@command("cancel")
@click.argument("run")
@click.option("--reason", metavar="TEXT", help="Why; it is kept in the history.")
def cancel(run: str, reason: str | None) -> None:
    """Stop the run RUN: its steps unwind, and what it has done is undone."""
    chosen = settings()
    asyncio.run(_cancel(chosen, run, reason))
    if not chosen.quiet:
        complain(f"{run} is asked to stop", label=False)


async def _cancel(chosen: Settings, run: str, reason: str | None) -> None:
    async with looking(chosen) as engine:
        await engine.run(run).cancel(reason)
