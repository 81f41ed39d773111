"""`perdure activities show`."""

from __future__ import annotations

from dataclasses import asdict

import click

from perdure.cli.lazy import command
from perdure.cli.output import emit, facts
from perdure.cli.settings import settings
from perdure.cli.streams import results_only


@command("show")
@click.argument("name")
def show(name: str) -> None:
    """Show what the activity NAME takes and gives, as JSON Schemas."""
    from perdure.cli.activities.registry import loaded, require

    chosen = settings()
    with results_only():
        registry = loaded(chosen)
        require(registry, name)
        found = registry.describe(name)
    text = facts(
        [
            ("name", found.name),
            ("source", found.source),
            ("written in", None if found.file is None else f"{found.file}:{found.line}"),
            ("deprecated", found.deprecated),
            ("rate", found.rate),
            ("about", found.doc or found.summary),
            ("takes", found.arguments),
            ("gives", found.result or "anything"),
        ]
    )
    emit(chosen.output, asdict(found), text)
