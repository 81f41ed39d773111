"""`perdure test record`: a test from a real run's history."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perdure.cli.definitions import find_definition
from perdure.cli.exits import complain
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import write
from perdure.cli.settings import Settings, settings
from perdure.cli.showable import one_line
from perdure.errors import InvalidInput, RunConflict

if TYPE_CHECKING:
    from perdure.core.events import Event
    from perdure.program import Program


@command("record")
@click.argument("run")
@click.option("--definition", metavar="FILE|NAME", help="The definition; by default the file with the run's workflow.")
@click.option("--to", "target", metavar="FILE", help="A new file to write; standard output without it.")
@click.option("--name", help="The name of the case.")
def record(run: str, definition: str | None, target: str | None, name: str | None) -> None:
    """Write a test from the history of the run RUN: its calls as mocks, its messages as a script.

    What the run came to is what the test expects. The definition is named relative to the new file, or to its own
    directory where the test goes to standard output.
    """
    from perdure.definition import load
    from perdure.testing.declared.recording import record as recorded_test

    chosen = settings()
    program, events = asyncio.run(_history(chosen, run))
    file = find_definition(definition or program.name, chosen.root)
    if load(file).digest != program.digest:
        complain(f"{file} has changed since the run began: the test may not hold", label=False)
    folder = file.parent if target is None else Path(target).parent
    path = os.path.relpath(file, folder).replace(os.sep, "/")
    text = recorded_test(
        program, events, definition=f"./{path}" if "/" not in path else path, name=name or f"run {run}"
    )
    if target is None:
        write(text)
        return
    if not target.endswith((".test.yaml", ".test.yml")):
        raise InvalidInput(f"a file of tests is called NAME.test.yaml, not {one_line(target)}")
    try:
        with Path(target).open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise RunConflict(f"{one_line(target)} exists already") from None
    if not chosen.quiet:
        complain(f"written: {target}", label=False)


async def _history(chosen: Settings, run: str) -> tuple[Program, list[Event]]:
    from perdure.engine.copying import history_of

    async with looking(chosen) as engine:
        found = await history_of(engine, run)
    if len(found.programs) > 1:
        raise RunConflict(f"run {one_line(run)} has moved from one version to another: no test can follow it there")
    return found.programs[0], found.events
