"""`perdure graph`: a picture of a definition; with a run, how its steps stand."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from perdure.cli.exits import NotFound, complain
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import write
from perdure.cli.settings import Settings, settings
from perdure.errors import DefinitionError, InvalidInput

if TYPE_CHECKING:
    from perdure.definition import Inspection

FORMATS: Final = ("svg", "mermaid", "dot", "text")
_TURN: Final = re.compile(r"\[\d+\]")
_ENDS: Final = {
    "completed": "done", "left": "done", "skipped": "skipped", "failed": "failed", "cancelled": "cancelled",
}  # fmt: skip


@command("graph")
@click.argument("file", required=False)
@click.option("--format", "form", type=click.Choice(FORMATS), help="By the name of --write, else text.")
@click.option("--run", "run_id", metavar="RUN", help="Mark how each step stands in this run.")
@click.option("--write", "target", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of stdout.")
def graph(file: str | None, form: str | None, run_id: str | None, target: Path | None) -> None:
    """Draw the definition FILE: as SVG, Mermaid, DOT or a tree of text.

    With --run the definition is the run's own, unless FILE names another; each step of it says how it stands.
    """
    from perdure.pictures import dot, mermaid, outline, svg, text

    if file is None and run_id is None:
        raise click.UsageError("name a definition file, or a run with --run")
    states, found = None, None
    if run_id is not None:
        states, found = asyncio.run(_standing(settings(), run_id))
    if file is not None:
        found = _inspected(file)
    assert found is not None
    if found.document is None:
        raise DefinitionError(found.diagnostics)
    drawn = {"svg": svg, "mermaid": mermaid, "dot": dot, "text": text}[_format(form, target)](
        outline(found.document), states
    )
    if target is None:
        write(drawn)
        return
    try:
        target.write_text(drawn, encoding="utf-8")
    except OSError as problem:
        raise InvalidInput(f"{target} cannot be written: {problem.strerror}") from None
    complain(f"written to {target}", label=False)


def _format(form: str | None, target: Path | None) -> str:
    """What was asked for, else what the file's name says."""
    if form is not None:
        return form
    suffixes = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot"}
    return "text" if target is None else suffixes.get(target.suffix, "text")


def _inspected(file: str) -> Inspection:
    from perdure.definition import inspect

    try:
        return inspect(Path(file))
    except FileNotFoundError:
        raise NotFound(f"there is no file {file}") from None


async def _standing(chosen: Settings, run_id: str) -> tuple[dict[str, str], Inspection]:
    """How the steps of a run stand, by address (in loops, the last turn that ended), and the definition it runs."""
    from perdure.core.watching import watch
    from perdure.definition import inspect_bundle
    from perdure.engine.copying import history_of

    async with looking(chosen) as engine:
        described = await engine.run(run_id).describe()
        history = await history_of(engine, run_id)
        bundle = await engine._store.definition(described.digest)
    assert bundle is not None
    states: dict[str, str] = {}
    for seen in watch(history.programs, history.events):
        ended = () if seen.turn is None else seen.turn.ended
        states.update((_TURN.sub("", end.address), _ENDS[end.how]) for end in ended)
    addresses = {id: address for address, id in seen.program.ids.items()}
    later = [(label, "undone") for label in seen.state.undone] + [
        (part["address"], "running" if part["status"] == "running" else "waiting") for part in described.live
    ]
    for label, state in later:
        plain = _TURN.sub("", str(label))
        states[addresses.get(plain, plain)] = state
    return states, inspect_bundle(bundle)
