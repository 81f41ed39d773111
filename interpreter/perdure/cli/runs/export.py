"""`perdure runs export`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import write
from perdure.cli.settings import Settings, settings


@command("export")
@click.argument("run")
@click.option("--to", "file", metavar="FILE", type=click.Path(path_type=Path), help="Write into a file.")
def export(run: str, file: Path | None) -> None:
    """Write the run RUN as lines of JSON: its history, its definitions, what waits for it."""
    text = "".join(f"{line}\n" for line in asyncio.run(_lines(settings(), run)))
    if file is None:
        write(text)
    else:
        file.write_text(text, encoding="utf-8", newline="\n")


async def _lines(chosen: Settings, run: str) -> list[str]:
    async with looking(chosen) as engine:
        return await engine.run(run).export()
