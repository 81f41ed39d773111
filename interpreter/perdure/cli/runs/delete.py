"""`perdure runs delete`."""

from __future__ import annotations

from typing import Final

from perdure.cli.lazy import command
from perdure.cli.runs.selection import ENDED, Action, Selection, act, selecting

ACTION: Final = Action("delete", "is deleted", ENDED)


@command("delete")
@selecting()
def delete(selection: Selection) -> int:
    """Delete the run RUN, which has ended, or all ended ones that fit a query, with everything that is kept of it."""
    return act(selection, ACTION, lambda run: run.delete())
