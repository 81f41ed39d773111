"""`perdure runs retry`."""

from __future__ import annotations

from typing import Final

from perdure.cli.lazy import command
from perdure.cli.runs.selection import UNSUCCESSFUL, Action, Selection, act, selecting

ACTION: Final = Action("retry", "goes on with the next worker", UNSUCCESSFUL, latest=True)


@command("retry")
@selecting()
def retry(selection: Selection) -> int:
    """Let the run RUN, or all that fit a query, which failed or were cancelled or terminated, go on from just before.

    What had completed stays completed. Refused where steps were undone since: fork it then.
    """
    return act(selection, ACTION, lambda run: run.retry())
