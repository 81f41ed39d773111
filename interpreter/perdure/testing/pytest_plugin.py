"""pytest collects files of tests: `pytest definitions/` runs every case of every `*.test.yaml` below.

Installed with Perdure (entry point `pytest11`), and idle in a project that has no such files: what it needs is
imported when the first is found. Uses pytest's public API only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from perdure.activities import Registry
    from perdure.testing.declared import Case, Suite

_SUFFIXES = (".test.yaml", ".test.yml", ".test.json")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A file of tests, known by its name and by what it holds."""
    if not file_path.name.endswith(_SUFFIXES):
        return None
    from perdure.testing.declared import is_tests

    return TestsFile.from_parent(parent, path=file_path) if is_tests(file_path) else None


class TestsFile(pytest.File):
    """One file; collecting it reads it and its definition."""

    __test__ = False

    def collect(self) -> Iterator[pytest.Item]:
        from perdure.testing.declared import read_suite
        from perdure.testing.declared.session import usable

        registry = self.config.stash.setdefault(_registries, {})
        activities = _activities(self.path, registry)
        suite = read_suite(_shown(self.path), usable(activities.catalogue()))
        if suite.definition is None:
            raise pytest.Collector.CollectError("\n".join(map(str, suite.diagnostics)))
        for case in suite.cases:
            yield CaseItem.from_parent(self, name=case.name, suite=suite, case=case, registry=activities)


class CaseItem(pytest.Item):
    """One case, with one set of its parameters."""

    def __init__(self, *, suite: Suite, case: Case, registry: Registry, **more: Any) -> None:
        super().__init__(**more)
        self.suite = suite
        self.case = case
        self.registry = registry

    def runtest(self) -> None:
        from perdure.testing.declared import run_case
        from perdure.testing.declared.report import failed

        result = run_case(self.suite, self.case, self.registry)
        if not result.holds:
            raise CaseFailed(failed(result))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, CaseFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, self.case.line - 1, self.name


class CaseFailed(Exception):
    """A case does not hold; the text is the report."""


_registries = pytest.StashKey[dict[Path, Any]]()


def _activities(file: Path, loaded: dict[Path, Any]) -> Registry:
    """The activities of the project that a file belongs to, loaded once."""
    from perdure.activities import Registry
    from perdure.activities.configuration import configured_activities

    root, named = configured_activities(file)
    if root not in loaded:
        for place in (str(root), str(Path.cwd())):
            if place not in sys.path:
                sys.path.insert(0, place)
        anchored = [str(root / name) if name.endswith(".py") or "/" in name else name for name in named]
        loaded[root] = Registry.load(anchored)
    registry: Registry = loaded[root]
    return registry


def _shown(path: Path) -> Path:
    """A path as people would type it from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
