"""`perdure schema`: the JSON Schema of definitions, for editors and other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

from perdure.cli.exits import complain
from perdure.cli.lazy import command
from perdure.cli.output import rendered, write
from perdure.cli.settings import Settings, settings

FILE: Final = Path("schemas") / "workflow.schema.json"


@command("schema")
@click.option("--write", "refresh", is_flag=True, help=f"Refresh {FILE} in the project instead.")
@click.option(
    "--with-activities", "offered", is_flag=True, help="With the names and arguments of the installed activities."
)
def schema(refresh: bool, offered: bool) -> None:
    """Print the JSON Schema of definitions.

    With --with-activities an editor completes and checks the activities of this project and their arguments.
    """
    chosen = settings()
    text = _text(chosen, offered)
    if not refresh:
        if chosen.output in ("jsonl", "yaml"):  # the schema alone: it is a document with a format of its own
            write(rendered(chosen.output, json.loads(text)))
        else:
            write(text)
        return
    target = chosen.root / FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    if not chosen.quiet:
        complain(f"written: {target}", label=False)


def _text(chosen: Settings, offered: bool) -> str:
    from perdure.definition.schema import as_text, text

    if not offered:
        return text()
    from perdure.activities import Registry
    from perdure.definition.offered import schema_with_activities

    return as_text(schema_with_activities(Registry.load(chosen.activities).catalogue()))
