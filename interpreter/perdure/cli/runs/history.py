"""`perdure runs history`."""

from __future__ import annotations

import asyncio

import click

from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import emit, table
from perdure.cli.settings import Settings, settings
from perdure.values import JSON


@command("history")
@click.argument("run")
def history(run: str) -> None:
    """Show every event of the run RUN, in order."""
    chosen = settings()
    events = asyncio.run(_events(chosen, run))
    shown = ("seq", "at", "event", "step")
    text = table(
        (*shown, "details"),
        [
            (
                *(event.get(name) for name in shown),
                {key: value for key, value in event.items() if key not in shown} or None,
            )
            for event in events
        ],
    )
    emit(chosen.output, {"run": run, "events": events}, text, rows=events)


async def _events(chosen: Settings, run: str) -> list[dict[str, JSON]]:
    async with looking(chosen) as engine:
        return await engine.run(run).history()
