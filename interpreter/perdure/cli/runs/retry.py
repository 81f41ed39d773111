"""`perdure runs retry`."""

from __future__ import annotations

import asyncio

import click

from perdure.cli.exits import complain
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.settings import Settings, settings


@command("retry")
@click.argument("run")
def retry(run: str) -> None:
    """Let the run RUN, which failed or was cancelled or terminated, go on from just before that.

    What had completed stays completed. Refused where steps were undone since: fork it then.
    """
    chosen = settings()
    asyncio.run(_retry(chosen, run))
    if not chosen.quiet:
        complain(f"{run} goes on with the next worker", label=False)


async def _retry(chosen: Settings, run: str) -> None:
    async with looking(chosen) as engine:
        await engine.run(run).retry()
