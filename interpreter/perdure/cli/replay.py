"""`perdure replay`: would recorded histories still be valid?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perdure.cli.definitions import loaded
from perdure.cli.exits import FAILED, OK
from perdure.cli.inputs import read_lines
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import emit, table
from perdure.cli.settings import Settings, settings
from perdure.errors import InvalidInput

if TYPE_CHECKING:
    from perdure.engine import Engine
    from perdure.engine.replay import Verdict
    from perdure.program import Program


@command("replay")
@click.argument("runs", nargs=-1, metavar="[RUN|FILE]...")
@click.option("--all-open", is_flag=True, help="All runs that have not ended.")
@click.option("--definition", metavar="FILE|NAME", help="With this definition instead of their own.")
def replay(runs: tuple[str, ...], all_open: bool, definition: str | None) -> int:
    """Fold the histories of runs again, with a definition or with their own, and say whether they are valid.

    RUN is a run's id, FILE one that `runs export` wrote. With a definition a history is valid where every event finds
    the same steps open; without one, where it comes to what is stored. Nothing is changed. With --all-open only runs of
    the definition's workflow are looked at. Exit code 1 where one differs, or cannot be told.
    """
    if all_open == bool(runs):
        raise InvalidInput("name runs or files, or use --all-open")
    chosen = settings()
    program = None if definition is None else loaded(definition, chosen).program
    verdicts = asyncio.run(_verdicts(chosen, runs, program))
    rows = [verdict.to_json() for verdict in verdicts]
    columns = ("run", "verdict", "seq", "old", "new", "reason")
    text = table(columns, [tuple(row[name] for name in columns) for row in rows]) if rows else "no runs\n"
    emit(chosen.output, {"runs": rows}, text, rows=rows)
    return OK if all(verdict.verdict == "valid" for verdict in verdicts) else FAILED


async def _verdicts(chosen: Settings, runs: tuple[str, ...], program: Program | None) -> list[Verdict]:
    from perdure.engine.replay import replay_lines, replay_run

    files = [name for name in runs if name == "-" or Path(name).is_file()]
    wanted = [name for name in runs if name not in files]
    found = [replay_lines(read_lines(name), program) for name in files]
    if not runs or wanted:
        async with looking(chosen) as engine:
            names = wanted if runs else await _open(engine, program)
            found += [await replay_run(engine, name, program) for name in names]
    return found


async def _open(engine: Engine, program: Program | None) -> list[str]:
    """Ids of all open runs; of the program's workflow, where there is one."""
    from perdure.engine.replay import open_runs

    return await open_runs(engine, None if program is None else program.name)
