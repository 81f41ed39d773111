"""One round of `perdure dev`: findings, tests, deployment of what is valid. Runs in a process of its own.

Everything it says goes to standard error. Its exit code tells whether the activities could be loaded: where they could
not, nothing else was looked at.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perdure.cli.checked import Checked, check_file, check_together
from perdure.cli.definitions import top_key
from perdure.cli.developing.affected import Round
from perdure.cli.exits import FAILED, OK, complain
from perdure.cli.settings import Settings
from perdure.cli.showable import one_line
from perdure.cli.streams import results_only
from perdure.errors import PerdureError

if TYPE_CHECKING:
    from perdure.definition import Definition


def run_round(chosen: Settings, wanted: Round, *, tests: bool) -> int:
    """Check, test and deploy; FAILED where the activities do not load."""
    from perdure.activities import Registry

    with results_only():
        try:
            catalogue = Registry.load(chosen.activities).catalogue()
        except PerdureError as problem:
            complain(f"activities do not load: {problem.message}")
            return FAILED
        valid = _check(chosen, wanted.definitions, catalogue)
        if tests and wanted.tests:
            _test(chosen, wanted.tests)
        _deploy(chosen, valid, catalogue)
    return OK


def _check(chosen: Settings, files: Sequence[str], catalogue: Any) -> list[str]:
    """Shows the findings; the files that have no error."""
    from perdure.cli.validate import picked, relative_to, summary
    from perdure.definition import render

    checked = [check_file(file, catalogue) for file in files if Path(file).exists()]
    check_together(checked)
    found = [diagnostic for one in checked for diagnostic in one.diagnostics]
    shown = picked(found, set(), set(), chosen.lint, relative_to(chosen.root))
    lines = {file: source.lines for one in checked for file, source in one.sources.items()}
    if shown:
        complain(render.FORMATS["text"](shown, lines, colour=chosen.colourful(sys.stderr)), label=False)
    if checked:
        complain(summary(shown, len(checked)), label=False)
    valid = [one.path for one in checked if not _is_broken(one)]
    for one in checked:
        if one.path not in valid:
            complain(f"{one.path} is not deployed; what was deployed before stays", label=False)
    return valid


def _is_broken(one: Checked) -> bool:
    return any(found.severity == "error" for found in one.diagnostics)


def _deploy(chosen: Settings, valid: Sequence[str], catalogue: Any) -> None:
    from perdure.definition import inspect

    definitions = []
    for file in valid:
        if top_key(Path(file)) == "workflow":
            definition = inspect(Path(file), catalogue=catalogue).definition
            if definition is not None:
                definitions.append(definition)
    if definitions:
        asyncio.run(_keep(chosen, definitions))


async def _keep(chosen: Settings, definitions: Sequence[Definition]) -> None:
    from perdure.cli.opening import starting

    async with starting(chosen) as engine:
        others = [one for one in definitions if await engine.deployed(one.name) != one.digest]
        for definition in others:
            try:
                await engine.deploy(definition)
            except PerdureError as problem:
                complain(f"{definition.name} is not deployed: {problem.message}")
                continue
            version = f" {one_line(definition.version, 40)}" if definition.version else ""
            complain(f"deployed {definition.name}{version}", label=False)


def _test(chosen: Settings, files: Sequence[str]) -> None:
    from perdure.cli.testing.test import run_tests, show

    session = run_tests([Path(file) for file in files if Path(file).exists()], chosen, ())
    show(session, chosen, coverage=False)
