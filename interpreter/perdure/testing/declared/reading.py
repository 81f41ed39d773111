"""A file of tests becomes its definition and its cases; whatever is wrong becomes diagnostics, never an exception.

The walk: the definition's reader (text → tree with marks) → `matrix` filled in → the table in `language` → names and
results in `checks`. `running` takes the cases from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from perdure.definition import Definition, Diagnostic, inspect
from perdure.definition.diagnostics import Place, in_order
from perdure.definition.files import Fetch, content
from perdure.definition.load import Catalogue
from perdure.definition.reader import LARGEST, read
from perdure.definition.shape import check_document
from perdure.definition.source import Source
from perdure.definition.suppression import suppress
from perdure.testing.declared.checks import check_names
from perdure.testing.declared.language import SHAPES, TESTS
from perdure.testing.declared.matrix import Expansion, expand
from perdure.testing.harness import STARTED_AT
from perdure.values import JSON, parse_time

SUFFIXES: Final = (".test.yaml", ".test.yml", ".test.json")


@dataclass(frozen=True, slots=True)
class Case:
    """One case with one set of its parameters filled in; `index` is its place in the file."""

    source: Source
    index: int
    name: str
    written: Mapping[str, JSON]
    parameters: Mapping[str, JSON] = field(default_factory=dict)

    def place(self, *path: str | int) -> Place:
        """Where something of the case is written."""
        return self.source.place(("cases", self.index, *path))

    @property
    def line(self) -> int:
        return self.source.key_place(("cases", self.index, "name")).line


@dataclass(frozen=True, slots=True)
class Suite:
    """A file of tests. `definition` is None and there are no cases where `diagnostics` has errors."""

    file: str
    source: Source
    diagnostics: list[Diagnostic]
    definition: Definition | None = None
    cases: tuple[Case, ...] = ()
    start: int = STARTED_AT
    zone: tzinfo = UTC
    unmocked: str = "error"
    mocks: tuple[JSON, ...] = ()
    catalogue: Catalogue = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)


def is_tests(path: Path) -> bool:
    """Whether a file looks like tests of a definition: by its name, and by what it holds."""
    if not path.name.endswith(SUFFIXES):
        return False
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST).decode("utf-8", "replace")
    except OSError:
        return False
    lines = text.removeprefix("\ufeff").splitlines()
    return text.lstrip().startswith("{") or any(line.startswith("test:") for line in lines)


def read_suite(path: Path, catalogue: Catalogue | None = None, fetch: Fetch = content) -> Suite:
    """All that can be said about a file of tests. Raises OSError where it cannot be read; `fetch` gets files from
    elsewhere than the disk."""
    source = read(fetch(path), file=str(path))
    found = list(source.diagnostics)
    if source.value is None:
        return Suite(str(path), source, found)
    expansion = expand(source)
    found += expansion.diagnostics
    for filled in expansion.rounds:
        found += check_document(filled, TESTS, SHAPES)
    if _errors(found):
        return Suite(str(path), source, in_order(found))
    sources = {str(path): source}
    definition = _definition(path, source, catalogue, fetch, found, sources)
    if definition is not None:
        for filled in expansion.rounds:
            found += check_names(filled, definition.program, catalogue)
    found = suppress(source, found)
    if definition is None or _errors(found):
        return Suite(str(path), source, found, sources=sources)
    return _suite(path, source, expansion, definition, catalogue or {}, diagnostics=found, sources=sources)


def _suite(
    path: Path,
    source: Source,
    expansion: Expansion,
    definition: Definition,
    catalogue: Catalogue,
    *,
    diagnostics: list[Diagnostic],
    sources: Mapping[str, Source],
) -> Suite:
    written = source.value
    clock = written.get("clock") or {}
    zone = ZoneInfo(clock["timezone"]) if "timezone" in clock else UTC
    cases = tuple(
        Case(replace(source, value=row.document), row.index, row.name, row.written, row.parameters)
        for row in expansion.rows
    )
    return Suite(
        str(path),
        source,
        diagnostics,
        definition,
        cases,
        parse_time(clock["start"], zone) if "start" in clock else STARTED_AT,
        zone,
        (written.get("activities") or {}).get("unmocked", "error"),
        tuple(written.get("mocks") or ()),
        catalogue,
        sources,
    )


def _definition(
    path: Path,
    source: Source,
    catalogue: Catalogue | None,
    fetch: Fetch,
    found: list[Diagnostic],
    sources: dict[str, Source],
) -> Definition | None:
    """The definition that the tests are about, with what is wrong with it."""
    named = source.value["test"]
    try:
        inspection = inspect(path.parent / named, catalogue=catalogue, fetch=fetch)
    except OSError as problem:
        message = f"the definition cannot be read: {problem.strerror or problem}"
        found.append(source.report("WF232", message, ("test",), "the path is relative to this file"))
        return None
    sources.update(inspection.sources)
    if inspection.definition is None:
        found.append(source.report("WF232", "the definition has errors", ("test",)))
        found += [diagnostic for diagnostic in inspection.diagnostics if diagnostic.severity == "error"]
    return inspection.definition


def _errors(found: list[Diagnostic]) -> bool:
    return any(diagnostic.severity == "error" for diagnostic in found)
