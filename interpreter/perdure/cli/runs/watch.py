"""`perdure runs watch`."""

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


@command("watch")
@click.argument("run")
@click.option("--timeout", type=Duration(), help="How long to watch at most (90s, 5m); the run goes on.")
def watch(run: str, timeout: float | None) -> int:
    """Follow the run RUN, whoever moves it, until it ends; then print its output."""
    from perdure.cli.reporting import report

    chosen = settings()
    return report(chosen, asyncio.run(_followed(chosen, run, timeout)))


async def _followed(chosen: Settings, run: str, timeout: float | None) -> Followed:
    from perdure.cli.display import display_for
    from perdure.cli.following import follow
    from perdure.cli.reporting import tell_beginning

    with interrupts() as asked:
        async with looking(chosen) as engine:
            tell_beginning(chosen, await engine.run(run).describe())
            return await follow(engine, run, asked, chosen, display_for(chosen, run), timeout)
