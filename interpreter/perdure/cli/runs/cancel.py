"""`perdure runs cancel`."""

from __future__ import annotations

from typing import Final

import click

from perdure.cli.lazy import command
from perdure.cli.runs.selection import Action, Selection, act, selecting

ACTION: Final = Action("cancel", "is asked to stop")


@command("cancel")
@selecting()
@click.option("--reason", metavar="TEXT", help="Why; it is kept in the history.")
def cancel(selection: Selection, reason: str | None) -> int:
    """Stop the run RUN, or all that fit a query: its steps unwind, and what it has done is undone."""
    return act(selection, ACTION, lambda run: run.cancel(reason))
