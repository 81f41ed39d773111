"""A definition as a text, explored; and its findings played as tests by the declared runner."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

from perdure.definition import load
from perdure.exploration import Exploration, explore
from perdure.exploration.cases import write_tests
from perdure.testing.declared.generate import generate
from perdure.testing.declared.reading import read_suite
from perdure.testing.declared.running import run_case
from perdure.testing.declared.writing import as_yaml


def whole(steps: str) -> str:
    """A definition around steps; what begins with a key of the document stands as it is."""
    text = dedent(steps).strip()
    return f"workflow: w\nsteps:\n{text}\n" if text.startswith("- ") else f"workflow: w\n{text}\n"


def explored(steps: str, catalogue: dict[str, Any] | None = None) -> Exploration:
    return explore(load(whole(steps)).program, catalogue)


def codes(steps: str, catalogue: dict[str, Any] | None = None) -> list[str]:
    return [finding.code for finding in explored(steps, catalogue).findings]


def played(steps: str, folder: Path) -> list[tuple[str, bool, list[str]]]:
    """Each finding that can be shown, with whether its test holds, and what is wrong if not."""
    (folder / "w.yaml").write_text(whole(steps))
    exploration = explored(steps)
    document, attempts = write_tests(exploration, "./w.yaml", {}, generate)
    file = folder / "w.test.yaml"
    file.write_text(as_yaml(document))
    suite = read_suite(file)
    assert [str(diagnostic) for diagnostic in suite.diagnostics if diagnostic.severity == "error"] == []
    results = [run_case(suite, case) for case in suite.cases]
    assert len(results) == len(attempts)
    return [
        (attempt.finding.code, result.holds, [failure.what for failure in result.failures])
        for attempt, result in zip(attempts, results, strict=True)
    ]
