"""`perdure runs locks`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import emit, table
from perdure.cli.settings import Settings, settings

if TYPE_CHECKING:
    from perdure.engine import LockInfo


@command("locks")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="At most so many lines."
)
def locks(limit: int) -> None:
    """List who holds locks and places of a `concurrency`, and who waits for them, in the order of the queue.

    A key is lock:KEY or concurrency:WORKFLOW:KEY. What a run holds it gives back when it ends: `runs cancel` or
    `runs terminate` it, where it keeps others waiting.
    """
    chosen = settings()
    found = asyncio.run(_found(chosen, limit))
    rows = [one.to_json() for one in found]
    text = table(
        ("key", "limit", "run", "workflow", "status"),
        [(one.key, one.limit, one.run, one.workflow, "holds" if one.held else "waits") for one in found],
    )
    emit(chosen.output, {"locks": rows}, text if found else "no locks\n", rows=rows)


async def _found(chosen: Settings, limit: int) -> list[LockInfo]:
    async with looking(chosen) as engine:
        return await engine.locks(limit=limit)
