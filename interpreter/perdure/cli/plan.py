"""`perdure plan`: what a deployment would change, and for how many open runs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from perdure.cli.checking import checked
from perdure.cli.definitions import given_definitions
from perdure.cli.exits import CHANGED, OK
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import emit, table
from perdure.cli.settings import Settings, settings
from perdure.cli.streams import results_only

if TYPE_CHECKING:
    from perdure.definition import Definition
    from perdure.engine.planning import Plan

FEW = 5
"""Runs that are named for one reason."""


@command("plan")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 10 where a deployment would change anything.")
def plan(paths: tuple[str, ...], detailed_exitcode: bool) -> int:
    """Say what `perdure deploy` would change, and which open runs could move to the new versions.

    PATHS are definitions, directories or workflows' names; without any, definitions/. Nothing is changed. Open runs
    stay with their version in any case, until `perdure runs migrate` moves them.
    """
    chosen = settings()
    with results_only():
        definitions = [checked(file, chosen, "planned") for file in given_definitions(paths, chosen.root)]
    plans = asyncio.run(_plans(chosen, definitions))
    rows = [found.to_json() for found in plans]
    emit(chosen.output, {"definitions": rows}, _text(plans), rows=rows)
    return CHANGED if detailed_exitcode and any(found.change != "unchanged" for found in plans) else OK


async def _plans(chosen: Settings, definitions: Sequence[Definition]) -> list[Plan]:
    from perdure.engine.planning import plan as planned

    async with looking(chosen) as engine:
        return [await planned(engine, definition) for definition in definitions]


def _text(plans: Sequence[Plan]) -> str:
    head = ("workflow", "version", "definition", "open runs", "have it", "could move", "could not")
    rows = [
        (
            found.workflow,
            found.version,
            found.change,
            found.there + found.compatible + len(found.held),
            found.there,
            found.compatible,
            len(found.held),
        )
        for found in plans
    ]
    return "\n".join([table(head, rows), *(line for found in plans for line in _held(found))])


def _held(found: Plan) -> list[str]:
    """Each reason once, with the runs it is one for."""
    counts = Counter(reason for held in found.held for reason in held.reasons)
    lines = []
    for reason, count in counts.most_common():
        runs = [held.run for held in found.held if reason in held.reasons]
        more = f" and {count - FEW} more" if count > FEW else ""
        lines.append(f"{found.workflow}: {reason}\n  in the way of {', '.join(runs[:FEW])}{more}")
    return lines
