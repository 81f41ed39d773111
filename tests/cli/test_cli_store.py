"""`perdure store`: how the file stands, and copies of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.fixture
def store(perdure, project: Path) -> Path:
    assert perdure("deploy", "definitions/book-trip.yaml", "--store", "runs.db").exit_code == 0
    return project / "runs.db"


def test_status_tells_the_schema_sizes_and_counts(perdure, store: Path):
    result = perdure("store", "status", "--store", "runs.db")
    assert result.exit_code == 0
    assert "integrity:   ok" in result.stdout
    assert "definitions: 1" in result.stdout
    told = json.loads(perdure("store", "status", "--store", "runs.db", "-o", "json").stdout)
    assert (told["format_version"], told["problems"], told["rows"]["definitions"]) == (1, [], 1)
    assert told["schema"] == told["newest_schema"]


def test_status_of_a_damaged_file_is_a_finding_that_says_what_to_do(perdure, store: Path):
    with store.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xa5" * 4096 * 3)
    result = perdure("store", "status", "--store", "runs.db")
    assert (result.exit_code, "integrity:   damaged" in result.stdout) == (1, True)
    assert "is damaged; restore a backup" in result.stderr


def test_a_backup_is_a_store(perdure, store: Path, project: Path):
    result = perdure("store", "backup", "copy.db", "--store", "runs.db")
    assert (result.exit_code, result.stdout.startswith("copy.db: ")) == (0, True)
    assert perdure("store", "status", "--store", "copy.db").exit_code == 0
    again = perdure("store", "backup", "copy.db", "--store", "runs.db")
    assert (again.exit_code, "is there already" in again.stderr) == (5, True)


@pytest.mark.parametrize("words", [("status",), ("backup", "copy.db")])
@pytest.mark.parametrize(
    ("url", "says"), [("memory://", "kept in memory"), ("none.db", "there is no store at"), ("x://y", "names no store")]
)
def test_what_is_no_file_is_refused(perdure, project: Path, words: tuple[str, ...], url: str, says: str):
    result = perdure("store", *words, "--store", url)
    assert (result.exit_code, says in result.stderr) == (5, True)
    assert not (project / "copy.db").exists()
