"""`perdure runs resume`."""

from __future__ import annotations

import asyncio

import click

from perdure.cli.exits import complain
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.settings import Settings, settings


@command("resume")
@click.argument("run")
def resume(run: str) -> None:
    """Let the run RUN go on: a paused one, or a stuck one once what stopped it is mended."""
    chosen = settings()
    asyncio.run(_resume(chosen, run))
    if not chosen.quiet:
        complain(f"{run} goes on with the next worker", label=False)


async def _resume(chosen: Settings, run: str) -> None:
    async with looking(chosen) as engine:
        await engine.run(run).resume()
