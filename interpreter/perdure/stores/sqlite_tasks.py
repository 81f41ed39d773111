"""Tasks, as functions over an open transaction: created by runs, taken and finished by workers.

The rules of `sqlite_writes` hold here too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from perdure.errors import Fenced
from perdure.stores.commits import Commit
from perdure.stores.rows import OPEN, TaskRow
from perdure.stores.sqlite_messages import post_to
from perdure.stores.sqlite_rows import SQL
from perdure.stores.sqlite_transaction import Transaction
from perdure.values import encode


def write_tasks(db: sqlite3.Connection, run: int, commit: Commit) -> None:
    """What a commit wants of others, and what no longer."""
    for frame in commit.tasks_cancelled:
        if db.execute(SQL["drop_free_task"], (run, frame)).rowcount:
            body = encode({"frame": frame, "cancelled": True})
            post_to(db, run, "task", f"~task/{frame}", commit.moment, body)
        else:
            db.execute(SQL["cancel_task"], (run, frame))
    if commit.tasks:
        standing = db.execute(SQL["standing_of_run"], (run,)).fetchone()
        if standing is not None and standing[1] in OPEN:
            tasks = [(run, task.frame, task.queue, task.priority, task.body) for task in commit.tasks]
            db.executemany(SQL["add_task"], tasks)


def end_tasks(db: sqlite3.Connection, run: int) -> None:
    """A run has ended: nobody needs its tasks."""
    db.execute(SQL["drop_free_tasks_of_run"], (run,))
    db.execute(SQL["cancel_tasks_of_run"], (run,))


def take_tasks(transaction: Transaction, worker: str, queues: Mapping[str, int]) -> list[TaskRow]:
    """Up to so many of each queue, `*` standing for all, the most urgent first."""
    if not transaction.has_worker(worker):
        raise Fenced
    rows: list[Any] = []
    for queue, limit in queues.items():
        if queue == "*":
            rows += transaction.db.execute(SQL["take_any_tasks"], (worker, max(limit, 0))).fetchall()
        else:
            rows += transaction.db.execute(SQL["take_tasks"], (worker, queue, max(limit, 0))).fetchall()
    return sorted(map(task_row, rows), key=lambda task: (-task.priority, task.key))


def finish_task(transaction: Transaction, worker: str, key: int, body: bytes, at: int) -> bool:
    """Delete a task and post what came of it; False where it is not the worker's."""
    finished = transaction.db.execute(SQL["finish_task"], (key, worker)).fetchone()
    if finished is None:
        return False
    run, frame = finished
    post_to(transaction.db, run, "task", f"~task/{frame}", at, body)
    return True


def lose_tasks(transaction: Transaction, worker: str, at: int) -> None:
    """A worker is gone: its tasks end, and their runs are told."""
    for _, run, frame in sorted(transaction.db.execute(SQL["lose_tasks"], (worker,)).fetchall()):
        body = encode({"frame": frame, "lost": True})
        post_to(transaction.db, run, "task", f"~task/{frame}", at, body)


def task_row(row: Sequence[Any]) -> TaskRow:
    task = TaskRow(*row)
    return replace(task, cancelled=bool(task.cancelled))
