"""`perdure runs list`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import click

from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import emit, table
from perdure.cli.runs.selection import ENDED, OPEN, picked
from perdure.cli.settings import Settings, settings

if TYPE_CHECKING:
    from perdure.engine import RunInfo

STATUSES: Final = (*OPEN, *ENDED)


@command("list")
@click.option("--workflow", metavar="NAME", help="Only runs of this workflow.")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="Only runs in this status. Repeatable."
)
@click.option("--query", metavar="QUERY", help="Only runs that fit, such as \"labels.customer = 'ann'\".")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many.")
def list_(workflow: str | None, statuses: tuple[str, ...], query: str | None, limit: int) -> None:
    """List runs, newest first.

    A query compares id, workflow, version, digest, status, parent, started, closed and labels.NAME, by = != < <= > >=
    and in (…), joined by and, or, not and brackets: workflow = 'order' and status in (failed, stuck) and started > -1d.
    Times are ISO 8601, or before now, such as -1d; what is not there is null.
    """
    chosen = settings()
    found = asyncio.run(_found(chosen, picked(workflow, statuses, query), limit))
    rows = [one.to_json() for one in found]
    text = table(
        ("run", "workflow", "version", "status", "started", "ended", "error"),
        [
            (
                one.id,
                one.workflow,
                one.version,
                one.status,
                seconds(one.started_at),
                seconds(one.closed_at),
                brief(one.error),
            )
            for one in found
        ],
    )
    emit(chosen.output, {"runs": rows}, text if found else "no runs\n", rows=rows)


def seconds(time: str | None) -> str:
    """An ISO time to the second."""
    return "" if time is None else time[:19] + "Z"


def brief(error: object) -> str:
    """An error's type and message."""
    return f"{error['type']}: {error['message']}" if isinstance(error, dict) else ""


async def _found(chosen: Settings, query: str | None, limit: int) -> list[RunInfo]:
    async with looking(chosen) as engine:
        return await engine.runs(query, limit=limit)
