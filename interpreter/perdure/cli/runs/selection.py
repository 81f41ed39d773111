"""Whom an action is for: one run by its id, or many by a query, and what is told of them.

An action is a small file: `@selecting` gives its command the argument and the options, `act` does the rest. Knows
nothing of what is done.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import click

from perdure.cli.exits import FAILED, OK, complain
from perdure.cli.opening import looking
from perdure.cli.output import emit, table
from perdure.cli.settings import Settings, is_terminal, settings
from perdure.core.ids import refuse_id
from perdure.errors import InvalidInput, PerdureError, StoreError

if TYPE_CHECKING:
    from perdure.engine import Run, RunInfo

ALL: Final = 1_000_000_000
"""A limit that no listing reaches."""
OPEN: Final = ("scheduled", "running", "paused", "stuck")
UNSUCCESSFUL: Final = ("failed", "cancelled", "terminated")
"""What has ended, and has not come to what was wanted."""
ENDED: Final = ("completed", "failed", "cancelled", "terminated", "continued")

Deed = Callable[["Run"], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Selection:
    """The runs an action is for: `run` or `query`, one of them; `workflow` confines a query to runs of one."""

    run: str | None
    query: str | None
    yes: bool
    dry_run: bool
    workflow: str | None = None

    def named_by(self, words: Sequence[str], what: str) -> tuple[Selection, list[str]]:
        """Where the run's id stands among other words, unless there is a query: the selection, and the other words."""
        if self.query is not None:
            return self, list(words)
        if not words:
            raise click.UsageError(f"Missing argument 'RUN' and {what}.")
        return replace(self, run=words[0]), list(words[1:])


@dataclass(frozen=True, slots=True)
class Action:
    """What is done: `name` as in "cancel 3 runs?", `told` what is said of a run it was done to, `statuses` of runs that
    a query picks for it; with `latest` it picks no earlier parts and attempts, which are kept under RUN~N."""

    name: str
    told: str
    statuses: Sequence[str] = OPEN
    latest: bool = False


def selecting(*, argument: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command `selection`, with the options for it; without `argument` it looks for the id itself."""

    def give(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def chosen(*, query: str | None, yes: bool, dry_run: bool, run: str | None = None, **rest: Any) -> Any:
            return command(Selection(run, query, yes, dry_run), **rest)

        options = [
            click.option("--query", metavar="QUERY", help="All runs that fit, instead of one; see `runs list`."),
            click.option("--yes", is_flag=True, help="With --query: do not ask."),
            click.option("--dry-run", is_flag=True, help="Only show the runs it would be done to."),
        ]
        for add in [click.argument("run", required=False)] * argument + list(reversed(options)):
            chosen = add(chosen)
        return chosen

    return give


def act(selection: Selection, action: Action, deed: Deed) -> int:
    """Do it to each run that is selected; the exit code: 1 where it could not be done to all that a query found."""
    chosen = settings()
    if (selection.run is None) == (selection.query is None):
        raise click.UsageError("name one RUN, or say which by --query")
    return asyncio.run(_act(chosen, selection, action, deed))


def picked(workflow: str | None, statuses: Sequence[str], query: str | None) -> str | None:
    """One query of all that was asked for; InvalidInput where the user's own does not read."""
    from perdure.engine.query import parse

    parts = []
    if query is not None and parse(query, 0) is not None:
        parts.append(f"({query})")
    if workflow is not None:
        quoted = workflow.replace("'", "''")
        parts.append(f"workflow = '{quoted}'")
    if statuses:
        parts.append(f"status in ({', '.join(statuses)})")
    return " and ".join(parts) or None


async def _act(chosen: Settings, selection: Selection, action: Action, deed: Deed) -> int:
    async with looking(chosen) as engine:
        if selection.run is not None:
            run = engine.run(selection.run)
            if selection.dry_run:
                return _show(chosen, action, [await run.describe()])
            await deed(run)
            if not chosen.quiet:
                complain(f"{run.id} {action.told}", label=False)
            return OK
        runs = await engine.runs(picked(selection.workflow, action.statuses, selection.query), limit=ALL)
        if action.latest:
            runs = [one for one in runs if refuse_id(one.id) is None]
        if selection.dry_run or not runs:
            return _show(chosen, action, runs)
        if not selection.yes and not _agreed(action, len(runs)):
            complain("nothing was done", label=False)
            return OK
        return _report(chosen, action, [(one, await _refusal(engine.run(one.id), deed)) for one in runs])


def _agreed(action: Action, count: int) -> bool:
    """Whether the user wants it, asked on the terminal; UsageError without one."""
    if not is_terminal(sys.stdin) or not is_terminal(sys.stderr):
        raise click.UsageError(f"this would {action.name} {_counted(count)}: say --yes, or --dry-run to see which")
    return click.confirm(f"{action.name} {_counted(count)}?", err=True)


async def _refusal(run: Run, deed: Deed) -> str | None:
    """Do it to one of many; why it could not be done."""
    try:
        await deed(run)
    except (StoreError, InvalidInput):
        raise  # it would be the same for all
    except PerdureError as problem:
        return problem.message
    except TimeoutError as problem:
        return str(problem)
    return None


def _show(chosen: Settings, action: Action, runs: Sequence[RunInfo]) -> int:
    rows = [{"run": one.id, "workflow": one.workflow, "status": one.status} for one in runs]
    text = table(("run", "workflow", "status"), [tuple(row.values()) for row in rows]) if rows else ""
    emit(chosen.output, {"action": action.name, "dry_run": True, "runs": rows}, text, rows=rows)
    if not chosen.quiet:
        complain(f"would {action.name} {_counted(len(rows))}" if rows else "no runs fit", label=False)
    return OK


def _report(chosen: Settings, action: Action, done: Sequence[tuple[RunInfo, str | None]]) -> int:
    rows = [{"run": one.id, "workflow": one.workflow, "done": why is None, "error": why} for one, why in done]
    shown = [(one.id, one.workflow, action.told if why is None else f"failed: {why}") for one, why in done]
    emit(chosen.output, {"action": action.name, "runs": rows}, table(("run", "workflow", "outcome"), shown), rows=rows)
    failed = sum(why is not None for _, why in done)
    if failed:
        complain(f"{_counted(failed)} of {len(done)} could not be dealt with", label=False)
    return FAILED if failed else OK


def _counted(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"
