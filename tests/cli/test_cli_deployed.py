"""Definitions by the names they were deployed under, and what is said of runs that are there or are to come."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_project import document, followed

CHANGED = "timeout: 9d"


@pytest.fixture
def gone(project: Path, perdure) -> Path:
    """`approval` was deployed, and its file is gone."""
    assert perdure("deploy", "approval").exit_code == 0
    file = project / "definitions" / "approval.yaml"
    text = file.read_text()
    file.unlink()
    (project / "kept.txt").write_text(text)
    return project / "kept.txt"


def test_a_run_is_started_by_the_name_its_definition_was_deployed_under(perdure, gone) -> None:
    waiting = followed(perdure, "run", "approval", "--id", "a")
    assert "perdure run approval --id a" in waiting.stderr
    perdure("runs", "signal", "a", "approve", "by=ana")
    assert document(perdure("run", "approval", "--id", "a", "-o", "json"))["output"] == {"by": "ana"}


def test_the_file_of_a_name_comes_before_what_was_deployed_under_it(project: Path, perdure, gone: Path) -> None:
    (project / "definitions" / "approval.yaml").write_text(gone.read_text().replace("steps.approval.by", "7"))
    followed(perdure, "run", "approval", "--id", "a")
    perdure("runs", "signal", "a", "approve")
    assert document(perdure("run", "approval", "--id", "a", "-o", "json"))["output"] == {"by": 7}


def test_a_run_is_migrated_and_replayed_by_a_deployed_name(project: Path, perdure, gone: Path) -> None:
    (project / "old.yaml").write_text(gone.read_text().replace("timeout: 7d", CHANGED))
    followed(perdure, "run", "old.yaml", "--id", "a")
    (project / "again.yaml").write_text(gone.read_text())
    assert perdure("deploy", "again.yaml").exit_code == 0
    assert perdure("replay", "a", "--definition", "approval").exit_code == 0
    assert perdure("runs", "fork", "a", "--from-step", "before", "--definition", "approval").exit_code == 0
    assert perdure("runs", "migrate", "a", "approval", "--timeout", "100ms").exit_code == 6


def test_a_name_that_is_nowhere_is_not_found(perdure, gone) -> None:
    result = perdure("run", "aproval")
    assert result.exit_code == 3
    assert "no workflow in definitions/ is called aproval (nor is one deployed under this name)" in result.stderr
    assert perdure("run", "aproval", "--store", "none.db").exit_code == 3


def test_attaching_to_a_run_that_has_ended_is_not_called_a_start(perdure) -> None:
    followed(perdure, "run", "approval", "--id", "a")
    perdure("runs", "signal", "a", "approve", "by=ana")
    perdure("run", "approval", "--id", "a")
    result = perdure("run", "approval", "--id", "a", "--detach")
    assert (result.exit_code, result.stdout) == (0, "a\n")
    assert result.stderr == "the run a is there already, and has ended\nsee it with: perdure runs show a\n"


def test_whoever_follows_a_run_that_is_to_begin_later_is_told_when(perdure) -> None:
    started = perdure("run", "approval", "--id", "a", "--at", "2099-01-01T00:00:00Z", "--detach")
    assert "it begins at 2099-01-01T00:00:00Z" in started.stderr
    watched = perdure("runs", "watch", "a", "--timeout", "100ms")
    assert watched.exit_code == 6
    assert "it begins at 2099-01-01T00:00:00Z" in watched.stderr
