"""`perdure runs signal`."""

from __future__ import annotations

from typing import Final

import click

from perdure.cli.inputs import json_or_text, read_pairs
from perdure.cli.lazy import command
from perdure.cli.runs.selection import Action, Selection, act, selecting
from perdure.errors import InvalidInput
from perdure.values import JSON

ACTION: Final = Action("signal", "is sent the signal")


@command("signal")
@selecting(argument=False)
@click.argument("words", nargs=-1, metavar="RUN NAME [JSON | KEY=VALUE]...")
@click.option("--id", "id_", metavar="ID", help="Names the signal: the same id again is the same signal.")
def signal(selection: Selection, words: tuple[str, ...], id_: str | None) -> int:
    """Send the signal NAME to the run RUN, with JSON or with key=value pairs as its data.

    With --query there is no RUN: the signal goes to all runs that fit.
    """
    selection, rest = selection.named_by(words, "'NAME'")
    if not rest:
        raise click.UsageError("Missing argument 'NAME'.")
    name, data = rest[0], payload(tuple(rest[1:]))
    return act(selection, ACTION, lambda run: run.signal(name, data, id=id_))


def payload(data: tuple[str, ...]) -> JSON:
    """Null, one JSON value, or the mapping that pairs make; InvalidInput."""
    if not data:
        return None
    if len(data) == 1:
        value = json_or_text(data[0])
        if not isinstance(value, str) or value != data[0]:
            return value
        if "=" not in data[0]:
            raise InvalidInput(f"the data must be JSON or key=value; for a text write '\"{data[0]}\"'")
    return read_pairs(data)
