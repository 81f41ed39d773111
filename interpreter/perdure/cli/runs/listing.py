"""`perdure runs list`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import click

from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import emit, table
from perdure.cli.settings import Settings, settings

if TYPE_CHECKING:
    from perdure.engine import RunInfo

STATUSES: Final = ("running", "paused", "stuck", "completed", "failed", "cancelled", "terminated", "continued")


@command("list")
@click.option("--workflow", metavar="NAME", help="Only runs of this workflow.")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="Only runs in this status. Repeatable."
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many.")
def list_(workflow: str | None, statuses: tuple[str, ...], limit: int) -> None:
    """List runs, newest first."""
    chosen = settings()
    found = asyncio.run(_found(chosen, workflow, statuses, limit))
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


async def _found(chosen: Settings, workflow: str | None, statuses: tuple[str, ...], limit: int) -> list[RunInfo]:
    async with looking(chosen) as engine:
        return await engine.runs(workflow=workflow, statuses=statuses or None, limit=limit)
