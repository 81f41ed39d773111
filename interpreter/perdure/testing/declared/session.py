"""Many files of tests at once: found below paths, run in order, their coverage added up by definition.

Says to `heard` what comes, as it comes; how that is shown is the business of the reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from perdure.testing.declared.coverage import Coverage
from perdure.testing.declared.reading import SUFFIXES, Case, Suite, is_tests, read_suite
from perdure.testing.declared.running import Result, run_case

if TYPE_CHECKING:
    from perdure.activities import Registry
    from perdure.activities.secrets import Source
    from perdure.definition.load import Catalogue

SKIPPED: Final = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})
"""Directories that hold what others wrote."""


@dataclass(slots=True)
class Session:
    """What came of all files; `coverage` by the definition's name and digest."""

    suites: list[Suite] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    coverage: dict[tuple[str, str], Coverage] = field(default_factory=dict)

    @property
    def broken(self) -> list[Suite]:
        """The files that could not be used: they, or what they test, have errors."""
        return [suite for suite in self.suites if suite.definition is None or not suite.cases]

    @property
    def failed(self) -> list[Result]:
        return [result for result in self.results if not result.holds]

    @property
    def holds(self) -> bool:
        return not self.broken and not self.failed

    def under(self, least: float) -> list[Coverage]:
        """The definitions of which less than this many percent were reached."""
        return [found for found in self.coverage.values() if found.percent < least]


def test_files(paths: Sequence[Path]) -> list[Path]:
    """The files of tests that are named or stand below the directories named, each once, in order."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found.update(dict.fromkeys(_below(path)))
        else:
            found[path] = None
    return list(found)


def run_session(
    files: Sequence[Path],
    registry: Registry,
    *,
    secrets: Source | None = None,
    chosen: Callable[[Suite, Case], bool] = lambda suite, case: True,
    heard: Callable[[Suite | Result], None] = lambda what: None,
) -> Session:
    """Run the chosen cases of all files. Raises OSError where a file cannot be read."""
    session = Session()
    catalogue = usable(registry.catalogue())
    for file in files:
        suite = read_suite(file, catalogue)
        session.suites.append(suite)
        heard(suite)
        for case in suite.cases:
            if chosen(suite, case):
                result = run_case(suite, case, registry, secrets)
                session.results.append(result)
                _cover(session, result)
                heard(result)
    return session


def usable(catalogue: Catalogue) -> Catalogue | None:
    """The catalogue, or None where it has nothing but what comes with Perdure: a test needs no activities."""
    from perdure.definition.checks.activities import BUILT_IN

    return catalogue if catalogue.keys() - BUILT_IN else None


def _cover(session: Session, result: Result) -> None:
    definition = result.suite.definition
    assert definition is not None
    key = (definition.name, definition.digest)
    if key not in session.coverage:
        session.coverage[key] = Coverage.of(definition.program)
    session.coverage[key].reached.update(result.reached)


def _below(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.name in SKIPPED:
            continue
        if entry.is_dir():
            if not entry.is_symlink():
                yield from _below(entry)
        elif entry.name.endswith(SUFFIXES) and is_tests(entry):
            yield entry


Lines = Mapping[str, Sequence[str]]
"""The lines of files by name, for excerpts of diagnostics."""


def lines_of(suite: Suite) -> Lines:
    """The lines of the tests, and of the definition they are about."""
    return {name: source.lines for name, source in suite.sources.items()} | {suite.file: suite.source.lines}
