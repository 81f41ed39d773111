"""`perdure runs fork`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from perdure.cli.definitions import loaded
from perdure.cli.exits import complain
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import emit
from perdure.cli.settings import Settings, settings

if TYPE_CHECKING:
    from perdure.definition import Definition


@command("fork")
@click.argument("run")
@click.option("--from-step", "step", metavar="STEP", required=True, help="The step after which the new run goes on.")
@click.option("--id", "id_", metavar="ID", help="The new run's id; made up without it.")
@click.option("--definition", metavar="FILE|NAME", help="The new run goes on with this definition.")
def fork(run: str, step: str, id_: str | None, definition: str | None) -> None:
    """Start a new run that goes on from where STEP of the run RUN completed, and print its id.

    STEP is an id, an address, or one with turns (each[2]/book); in a loop its last completion counts. The run RUN
    stays as it is. What the steps before have registered to be undone, the new run undoes when it fails.
    """
    chosen = settings()
    found = None if definition is None else loaded(definition, chosen)
    made = asyncio.run(_fork(chosen, run, step, id_, found))
    emit(chosen.output, {"run": made, "forked_from": run, "step": step}, made)
    if not chosen.quiet:
        complain(f"{made} goes on with the next worker", label=False)


async def _fork(chosen: Settings, run: str, step: str, id_: str | None, found: Definition | None) -> str:
    async with looking(chosen) as engine:
        return (await engine.run(run).fork(step, id=id_, definition=found)).id
