"""`perdure run`: start a workflow, move it in this process, follow it, print its result.

The definition and its input are checked before anything is stored. The engine works on this one run only.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import click

from perdure.cli.definitions import find_definition
from perdure.cli.durations import Duration
from perdure.cli.exits import OK, complain
from perdure.cli.inputs import assembled
from perdure.cli.interrupts import interrupts
from perdure.cli.lazy import command
from perdure.cli.opening import SECRETS, starting, working
from perdure.cli.output import emit
from perdure.cli.settings import Settings, settings
from perdure.cli.showable import one_line
from perdure.cli.streams import results_only
from perdure.errors import DefinitionError, InvalidInput, UnknownRun
from perdure.values import JSON

if TYPE_CHECKING:
    from perdure.cli.following import Followed
    from perdure.definition import Definition
    from perdure.engine import Engine

GRACE: Final = 5.0
"""Seconds that running activities have to end when the user detaches."""


@dataclass(frozen=True, slots=True)
class Start:
    """What is to be started; `input` is None where none was given."""

    id: str
    named: bool
    file: Path
    definition: Definition
    input: dict[str, JSON] | None


@command("run")
@click.argument("workflow", metavar="FILE|NAME")
@click.option(
    "-i", "pairs", multiple=True, metavar="KEY=VALUE", help="A part of the input; KEY:=JSON for JSON. Repeatable."
)
@click.option("--input", "whole", metavar="@FILE|-|JSON", help="The whole input, as JSON.")
@click.option("--id", "run_id", metavar="ID", help="The run's id. The same id again goes on with that run.")
@click.option("--detach", is_flag=True, help="Only start it; `perdure worker` moves it.")
@click.option("--secrets", metavar="PLACE", help=SECRETS)
@click.option("--timeout", type=Duration(), help="How long to follow it at most (90s, 5m); the run goes on.")
def run(
    workflow: str,
    pairs: tuple[str, ...],
    whole: str | None,
    run_id: str | None,
    detach: bool,
    secrets: str | None,
    timeout: float | None,
) -> int:
    """Start a workflow and follow it until it ends.

    FILE is a definition; NAME is looked for in the project's definitions/. Ctrl-C detaches: the run is kept,
    and goes on when it is started again with the same --id or when a worker runs.
    """
    from perdure.cli.reporting import report

    chosen = settings()
    if run_id is not None and run_id.startswith("-"):
        raise InvalidInput(f"a run id cannot begin with a hyphen: {one_line(run_id, 60)} reads as an option")
    _refuse_forgetful(chosen, detach=detach)
    file = find_definition(workflow, chosen.root)
    with results_only():
        definition = _checked(file, chosen)
        given = assembled(whole, pairs, definition.program.input_schema)
        _refuse_unfit(definition, given, named=run_id is not None)
        start = Start(uuid4().hex[:16] if run_id is None else run_id, run_id is not None, file, definition, given)
        if not detach:
            followed = asyncio.run(_run(chosen, start, secrets, timeout))
    if detach:
        return asyncio.run(_detached(chosen, start))
    return report(chosen, followed, again=str(file))


def _refuse_forgetful(chosen: Settings, *, detach: bool) -> None:
    if detach and not chosen.keeps:
        raise InvalidInput(f"{chosen.store} keeps nothing, so nobody could move the run: not with --detach")


def _checked(file: Path, chosen: Settings) -> Definition:
    """The definition; its findings are shown with their lines, and errors end the command."""
    from perdure.activities import Registry
    from perdure.definition import inspect
    from perdure.definition.render import as_text

    inspection = inspect(file, catalogue=Registry.load(chosen.activities).catalogue())
    shown = [found for found in inspection.diagnostics if found.severity in ("error", "warning")]
    lines = {name: source.lines for name, source in inspection.sources.items()}
    if inspection.definition is None:
        errors = [found for found in shown if found.severity == "error"]
        raise DefinitionError(errors, f"{file} cannot be run\n\n{as_text(errors, lines)}")
    if shown and not chosen.quiet:
        complain(as_text(shown, lines), label=False)
    return inspection.definition


def _refuse_unfit(definition: Definition, input: JSON, *, named: bool) -> None:
    """InvalidInput unless the input fits; a run that may be there already may keep its own."""
    from perdure.schemas import check_value

    if input is None and named:
        return
    schema = definition.program.input_schema
    problems = [] if schema is None else check_value(schema, {} if input is None else input)
    if problems:
        raise InvalidInput(f"the input does not fit: {'; '.join(problems)}", problems=problems)


async def _run(chosen: Settings, start: Start, secrets: str | None, timeout: float | None) -> Followed:
    from perdure.cli.display import display_for
    from perdure.cli.following import follow

    with interrupts() as asked:
        async with working(chosen, only=[start.id], secrets=secrets, grace=GRACE) as engine:
            await engine.start(start.definition, await _input(engine, start), id=start.id)
            if not chosen.quiet and not start.named:
                complain(f"run {start.id}", label=False)
            followed = await follow(engine, start.id, asked, chosen, display_for(chosen, start.id), timeout)
            asked.set()
            if followed.end in ("detached", "timeout") and not chosen.quiet:
                complain("letting go of the run; a signal exits at once", label=False)
        return followed


async def _input(engine: Engine, start: Start) -> JSON:
    """The input given; a run that is there already keeps its own when none is."""
    if start.input is not None or not start.named:
        return start.input
    with contextlib.suppress(UnknownRun):
        return (await engine.run(start.id).describe()).input
    return None


async def _detached(chosen: Settings, start: Start) -> int:
    from perdure.cli import hints

    async with starting(chosen) as engine:
        await engine.start(start.definition, await _input(engine, start), id=start.id)
        info = await engine.run(start.id).describe()
    emit(chosen.output, {"run": info.id, "status": info.status}, info.id)
    if not chosen.quiet:
        complain(f"started; {hints.call(chosen, 'worker')} moves it", label=False)
        complain(f"follow it with: {hints.call(chosen, 'runs', 'watch', info.id)}", label=False)
    return OK
