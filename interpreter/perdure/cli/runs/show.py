"""`perdure runs show`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import emit, facts, table
from perdure.cli.runs.listing import brief, seconds
from perdure.cli.settings import Settings, settings

if TYPE_CHECKING:
    from perdure.engine import RunInfo


@command("show")
@click.argument("run")
def show(run: str) -> None:
    """Show how the run RUN stands: what it is doing, what it waits for, how it ended."""
    chosen = settings()
    found = asyncio.run(_described(chosen, run))
    emit(chosen.output, found.to_json(), text_of(found))


def text_of(run: RunInfo) -> str:
    """A run for people."""
    parts = [
        facts(
            [
                ("run", run.id),
                ("workflow", run.workflow if run.version is None else f"{run.workflow} {run.version}"),
                ("digest", run.digest[:12]),
                ("status", run.status),
                ("attempt", run.attempt if run.attempt > 1 else None),
                ("labels", run.labels),
                ("parent", run.parent),
                ("started", seconds(run.started_at)),
                ("begins", seconds(run.begins_at)),
                ("ended", seconds(run.closed_at)),
                ("input", run.input),
                ("output", run.output),
                ("error", brief(run.error)),
                ("details", run.error.get("details") if isinstance(run.error, dict) else None),
                ("undone", run.undone),
                ("not undone", run.not_undone),
                ("unread", run.unread),
                ("recorded", run.recorded),
            ]
        )
    ]
    if run.live:
        columns = ("address", "kind", "status", "attempt", "since", "due", "summary")
        rows = [[_shown(part, name) for name in columns] for part in run.live]
        parts.append(table(("step", *columns[1:]), rows))
    if run.asks:
        rows = [[ask.step, ask.prompt, ask.of, seconds(ask.due)] for ask in run.asks]
        parts.append(table(("question at", "asks", "of", "due"), rows))
    return "\n".join(parts)


def _shown(part: dict[str, object], name: str) -> object:
    value = part.get(name)
    return seconds(value) if name in ("since", "due") and isinstance(value, str) else value


async def _described(chosen: Settings, run: str) -> RunInfo:
    async with looking(chosen) as engine:
        return await engine.run(run).describe()
