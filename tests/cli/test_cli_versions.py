"""`runs retry|fork|migrate|export|import` and `replay`: what they do, print, and answer with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_project import TRIP, document, followed


@pytest.fixture
def trip(perdure) -> str:
    """A run that failed, and undid what it had booked."""
    assert perdure("run", "book-trip", *TRIP, "-i", "card=4000", "--id", "trip").exit_code == 1
    return "trip"


@pytest.fixture
def waiting(perdure) -> str:
    """A run that waits for a signal."""
    followed(perdure, "run", "approval", "--id", "a")
    return "a"


def test_a_retry_is_refused_with_what_was_undone(perdure, trip):
    result = perdure("runs", "retry", "trip")
    assert result.exit_code == 7
    assert "steps of the run trip were undone since it failed: hotel, flight; fork it at a step" in result.stderr
    assert perdure("runs", "retry", "none").exit_code == 3


def test_a_cancelled_run_goes_on_after_a_retry(perdure, waiting):
    perdure("runs", "cancel", "a")
    assert perdure("run", "approval", "--id", "a").exit_code == 1
    result = perdure("runs", "retry", "a")
    assert (result.exit_code, result.stderr) == (0, "a goes on with the next worker\n")
    perdure("runs", "signal", "a", "approve", "by=ana")
    assert document(perdure("run", "approval", "--id", "a", "-o", "json"))["output"] == {"by": "ana"}


def test_a_fork_prints_its_id_and_goes_on(perdure, waiting):
    result = perdure("runs", "fork", "a", "--from-step", "before", "--id", "f")
    assert (result.exit_code, result.stdout) == (0, "f\n")
    perdure("runs", "signal", "f", "approve", "by=bo")
    assert document(perdure("run", "approval", "--id", "f", "-o", "json"))["output"] == {"by": "bo"}
    assert document(perdure("runs", "show", "a", "-o", "json"))["status"] == "running"
    again = perdure("runs", "fork", "a", "--from-step", "before", "--id", "f")
    assert again.exit_code == 7
    assert "a run with the id f exists already" in again.stderr
    assert perdure("runs", "fork", "a").exit_code == 2


def test_a_fork_moves_to_another_definition(perdure, project: Path, waiting):
    better = (project / "definitions" / "approval.yaml").read_text().replace("steps.approval.by", "steps.approval.who")
    (project / "better.yaml").write_text(better)
    assert (
        perdure("runs", "fork", "a", "--from-step", "before", "--id", "f", "--definition", "better.yaml").exit_code == 0
    )
    perdure("runs", "signal", "f", "approve", "who=eve")
    assert document(perdure("run", "better.yaml", "--id", "f", "-o", "json"))["output"] == {"by": "eve"}


def test_progress_follows_a_run_over_its_migration_and_its_retry(perdure, project: Path, waiting):
    text = (project / "definitions" / "approval.yaml").read_text()
    (project / "better.yaml").write_text(text + 'version: "2"\n')
    perdure("runs", "fork", "a", "--from-step", "before", "--id", "f", "--definition", "better.yaml")
    perdure("runs", "signal", "f", "approve", "by=eve")
    told = perdure("run", "better.yaml", "--id", "f").stderr
    assert "migrated" in told
    assert "to version 2" in told
    assert "going on from here" in told


def test_a_migration_lists_what_is_in_the_way(perdure, project: Path, waiting):
    text = (project / "definitions" / "approval.yaml").read_text()
    (project / "renamed.yaml").write_text(
        text.replace("approval\n    wait", "consent\n    wait").replace("steps.approval", "steps.consent")
    )
    result = perdure("runs", "migrate", "a", "renamed.yaml")
    assert result.exit_code == 7
    assert (
        "approval has begun, and there is no such wait in the new definition; was it renamed to consent?"
        in result.stderr
    )
    assert "(old approval.yaml:8:5, new renamed.yaml:8:5)" in result.stderr
    assert perdure("runs", "migrate", "a", "nowhere.yaml").exit_code == 3


def test_a_migration_waits_for_a_process_that_moves_the_run(perdure, project: Path, waiting):
    text = (project / "definitions" / "approval.yaml").read_text()
    (project / "definitions" / "approval.yaml").write_text(text.replace("timeout: 7d", "timeout: 9d"))
    result = perdure("runs", "migrate", "a", "approval", "--timeout", "100ms")
    assert (result.exit_code, "waits for a process that moves the run" in result.stderr) == (6, True)


def test_a_run_is_exported_and_imported_elsewhere(perdure, project: Path, waiting):
    exported = perdure("runs", "export", "a")
    assert exported.exit_code == 0
    assert perdure("runs", "export", "a", "--to", "a.jsonl").stdout == ""
    assert (project / "a.jsonl").read_text() == exported.stdout
    conflict = perdure("runs", "import", "a.jsonl")
    assert (conflict.exit_code, "exists already" in conflict.stderr) == (7, True)
    other = ("--store", "other.db")
    assert perdure("runs", "import", "-", *other, input=exported.stdout).stdout == "a\n"
    perdure("runs", "signal", "a", "approve", "by=ana", *other)
    assert document(perdure("run", "approval", "--id", "a", "-o", "json", *other))["output"] == {"by": "ana"}
    (project / "bad.jsonl").write_text(exported.stdout.replace("begun", "begin"))
    refused = perdure("runs", "import", "bad.jsonl", "--store", "third.db")
    assert (refused.exit_code, "error: line " in refused.stderr) == (2, True)
    assert perdure("runs", "import", "none.jsonl").exit_code == 3


def test_replay_judges_runs_and_files(perdure, project: Path, waiting, trip):
    perdure("runs", "export", "a", "--to", "a.jsonl")
    told = document(perdure("replay", "a", "trip", "a.jsonl", "-o", "json"))["runs"]
    assert sorted((one["run"], one["verdict"]) for one in told) == [("a", "valid"), ("a", "valid"), ("trip", "valid")]
    text = (project / "definitions" / "approval.yaml").read_text()
    (project / "new.yaml").write_text(text.replace("  - id: approval", "  - {id: more, wait: 1h}\n  - id: approval"))
    result = perdure("replay", "--all-open", "--definition", "new.yaml", "-o", "json")
    assert result.exit_code == 1
    [verdict] = json.loads(result.stdout)["runs"]
    assert (verdict["verdict"], verdict["seq"]) == ("differs", 2)
    assert verdict["new"] == "new.yaml:8:5"
    assert (
        "approval (wait) was open, now more (wait) was open"
        in perdure("replay", "a", "--definition", "new.yaml").stdout
    )
    assert perdure("replay").exit_code == 2
    assert perdure("replay", "nobody").exit_code == 3
