"""`perdure runs answer`, which is also `perdure asks answer`."""

from __future__ import annotations

import asyncio

import click

from perdure.cli.exits import complain
from perdure.cli.inputs import json_or_text
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.settings import Settings, settings
from perdure.values import JSON


@command("answer")
@click.argument("run")
@click.argument("step")
@click.argument("value")
@click.option("--by", metavar="NAME", help="Who answers.")
def answer(run: str, step: str, value: str, by: str | None) -> None:
    """Answer the open question of STEP in the run RUN; VALUE is JSON if it reads as JSON, else a text."""
    chosen = settings()
    asyncio.run(_answer(chosen, run, step, json_or_text(value), by))
    if not chosen.quiet:
        complain(f"{step} of {run} is answered", label=False)


async def _answer(chosen: Settings, run: str, step: str, value: JSON, by: str | None) -> None:
    async with looking(chosen) as engine:
        await engine.run(run).answer(step, value, by=by)
