"""`perdure runs query`."""

from __future__ import annotations

import asyncio

import click

from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import as_json, emit
from perdure.cli.settings import Settings, settings
from perdure.values import JSON


@command("query")
@click.argument("run")
@click.argument("name")
def query(run: str, name: str) -> None:
    """Print the answer of the run RUN, open or ended, to the query NAME of its definition."""
    chosen = settings()
    value = asyncio.run(_asked(chosen, run, name))
    emit(chosen.output, {"run": run, "query": name, "value": value}, as_json(value))


async def _asked(chosen: Settings, run: str, name: str) -> JSON:
    async with looking(chosen) as engine:
        return await engine.run(run).query(name)
