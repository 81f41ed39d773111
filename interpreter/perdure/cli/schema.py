"""`perdure schema`: the JSON Schema of definitions, for editors and other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

from perdure.cli.exits import complain
from perdure.cli.lazy import command
from perdure.cli.output import rendered, write
from perdure.cli.settings import settings

FILE: Final = Path("schemas") / "workflow.schema.json"


@command("schema")
@click.option("--write", "refresh", is_flag=True, help=f"Refresh {FILE} in the project instead.")
def schema(refresh: bool) -> None:
    """Print the JSON Schema of definitions."""
    from perdure.definition.schema import text

    chosen = settings()
    if not refresh:
        if chosen.output in ("jsonl", "yaml"):  # the schema alone: it is a document with a format of its own
            write(rendered(chosen.output, json.loads(text())))
        else:
            write(text())
        return
    target = chosen.root / FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text(), encoding="utf-8")
    if not chosen.quiet:
        complain(f"written: {target}", label=False)
