"""`perdure runs terminate`."""

from __future__ import annotations

from typing import Final

import click

from perdure.cli.lazy import command
from perdure.cli.runs.selection import Action, Selection, act, selecting

ACTION: Final = Action("terminate", "is asked to end at once")


@command("terminate")
@selecting()
@click.option("--reason", metavar="TEXT", help="Why; it is kept in the history.")
def terminate(selection: Selection, reason: str | None) -> int:
    """End the run RUN, or all that fit a query, at once: nothing unwinds and nothing is undone."""
    return act(selection, ACTION, lambda run: run.terminate(reason))
