"""`perdure schema`: the JSON Schemas of definitions and of their tests, for editors and other programs."""

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
TESTS_FILE: Final = Path("schemas") / "test.schema.json"


@command("schema")
@click.option("--tests", is_flag=True, help="The schema of files of tests instead.")
@click.option("--write", "refresh", is_flag=True, help="Refresh both in the project's schemas/ instead.")
def schema(tests: bool, refresh: bool) -> None:
    """Print the JSON Schema of definitions, or of their tests."""
    from perdure.definition.schema import text
    from perdure.testing.declared.language import schema_text

    chosen = settings()
    if not refresh:
        shown = schema_text() if tests else text()
        if chosen.output in ("jsonl", "yaml"):  # the schema alone: it is a document with a format of its own
            write(rendered(chosen.output, json.loads(shown)))
        else:
            write(shown)
        return
    for file, content in ((FILE, text()), (TESTS_FILE, schema_text())):
        target = chosen.root / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
        if not chosen.quiet:
            complain(f"written: {target}", label=False)
