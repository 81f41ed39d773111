"""`perdure runs migrate`."""

from __future__ import annotations

import asyncio

import click

from perdure.cli.definitions import loaded
from perdure.cli.durations import Duration
from perdure.cli.exits import complain
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.settings import Settings, settings


@command("migrate")
@click.argument("run")
@click.argument("definition", metavar="FILE|NAME")
@click.option("--timeout", type=Duration(), help="How long to wait at most (90s, 5m); the migration stays asked for.")
def migrate(run: str, definition: str, timeout: float | None) -> None:
    """Let the open run RUN go on with another definition, if everything that lives in it has a place there.

    Some process must be moving the run; until then the migration waits. A stuck run is moved at once, and goes on.
    Exit code 7 where something is in the way: everything is listed, with its places in both definitions.
    """
    chosen = settings()
    asyncio.run(_migrate(chosen, run, definition, timeout))
    if not chosen.quiet:
        complain(f"{run} goes on with {definition}", label=False)


async def _migrate(chosen: Settings, run: str, definition: str, timeout: float | None) -> None:
    found = loaded(definition, chosen)
    async with looking(chosen) as engine:
        try:
            async with asyncio.timeout(timeout):
                await engine.run(run).migrate(found)
        except TimeoutError:
            raise TimeoutError("the migration waits for a process that moves the run") from None
