"""`perdure explore`: what may come of a definition on any path, and what is wrong with some of them.

Findings come from `exploration`; here each that can be shown is played by the declared tests, and all are written out.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from perdure.cli.checking import refused
from perdure.cli.definitions import find_definition
from perdure.cli.exits import FAILED, OK, complain
from perdure.cli.lazy import command
from perdure.cli.options import judged
from perdure.cli.output import emit, number_of
from perdure.cli.settings import Settings, settings
from perdure.cli.showable import showable
from perdure.errors import InvalidInput, RunConflict

if TYPE_CHECKING:
    from perdure.definition import Diagnostic
    from perdure.exploration import Exploration, Finding

WEIGHTS: Final = {"error": 3, "warning": 2, "info": 1, "off": 0}
_SUFFIXES: Final = (".test.yaml", ".test.yml")


@dataclass(frozen=True, slots=True)
class Told:
    """A finding as it is told: its diagnostic as the project weighs it, and what came of its test; None where none can
    be made."""

    finding: Finding
    diagnostic: Diagnostic
    played: Played | None

    @property
    def shown(self) -> bool | None:
        return None if self.played is None else self.played.holds

    @property
    def case(self) -> dict[str, Any] | None:
        """The test that has shown it."""
        return self.played.case if self.played is not None and self.played.holds else None


@dataclass(frozen=True, slots=True)
class Played:
    """What came of the test of a finding; `obstacle` is what no values were found for."""

    holds: bool
    case: dict[str, Any]
    obstacle: str | None

    @property
    def doubted(self) -> bool:
        """Whether the run went another way although everything was chosen so that it should not."""
        return not self.holds and self.obstacle is None


@command("explore")
@click.argument("file")
@click.option("--tests", is_flag=True, help="Write a test for each finding to standard output, and nothing else.")
@click.option("--write", "target", metavar="FILE", help="Write these tests to a new file, NAME.test.yaml.")
@judged("warning")
def explore(file: str, tests: bool, target: str | None, fail_on: str, no_activities: bool) -> int:
    """Walk every path of the definition FILE without running it, and show what may go wrong on some.

    Each step succeeds, fails and times out, each wait is answered or not, each condition holds or does not. Found are
    expressions that fail and nobody catches, waits that nothing ends, joins that are never met, effects that a failure
    leaves behind, and arms that no path takes. Each finding has the way there, and is played as a test.
    """
    from perdure.definition import inspect
    from perdure.exploration import explore as explored

    chosen = settings()
    path = find_definition(file, chosen.root)
    catalogue = {} if no_activities else _catalogue(chosen)
    inspection = inspect(path, catalogue=catalogue or None)
    if inspection.definition is None:
        raise refused(str(path), inspection, "explored")
    exploration = explored(inspection.definition.program, catalogue)
    document, played = _played(exploration, path, catalogue)
    told = _weighed(exploration, inspection.sources, played, chosen)
    if target is not None:
        _write_tests(Path(target), path, document, told, quiet=chosen.quiet)
    if tests:
        _emit_tests(path, document, told, chosen)
    else:
        emit(chosen.output, _document(exploration, told), _text(exploration, told), rows=_rows(told))
    heaviest = max((WEIGHTS[one.diagnostic.severity] for one in told), default=0)
    return FAILED if fail_on != "never" and heaviest >= WEIGHTS[fail_on] else OK


def _catalogue(chosen: Settings) -> Any:
    from perdure.cli.activities.registry import loaded
    from perdure.testing.declared.session import usable

    return usable(loaded(chosen).catalogue()) or {}


def _played(exploration: Exploration, path: Path, catalogue: Any) -> tuple[dict[str, Any], dict[Finding, Played]]:
    """The tests of all findings, and by finding what came of its own."""
    from perdure.exploration.cases import write_tests
    from perdure.testing.declared.generate import generate
    from perdure.testing.declared.reading import read_suite
    from perdure.testing.declared.running import run_case
    from perdure.testing.declared.writing import as_yaml

    document, attempts = write_tests(exploration, str(path.resolve()), catalogue, generate)
    played: dict[Finding, Played] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "explored.test.yaml"
        for attempt, case in zip(attempts, document["cases"], strict=True):
            file.write_text(as_yaml({**document, "cases": [case]}), encoding="utf-8")
            suite = read_suite(file, catalogue or None)
            holds = bool(suite.cases) and run_case(suite, suite.cases[0]).holds
            played[attempt.finding] = Played(holds, case, attempt.obstacle)
    return document, played


def _weighed(exploration: Exploration, sources: Any, played: dict[Finding, Played], chosen: Settings) -> list[Told]:
    """The findings that are not silenced, as the project weighs them; what is doubted is only a note."""
    from perdure.definition.suppression import silence

    found = {id(one): one for one in (finding.diagnostic for finding in exploration.findings)}
    by_diagnostic = dict(zip(found, exploration.findings, strict=True))
    kept = list(found.values())
    for source in sources.values():
        kept = silence(source, kept)
    told = []
    for diagnostic in kept:
        finding = by_diagnostic[id(diagnostic)]
        own = played.get(finding)
        doubted = own is not None and own.doubted
        for weighed in chosen.lint.weighed([diagnostic], lambda file: os.path.relpath(file, chosen.root)):
            severity = "info" if doubted and weighed.severity != "off" else weighed.severity
            if severity != "off":
                told.append(Told(finding, replace(weighed, severity=severity), own))
    return told


# -- tests


def _tests(file: Path, folder: Path, document: dict[str, Any], told: list[Told]) -> dict[str, Any]:
    """The tests of those findings that have been shown."""
    path = os.path.relpath(file, folder).replace(os.sep, "/")
    cases = [one.case for one in told if one.case is not None]
    return {**document, "test": path if "/" in path else f"./{path}", "cases": cases}


def _emit_tests(file: Path, document: dict[str, Any], told: list[Told], chosen: Settings) -> None:
    from perdure.testing.declared.writing import as_yaml

    made = _tests(file, file.parent, document, told)
    if not made["cases"]:
        complain("there is nothing to show", label=False)
        return
    emit("table" if chosen.output == "yaml" else chosen.output, {"tests": made}, as_yaml(made))


def _write_tests(target: Path, file: Path, document: dict[str, Any], told: list[Told], *, quiet: bool) -> None:
    from perdure.testing.declared.writing import as_yaml

    if not target.name.endswith(_SUFFIXES):
        raise InvalidInput(f"a file of tests is called NAME.test.yaml, not {target.name}")
    made = _tests(file, target.parent, document, told)
    if not made["cases"]:
        complain("there is nothing to show, so nothing was written", label=False)
        return
    try:
        with target.open("x", encoding="utf-8") as out:
            out.write(as_yaml(made))
    except FileExistsError:
        raise RunConflict(f"{target} exists already") from None
    if not quiet:
        complain(f"{len(made['cases'])} tests written to {target}", label=False)


# -- results


def _rows(told: list[Told]) -> list[dict[str, Any]]:
    return [
        {
            "code": one.diagnostic.code,
            "name": one.diagnostic.name,
            "severity": one.diagnostic.severity,
            "message": one.diagnostic.message,
            "file": one.diagnostic.place.file,
            "line": one.diagnostic.place.line,
            "column": one.diagnostic.place.column,
            "step": one.finding.step,
            "path": list(one.finding.way),
            "shown": one.shown,
            "obstacle": None if one.played is None or one.shown else one.played.obstacle,
            "test": one.case,
        }
        for one in told
    ]


def _document(exploration: Exploration, told: list[Told]) -> dict[str, Any]:
    return {
        "workflow": exploration.program.name,
        "blocks": exploration.blocks,
        "outcomes": exploration.outcomes,
        "paths": exploration.counted,
        "statuses": sorted(exploration.statuses),
        "errors": sorted(exploration.errors),
        "findings": _rows(told),
    }


def _proof(played: Played) -> str:
    if played.holds:
        return "shown by a run of it as a test"
    if played.obstacle is not None:
        return f"not shown by a test: no values were found that {played.obstacle}"
    return "a run of it as a test went another way: it may not be possible"


def _text(exploration: Exploration, told: list[Told]) -> str:
    parts = []
    for one in told:
        found = one.diagnostic
        word = "note" if found.severity == "info" else found.severity
        parts.append(f"{found.place}: {word} {found.code} {found.name}: {found.message}")
        if one.finding.way:
            parts.append(f"  path: {' → '.join(one.finding.way)}")
        if one.played is not None:
            parts.append(f"  {_proof(one.played)}")
    walked = (
        number_of(exploration.blocks, "step or block", "steps and blocks"),
        number_of(exploration.outcomes, "way to end", "ways to end"),
        f"{exploration.counted} path{'' if exploration.counted == '1' else 's'}",
    )
    notes = sum(one.diagnostic.severity == "info" for one in told)
    counted = ((len(told) - notes, "problem"), (notes, "note"))
    said = ", ".join(number_of(number, noun) for number, noun in counted if number) or "no problems"
    parts.append(f"{exploration.program.name}: {', '.join(walked)}: {said}")
    return showable("\n".join(parts) + "\n")
