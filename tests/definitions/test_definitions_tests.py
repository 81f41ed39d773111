"""Every shipped definition has tests, they hold, and they reach all of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from shipped import DEFINITIONS, FOLDER

from perdure.activities import Registry
from perdure.testing.declared import report
from perdure.testing.declared.session import run_session


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.stem)
def test_a_shipped_definition_is_reached_by_tests_that_hold(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER.parent))
    registry = Registry.load(["definitions.activities"])

    session = run_session([path.with_suffix(".test.yaml")], registry)

    assert [str(found) for suite in session.suites for found in suite.diagnostics] == []
    assert [report.failed(result) for result in session.failed] == []
    assert [report.coverage(found) for found in session.under(100)] == []
