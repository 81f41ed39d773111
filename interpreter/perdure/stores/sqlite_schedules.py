"""Schedules, as functions over an open transaction: what they come to, what they have fired.

The rules of `sqlite_writes` hold here too.
"""

from __future__ import annotations

import sqlite3

from perdure.stores.commits import Firing, StaleSchedule
from perdure.stores.sqlite_rows import SQL
from perdure.stores.sqlite_transaction import Transaction


def refuse_firing(db: sqlite3.Connection, firing: Firing) -> StaleSchedule | None:
    """Whether somebody else was faster."""
    decision = {
        "schedule": firing.schedule,
        "revision": firing.revision,
        "nominal": firing.nominal,
        "occurrence": firing.occurrence,
    }
    return None if db.execute(SQL["schedule_can_fire"], decision).fetchone() else StaleSchedule()


def write_firing(db: sqlite3.Connection, firing: Firing) -> None:
    """What a schedule becomes with the run that it starts."""
    db.execute(SQL["fire_schedule"], (firing.state, firing.next_at, firing.schedule))
    if firing.nominal is not None:
        db.execute(SQL["keep_firing"], (firing.schedule, firing.nominal))
    if firing.occurrence is not None:
        _settle_occurrence(db, firing.occurrence)


def put_schedule(
    transaction: Transaction,
    id: str,
    workflow: str,
    spec: bytes,
    state: bytes,
    next_at: int | None,
    event: str | None,
    expected: int | None,
) -> bool:
    """False where it has another revision than is expected."""
    db = transaction.db
    if expected is not None and db.execute(SQL["schedule_has_revision"], (id, expected)).fetchone() is None:
        return False
    db.execute(SQL["put_schedule"], (id, workflow, spec, state, next_at, event))
    return True


def change_schedule(
    transaction: Transaction,
    id: str,
    revision: int,
    state: bytes,
    next_at: int | None,
    event: str | None,
    fired: int | None,
) -> bool:
    """False where it has another revision."""
    db = transaction.db
    if db.execute(SQL["change_schedule"], (state, next_at, event, id, revision)).rowcount == 0:
        return False
    if fired is not None:
        db.execute(SQL["keep_firing"], (id, fired))
    return True


def delete_schedule(transaction: Transaction, id: str) -> bool:
    """With all that belongs to it; False where there is none."""
    db = transaction.db
    db.execute(SQL["remember_schedule"], (id,))
    for name in ("drop_firings", "drop_occurrences", "drop_occurred"):
        db.execute(SQL[name], (id,))
    return db.execute(SQL["delete_schedule"], (id,)).rowcount > 0


def drop_occurrence(transaction: Transaction, key: int) -> bool:
    """False where it is gone."""
    return _settle_occurrence(transaction.db, key)


def _settle_occurrence(db: sqlite3.Connection, key: int) -> bool:
    db.execute(SQL["remember_occurrence"], (key,))
    return db.execute(SQL["drop_occurrence"], (key,)).rowcount > 0
