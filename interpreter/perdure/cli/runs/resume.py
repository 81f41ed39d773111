"""`perdure runs resume`."""

from __future__ import annotations

from typing import Final

from perdure.cli.lazy import command
from perdure.cli.runs.selection import Action, Selection, act, selecting

ACTION: Final = Action("resume", "goes on with the next worker", ("paused", "stuck"))


@command("resume")
@selecting()
def resume(selection: Selection) -> int:
    """Let the run RUN, or all that fit a query, go on: a paused one, or a stuck one once what stopped it is mended."""
    return act(selection, ACTION, lambda run: run.resume())
