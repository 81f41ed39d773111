"""`perdure asks list`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import emit, table
from perdure.cli.runs.listing import seconds
from perdure.cli.settings import Settings, settings

if TYPE_CHECKING:
    from perdure.engine import Ask


@command("list")
@click.option("--run", metavar="ID", help="Only questions of this run.")
def list_(run: str | None) -> None:
    """List open questions, oldest first."""
    chosen = settings()
    found = asyncio.run(_found(chosen, run))
    rows = [one.to_json() for one in found]
    text = table(
        ("run", "step", "asks", "of", "choices", "since", "due"),
        [
            (one.run, one.step, one.prompt, one.of, _choices(one.form), seconds(one.opened_at), seconds(one.due))
            for one in found
        ],
    )
    emit(chosen.output, {"asks": rows}, text if found else "no open questions\n", rows=rows)


def _choices(form: object) -> object:
    """The choices of a question that offers some."""
    return form["enum"] if isinstance(form, dict) and list(form) == ["enum"] else None


async def _found(chosen: Settings, run: str | None) -> list[Ask]:
    async with looking(chosen) as engine:
        if run is not None:
            await engine.run(run).describe()
        return await engine.asks(run)
