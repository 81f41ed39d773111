"""How little the store writes on SQLite where little has to be written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from perdure.stores import Closing, Commit
from perdure.stores.sqlite_file import open_file
from perdure.stores.sqlite_transaction import Transaction
from perdure.stores.sqlite_writes import keep_definition, write_commit
from perdure.testing.store_makers import events, new_run

Verbs = Callable[[Callable[[Transaction], Any]], list[str]]


@pytest.fixture
def verbs(tmp_path: Path) -> Iterator[Verbs]:
    """The beginnings of the statements that a write needs."""
    db = open_file(tmp_path / "runs.db", "normal")

    def traced(write: Callable[[Transaction], Any]) -> list[str]:
        seen: list[str] = []
        db.set_trace_callback(seen.append)
        transaction = Transaction(db)
        write(transaction)
        transaction.flush()
        db.set_trace_callback(None)
        return [" ".join(text.split()[:3]) for text in seen]

    yield traced
    db.close()


def test_a_finished_step_is_one_insert(verbs: Verbs) -> None:
    verbs(lambda transaction: write_commit(transaction, Commit(run=new_run())))
    assert verbs(lambda transaction: write_commit(transaction, Commit(run=1, events=events(1)))) == [
        "INSERT INTO journal"
    ]
    assert verbs(lambda transaction: write_commit(transaction, Commit(run=1, events=events(2, 3)))) == [
        "INSERT INTO journal",
        "INSERT INTO journal",
    ]


def test_the_steps_of_many_runs_are_few_inserts(verbs: Verbs) -> None:
    commits = [Commit(run=1, events=events(1, 2, 3)), *(Commit(run=key, events=events(1)) for key in range(2, 99))]
    assert verbs(lambda transaction: [write_commit(transaction, commit) for commit in commits]) == (
        ["INSERT INTO journal"] * 4  # 64, 16, 16 and 4 rows
    )


def test_runs_that_end_together_look_once_for_slots_and_tasks(verbs: Verbs) -> None:
    verbs(lambda transaction: [write_commit(transaction, Commit(run=new_run(f"r{n}"))) for n in range(3)])
    end = Closing("completed", 1, b"1")
    assert verbs(
        lambda transaction: [write_commit(transaction, Commit(run=key, closing=end)) for key in (1, 2, 3)]
    ) == [
        "UPDATE runs SET",
        "SELECT EXISTS (SELECT",
        *["UPDATE runs SET"] * 2,
        "DELETE FROM snapshots",
        "DELETE FROM asks",
        "DELETE FROM heartbeats",
        "DELETE FROM subscriptions",
        "DELETE FROM inbox",
        "UPDATE updates INDEXED",
    ]


def test_a_definition_that_is_the_newest_already_changes_no_row(tmp_path: Path) -> None:
    db = open_file(tmp_path / "runs.db", "normal")
    keep_definition(Transaction(db), "d1", "order", None, b"bundle", 1)
    before = db.total_changes
    keep_definition(Transaction(db), "d1", "order", None, b"bundle", 2)
    assert db.total_changes == before
    db.close()
