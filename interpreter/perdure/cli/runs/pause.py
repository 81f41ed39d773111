"""`perdure runs pause`."""

from __future__ import annotations

from typing import Final

import click

from perdure.cli.lazy import command
from perdure.cli.runs.selection import Action, Selection, act, selecting

ACTION: Final = Action("pause", "is asked to pause", ("scheduled", "running"))


@command("pause")
@selecting()
@click.option("--note", metavar="TEXT", help="Why; it is kept in the history.")
def pause(selection: Selection, note: str | None) -> int:
    """Let the run RUN, or all that fit a query, begin nothing new until it is resumed: what is running ends, messages
    are kept, timers go on."""
    return act(selection, ACTION, lambda run: run.pause(note))
