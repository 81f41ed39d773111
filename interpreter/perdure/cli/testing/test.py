"""`perdure test`: the tests in YAML, their report, and what else was asked for: coverage, files, watching."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from perdure.cli.definitions import FOLDER
from perdure.cli.exits import FAILED, OK, NotFound, complain
from perdure.cli.lazy import Forked, Place
from perdure.cli.output import emit
from perdure.cli.settings import Settings, settings
from perdure.cli.showable import one_line, showable
from perdure.errors import InvalidInput

if TYPE_CHECKING:
    from perdure.testing.declared.session import Session

RECORD = Place("perdure.cli.testing.record:record", "Write a test from a real run.")


@click.command("test", cls=Forked, ways={"record": RECORD})
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("-k", "words", metavar="TEXT", multiple=True, help="Only cases with this in their name. Repeatable.")
@click.option("--coverage", is_flag=True, help="Show what of the definitions was not reached.")
@click.option(
    "--min-coverage",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Fail where less of a definition was reached.",
)
@click.option("--junit", type=click.Path(dir_okay=False), metavar="FILE", help="Write the results as JUnit's XML.")
@click.option("--cobertura", type=click.Path(dir_okay=False), metavar="FILE", help="Write coverage as Cobertura's XML.")
@click.option("--watch", is_flag=True, help="Run again whenever a file changes, until interrupted.")
def test(
    paths: tuple[str, ...],
    words: tuple[str, ...],
    coverage: bool,
    min_coverage: float | None,
    junit: str | None,
    cobertura: str | None,
    watch: bool,
) -> int:
    """Run the tests of definitions: files *.test.yaml, on a virtual clock, without a store.

    PATHS are files or directories; without any, definitions/ if it is there, else the current directory. `perdure
    test record RUN` writes a test from a real run.
    """
    chosen = settings()
    files = _files(paths)
    if watch:
        from perdure.cli.testing.watch import watching

        return watching(chosen)
    session = run_tests(files, chosen, words)
    if not session.results and not session.broken:
        raise InvalidInput(f"no case has {' or '.join(map(one_line, words))} in its name")
    show(session, chosen, coverage=coverage or min_coverage is not None)
    _write_files(session, junit, cobertura)
    under = [] if min_coverage is None else session.under(min_coverage)
    for found in under:
        complain(f"{found.program.name}: {found.percent:g}% were reached, less than {min_coverage:g}%")
    return OK if session.holds and not under else FAILED


def _files(paths: tuple[str, ...]) -> list[Path]:
    from perdure.testing.declared.session import test_files

    given = [Path(path) for path in paths] or [Path(FOLDER) if Path(FOLDER).is_dir() else Path()]
    for path in given:
        if not path.exists():
            raise NotFound(f"there is no file {one_line(path)}")
    files = test_files(given)
    if not files:
        raise InvalidInput(f"no tests found in {', '.join(str(path) for path in given)}; they are called *.test.yaml")
    return files


def run_tests(files: list[Path], chosen: Settings, words: tuple[str, ...]) -> Session:
    """All cases of the files, or those whose name has one of the words."""
    from perdure.activities.secrets import source_of
    from perdure.cli.activities.registry import loaded
    from perdure.cli.streams import results_only
    from perdure.testing.declared.session import run_session

    wanted = [word.lower() for word in words]
    with results_only():
        return run_session(
            files,
            loaded(chosen),
            secrets=source_of(chosen.secrets) if chosen.secrets else None,
            chosen=lambda suite, case: not wanted or any(word in case.name.lower() for word in wanted),
        )


def show(session: Session, chosen: Settings, *, coverage: bool) -> None:
    """What does not hold, and how many do."""
    from perdure.definition import render
    from perdure.testing.declared import report
    from perdure.testing.declared.session import lines_of

    parts: list[str] = []
    colour = chosen.colourful(sys.stdout)
    for suite in session.suites:
        if suite.diagnostics:
            parts.append(render.FORMATS["text"](suite.diagnostics, lines_of(suite), colour=colour))
        for result in session.results:
            if result.suite is suite and not result.holds:
                parts.append(_marked("fails", "31", colour) + showable(report.failed(result)))
            elif result.suite is suite and chosen.louder > 0:
                place = f"{suite.file}:{result.case.line}"
                parts.append(f"{_marked('holds', '32', colour)}{place}: {showable(result.case.name)}\n")
    if coverage:
        parts += [showable(report.coverage(found)) for found in session.coverage.values()]
    emit(chosen.output, _document(session), "".join(parts), rows=_document(session)["cases"])
    if not chosen.quiet:
        complain(report.summary(session), label=False)


def _marked(word: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{word}\x1b[0m " if colour else f"{word} "


def _document(session: Session) -> dict[str, Any]:
    """The session for other programs."""
    from perdure.testing.matching import ABSENT

    return {
        "holds": session.holds,
        "cases": [
            {
                "file": result.suite.file,
                "line": result.case.line,
                "name": result.case.name,
                "holds": result.holds,
                "failures": [
                    {
                        "place": str(failure.place),
                        "what": failure.what,
                        "reason": failure.reason,
                        **{
                            key: value
                            for key, value in (("expected", failure.expected), ("found", failure.found))
                            if value is not ABSENT
                        },
                    }
                    for failure in result.failures
                ],
                "path": [{"step": label, "status": status} for label, status in result.path],
            }
            for result in session.results
        ],
        "problems": [str(diagnostic) for suite in session.suites for diagnostic in suite.diagnostics],
        "coverage": [
            {
                "workflow": found.program.name,
                "percent": found.percent,
                "missing": [
                    {"file": point.position.file, "line": point.position.line, "about": point.about}
                    for point in found.missing()
                ],
            }
            for found in session.coverage.values()
        ],
    }


def _write_files(session: Session, junit: str | None, cobertura: str | None) -> None:
    from perdure.testing.declared import files

    if junit is not None:
        Path(junit).write_text(files.junit(session), encoding="utf-8")
    if cobertura is not None:
        text = files.cobertura(session.coverage.values(), Path.cwd().resolve())
        Path(cobertura).write_text(text, encoding="utf-8")
