"""`perdure schema`: the JSON Schemas of definitions, of their tests and of settings, for editors and other programs."""

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
TESTS_FILE: Final = Path("schemas") / "test.schema.json"
CONFIG_FILE: Final = Path("schemas") / "config.schema.json"


@command("schema")
@click.option("--tests", is_flag=True, help="The schema of files of tests instead.")
@click.option("--config", is_flag=True, help="The schema of the project's settings, perdure.toml, instead.")
@click.option("--write", "refresh", is_flag=True, help="Refresh all in the project's schemas/ instead.")
@click.option(
    "--with-activities", "offered", is_flag=True, help="With the names and arguments of the installed activities."
)
def schema(tests: bool, config: bool, refresh: bool, offered: bool) -> None:
    """Print the JSON Schema of definitions, of their tests, or of the project's settings.

    With --with-activities an editor completes and checks the activities of this project, their arguments, and in tests
    what mocks of them return.
    """
    chosen = settings()
    if tests and config:
        raise click.UsageError("--tests and --config exclude one another")
    if refresh and (tests or config):
        raise click.UsageError("--write refreshes all schemas: leave out --tests and --config")
    if not refresh:
        shown = _text(TESTS_FILE if tests else CONFIG_FILE if config else FILE, chosen, offered)
        if chosen.output in ("jsonl", "yaml"):  # the schema alone: it is a document with a format of its own
            write(rendered(chosen.output, json.loads(shown)))
        else:
            write(shown)
        return
    for file in (FILE, TESTS_FILE, CONFIG_FILE):
        target = chosen.root / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_text(file, chosen, offered), encoding="utf-8")
        if not chosen.quiet:
            complain(f"written: {target}", label=False)


def schemas() -> dict[str, str]:
    """The schemas without activities, by the file each stands in."""
    from perdure.activities.settings_schema import settings_schema
    from perdure.definition.schema import as_text, text
    from perdure.testing.declared.language import schema_text

    config = as_text(settings_schema())
    return {FILE.as_posix(): text(), TESTS_FILE.as_posix(): schema_text(), CONFIG_FILE.as_posix(): config}


def _text(file: Path, chosen: Settings, offered: bool) -> str:
    if not offered or file == CONFIG_FILE:
        return schemas()[file.as_posix()]
    from perdure.activities import Registry
    from perdure.definition.offered import schema_with_activities
    from perdure.definition.schema import as_text
    from perdure.testing.declared.offered import schema_of_tests

    make = schema_of_tests if file == TESTS_FILE else schema_with_activities
    return as_text(make(Registry.load(chosen.activities).catalogue()))
