"""`perdure runs signal`."""

from __future__ import annotations

import asyncio

import click

from perdure.cli.exits import complain
from perdure.cli.inputs import json_or_text, read_pairs
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.settings import Settings, settings
from perdure.errors import InvalidInput
from perdure.values import JSON


@command("signal")
@click.argument("run")
@click.argument("name")
@click.argument("data", nargs=-1, metavar="[JSON | KEY=VALUE]...")
@click.option("--id", "id_", metavar="ID", help="Names the signal: the same id again is the same signal.")
def signal(run: str, name: str, data: tuple[str, ...], id_: str | None) -> None:
    """Send the signal NAME to the run RUN, with JSON or with key=value pairs as its data."""
    chosen = settings()
    asyncio.run(_send(chosen, run, name, payload(data), id_))
    if not chosen.quiet:
        complain(f"signal {name} sent to {run}", label=False)


def payload(data: tuple[str, ...]) -> JSON:
    """Null, one JSON value, or the mapping that pairs make; InvalidInput."""
    if not data:
        return None
    if len(data) == 1:
        value = json_or_text(data[0])
        if not isinstance(value, str) or value != data[0]:
            return value
        if "=" not in data[0]:
            raise InvalidInput(f"the data must be JSON or key=value; for a text write '\"{data[0]}\"'")
    return read_pairs(data)


async def _send(chosen: Settings, run: str, name: str, data: JSON, id_: str | None) -> None:
    async with looking(chosen) as engine:
        await engine.run(run).signal(name, data, id=id_)
