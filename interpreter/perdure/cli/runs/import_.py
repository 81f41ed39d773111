"""`perdure runs import`."""

from __future__ import annotations

import asyncio

import click

from perdure.cli.exits import complain
from perdure.cli.inputs import read_lines
from perdure.cli.lazy import command
from perdure.cli.opening import starting
from perdure.cli.output import emit
from perdure.cli.settings import Settings, settings


@command("import")
@click.argument("file")
def import_(file: str) -> None:
    """Take in a run that `runs export` wrote, and print its id; an open one goes on with the next worker.

    FILE may be - for standard input. Everything is checked before anything is kept.
    """
    chosen = settings()
    run = asyncio.run(_imported(chosen, file))
    emit(chosen.output, {"run": run}, run)
    if not chosen.quiet:
        complain(f"{run} is imported", label=False)


async def _imported(chosen: Settings, file: str) -> str:
    lines = read_lines(file)
    async with starting(chosen) as engine:
        return (await engine.import_run(lines)).id
