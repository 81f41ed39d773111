"""`perdure runs result`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from perdure.cli.durations import Duration
from perdure.cli.interrupts import interrupts
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.settings import Settings, settings

if TYPE_CHECKING:
    from perdure.cli.following import Followed


@command("result")
@click.argument("run")
@click.option("--timeout", type=Duration(), help="How long to wait at most (90s, 5m); the run goes on.")
def result(run: str, timeout: float | None) -> int:
    """Wait until the run RUN ends and print its output; exit code 1 where it failed."""
    from perdure.cli.reporting import report

    chosen = settings()
    return report(chosen, asyncio.run(_followed(chosen, run, timeout)))


async def _followed(chosen: Settings, run: str, timeout: float | None) -> Followed:
    from perdure.cli.display import Nothing
    from perdure.cli.following import follow

    with interrupts() as asked:
        async with looking(chosen) as engine:
            return await follow(engine, run, asked, chosen, Nothing(), timeout)
