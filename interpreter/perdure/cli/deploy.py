"""`perdure deploy`: keep definitions in the store and make their schedules run.

All are checked before the first is deployed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from perdure.cli.checking import checked
from perdure.cli.definitions import given_definitions
from perdure.cli.exits import complain
from perdure.cli.lazy import command
from perdure.cli.opening import looking, starting
from perdure.cli.output import emit, table
from perdure.cli.settings import Settings, settings
from perdure.cli.streams import results_only

if TYPE_CHECKING:
    from perdure.definition import Definition
    from perdure.engine import Engine


@command("deploy")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
def deploy(paths: tuple[str, ...], dry_run: bool) -> None:
    """Keep definitions in the store and make their schedules run; workers need not be told.

    PATHS are definitions, directories or workflows' names; without any, definitions/. Schedules that a new version does
    not have any more are removed, and one that is paused stays paused. Runs that are open stay with their version.
    """
    chosen = settings()
    with results_only():
        definitions = [checked(file, chosen, "deployed") for file in given_definitions(paths, chosen.root)]
    rows = asyncio.run(_deploy(chosen, definitions, dry_run))
    text = table(
        ("workflow", "version", "digest", "definition", "schedules"),
        [
            (
                row["workflow"],
                row["version"],
                row["digest"][:12],
                row["change"],
                ", ".join(f"{one['id']} {one['change']}" for one in row["schedules"]),
            )
            for row in rows
        ],
    )
    emit(chosen.output, {"dry_run": dry_run, "definitions": rows}, text, rows=rows)
    if dry_run and not chosen.quiet:
        complain("nothing was deployed", label=False)


async def _deploy(chosen: Settings, definitions: Sequence[Definition], dry_run: bool) -> list[dict[str, Any]]:
    async with looking(chosen) if dry_run else starting(chosen) as engine:
        rows = [await _planned(engine, definition) for definition in definitions]
        if not dry_run:
            for definition in definitions:
                await engine.deploy(definition)
        return rows


async def _planned(engine: Engine, definition: Definition) -> dict[str, Any]:
    before = await engine.deployed(definition.name)
    change = "new" if before is None else "unchanged" if before == definition.digest else "changed"
    return {
        "workflow": definition.name,
        "version": definition.version,
        "digest": definition.digest,
        "change": change,
        "schedules": [one.to_json() for one in await engine.schedules.changes(definition)],
    }
