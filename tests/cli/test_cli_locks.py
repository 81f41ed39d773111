"""`perdure runs locks`: who holds what, and who waits."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_project import document, followed

LOCKED = """
workflow: locked
concurrency: {key: ann, limit: 2}
steps:
  - id: held
    lock: {key: account 7}
    steps: [{id: wait, wait: {signal: go, timeout: 7d}}]
"""


@pytest.fixture
def locked(project: Path, perdure) -> None:
    """Three runs: `a` has the lock, `b` waits for it, `c` waits to begin."""
    (project / "definitions" / "locked.yaml").write_text(LOCKED.lstrip())
    for run in ("a", "b", "c"):
        followed(perdure, "run", "locked", "--id", run)


def test_locks_are_listed_with_who_holds_them_and_who_waits(perdure, locked) -> None:
    assert perdure("runs", "locks").stdout.splitlines() == [
        "KEY                     LIMIT  RUN  WORKFLOW  STATUS",
        "concurrency:locked:ann  2      a    locked    holds",
        "concurrency:locked:ann  2      b    locked    holds",
        "concurrency:locked:ann  2      c    locked    waits",
        "lock:account 7          1      a    locked    holds",
        "lock:account 7          1      b    locked    waits",
    ]
    found = document(perdure("runs", "locks", "--limit", "1", "-o", "json"))["locks"]
    assert found == [{"key": "concurrency:locked:ann", "run": "a", "workflow": "locked", "held": True, "limit": 2}]
    perdure("runs", "terminate", "a")
    assert perdure("run", "locked", "--id", "a").exit_code == 1
    left = [(lock["run"], lock["held"]) for lock in document(perdure("runs", "locks", "-o", "json"))["locks"]]
    assert left == [("b", True), ("c", True), ("b", True)]


def test_where_nothing_is_locked_there_are_no_locks(perdure) -> None:
    assert perdure("runs", "locks").stdout == "no locks\n"
    assert document(perdure("runs", "locks", "-o", "json"))["locks"] == []
