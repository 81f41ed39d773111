"""`perdure runs migrate`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from perdure.cli.definitions import loaded
from perdure.cli.durations import Duration
from perdure.cli.lazy import command
from perdure.cli.runs.selection import Action, Selection, act, selecting
from perdure.cli.settings import settings

if TYPE_CHECKING:
    from perdure.definition import Definition
    from perdure.engine import Run


@command("migrate")
@click.argument("words", nargs=-1, metavar="RUN FILE|NAME")
@selecting(argument=False)
@click.option("--timeout", type=Duration(), help="How long to wait at most (90s, 5m); the migration stays asked for.")
def migrate(selection: Selection, words: tuple[str, ...], timeout: float | None) -> int:
    """Let the open run RUN go on with another definition, if everything that lives in it has a place there.

    With --query there is no RUN: all runs of the definition's workflow that fit are moved, one after another.

    Some process must be moving the run; until then the migration waits. A stuck run is moved at once, and goes on.
    Exit code 7 where something is in the way: everything is listed, with its places in both definitions.
    """
    selection, rest = selection.named_by(words, "'FILE|NAME'")
    if len(rest) != 1:
        raise click.UsageError("name one definition, as FILE or NAME")
    found = loaded(rest[0], settings())
    if selection.query is not None:
        selection = replace(selection, workflow=found.name)
    return act(selection, Action("migrate", f"goes on with {rest[0]}"), lambda run: _migrate(run, found, timeout))


async def _migrate(run: Run, found: Definition, timeout: float | None) -> None:
    try:
        async with asyncio.timeout(timeout):
            await run.migrate(found)
    except TimeoutError:
        raise TimeoutError("the migration waits for a process that moves the run") from None
