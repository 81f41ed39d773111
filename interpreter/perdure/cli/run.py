"""`perdure run`: start a workflow, move it in this process, follow it, print its result.

The definition and its input are checked before anything is stored. The engine works on this one run only.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import click

from perdure.cli.checking import checked
from perdure.cli.definitions import find_or_deployed
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
from perdure.errors import InvalidInput, RunConflict, UnknownRun
from perdure.values import JSON

if TYPE_CHECKING:
    from perdure.cli.following import Followed
    from perdure.definition import Definition
    from perdure.engine import Engine, RunInfo

GRACE: Final = 5.0
"""Seconds that running activities have to end when the user detaches."""


REUSE: Final = ("attach", "allow", "allow_failed", "reject")
CONFLICT: Final = ("attach", "reject", "terminate")


@dataclass(frozen=True, slots=True)
class Start:
    """What is to be started; `input` is None where none was given, `how` are more arguments of `Engine.start`."""

    id: str
    named: bool
    definition: Definition
    input: dict[str, JSON] | None
    how: dict[str, Any]


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
@click.option("--label", "labels", multiple=True, metavar="NAME=TEXT", help="A label, to find it by. Repeatable.")
@click.option("--delay", type=Duration(), help="Let it begin only after so long (90s, 3d).")
@click.option("--at", metavar="TIME", help="Let it begin only then: ISO 8601 with an offset.")
@click.option(
    "--reuse", type=click.Choice(REUSE), default="attach", show_default=True,
    help="Where a run with the id has ended: show what it came to, start anew, only unless it completed, or refuse.",
)  # fmt: skip
@click.option(
    "--conflict", type=click.Choice(CONFLICT), default="attach", show_default=True,
    help="Where a run with the id is open: go on with it, refuse, or terminate it and start anew.",
)  # fmt: skip
def run(
    workflow: str,
    pairs: tuple[str, ...],
    whole: str | None,
    run_id: str | None,
    detach: bool,
    secrets: str | None,
    timeout: float | None,
    labels: tuple[str, ...],
    **how: Any,
) -> int:
    """Start a workflow and follow it until it ends.

    FILE is a definition; NAME is looked for in the project's definitions/, then among what is deployed. Ctrl-C
    detaches: the run is kept, and goes on when it is started again with the same --id or when a worker runs.
    """
    from perdure.cli.reporting import report
    from perdure.core.ids import refuse_id

    chosen = settings()
    problem = None if run_id is None else refuse_id(run_id)
    if problem is not None:
        raise InvalidInput(problem)
    _refuse_forgetful(chosen, detach=detach)
    found = find_or_deployed(workflow, chosen)
    with results_only():
        definition = checked(found, chosen, "run") if isinstance(found, Path) else found
        given = assembled(whole, pairs, definition.program.input_schema)
        _refuse_unfit(definition, given, named=run_id is not None)
        id = uuid4().hex[:16] if run_id is None else run_id
        start = Start(id, run_id is not None, definition, given, {"labels": labelled(labels), **how})
        if not detach:
            followed = asyncio.run(_run(chosen, start, secrets, timeout))
    if detach:
        return asyncio.run(_detached(chosen, start))
    return report(chosen, followed, again=str(found) if isinstance(found, Path) else workflow)


def labelled(pairs: tuple[str, ...]) -> dict[str, str]:
    """Labels as they are written; InvalidInput for one that has no name or no text."""
    found = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not name or not sign:
            raise InvalidInput(f"a label is written NAME=TEXT, not {one_line(pair, 60)}")
        found[name] = text
    return found


def _refuse_forgetful(chosen: Settings, *, detach: bool) -> None:
    if detach and not chosen.keeps:
        raise InvalidInput(f"{chosen.store} keeps nothing, so nobody could move the run: not with --detach")


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
    from perdure.cli.reporting import tell_beginning

    with interrupts() as asked:
        async with working(chosen, only=[start.id], secrets=secrets, grace=GRACE) as engine:
            info = await _started(engine, start)
            if not chosen.quiet and not start.named:
                complain(f"run {start.id}", label=False)
            tell_beginning(chosen, info)
            followed = await follow(engine, start.id, asked, chosen, display_for(chosen, start.id), timeout)
            asked.set()
            if followed.end in ("detached", "timeout") and not chosen.quiet:
                complain("leaving the run where it is; Ctrl-C exits at once", label=False)
        return followed


async def _started(engine: Engine, start: Start) -> RunInfo:
    """Start the run; one that is there already and is attached to keeps its input where none was given."""
    run = engine.run(start.id)
    if start.input is None and start.named:
        with contextlib.suppress(UnknownRun):
            info = await run.describe()
            if start.how["conflict" if info.closed_at is None else "reuse"] == "attach":
                if info.digest != start.definition.digest:
                    raise RunConflict(f"the run {run.id} exists with another definition", run=run.id)
                return info
    await engine.start(start.definition, start.input, id=start.id, **start.how)
    return await run.describe()


async def _detached(chosen: Settings, start: Start) -> int:
    from perdure.cli import hints
    from perdure.cli.reporting import tell_beginning

    async with starting(chosen) as engine:
        info = await _started(engine, start)
    emit(chosen.output, {"run": info.id, "status": info.status}, info.id)
    if not chosen.quiet and info.closed_at is not None:
        complain(f"the run {info.id} is there already, and has ended", label=False)
        complain(f"see it with: {hints.call(chosen, 'runs', 'show', info.id)}", label=False)
    elif not chosen.quiet:
        complain(f"started; {hints.call(chosen, 'worker')} moves it", label=False)
        tell_beginning(chosen, info)
        complain(f"follow it with: {hints.call(chosen, 'runs', 'watch', info.id)}", label=False)
    return OK
