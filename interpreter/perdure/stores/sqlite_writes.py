"""What can be written, as functions over one open transaction: a commit, a definition, the deletion of a run.

Rules of this file
1. A function that answers with a StoreError, or raises one, has written nothing yet: it looks first.
2. Any other exception spoils what was written since the last savepoint; the writer undoes it.
3. Nothing here begins or ends a transaction (that is `sqlite_writer`), and nothing here waits.
Letters, events and updates stand in `sqlite_messages`; slots, tasks, schedules and ownership in their own files.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Final

from perdure.errors import Fenced, StoreError
from perdure.stores.commits import Commit, NewRun, ParentEnded, RunExists, SequenceTaken, SlotTaken, Steps
from perdure.stores.rows import OPEN
from perdure.stores.slots import (
    hand_on_slots,
    holders_against,
    leave_slots,
    release_slots,
    take_slots,
)
from perdure.stores.sqlite_messages import post, read_letters, write_messages
from perdure.stores.sqlite_rows import SQL, find
from perdure.stores.sqlite_schedules import refuse_firing, write_firing
from perdure.stores.sqlite_slots import SQLiteSlots
from perdure.stores.sqlite_tasks import end_tasks, write_tasks
from perdure.stores.sqlite_transaction import Transaction
from perdure.values import encode

_CLOSE_RUN: Final = SQL["close_run"]
_ROWS_OF_A_RUN: Final = (
    "delete_journal", "delete_inbox", "delete_received", "delete_updates", "delete_labels", "delete_tasks",
    "delete_snapshot", "delete_asks", "delete_heartbeats", "delete_subscriptions", "delete_run",
    "remember_deleted_run",
)  # fmt: skip


def write_commit(transaction: Transaction, commit: Commit) -> int | StoreError:
    """One `Commit`; the run's key, or why it is refused."""
    if commit.worker is not None and not transaction.has_worker(commit.worker):
        return Fenced()
    run = commit.run
    if type(commit) is Steps and isinstance(run, int):
        transaction.append(run, commit.events)
        return run
    if commit.is_for_owner and isinstance(run, int) and _owner(transaction, run) != commit.worker:
        return SequenceTaken()
    if commit.successor is not None and (refusal := _refuse_successor(transaction, commit, commit.successor)):
        return refusal
    if isinstance(run, NewRun):
        if refused := _refuse_new(transaction, commit, run):
            return refused
        created = _create(transaction, run)
        if isinstance(created, StoreError):
            return created
        run = created
    transaction.append(run, commit.events)
    transaction.settle(run)
    _write_rows(transaction.db, run, commit)
    if commit.takes or commit.leaves or commit.tasks or commit.tasks_cancelled:
        _write_waits(transaction, run, commit)
    if commit.status is not None or commit.release or commit.recoveries is not None or commit.closing is not None:
        _write_run(transaction, run, commit)
    for letter in commit.letters:
        post(transaction.db, letter)
    return run


def _owner(transaction: Transaction, run: int) -> str | None:
    row = transaction.db.execute(SQL["owner_of_run"], (run,)).fetchone()
    return row and row[0]  # type: ignore[no-any-return]


def _refuse_successor(transaction: Transaction, commit: Commit, successor: NewRun) -> StoreError | None:
    if isinstance(commit.run, NewRun):
        followed: str | None = commit.run.id
    else:
        place = transaction.db.execute(SQL["place_of_run"], (commit.run,)).fetchone()
        followed = place and place[0]
    if commit.closing is None or followed != successor.id:
        return StoreError(f"{successor.id} can only follow a run of the same id that ends with the same commit")
    if successor.owner is not None and not transaction.has_worker(successor.owner):
        return Fenced()
    return None


def _refuse_new(transaction: Transaction, commit: Commit, new: NewRun) -> StoreError | None:
    """What only some new runs have to be asked."""
    if new.owner is not None and not transaction.has_worker(new.owner):
        return Fenced()  # a run of a worker without a row would never be set free
    if commit.firing is not None and (refusal := refuse_firing(transaction.db, commit.firing)):
        return refusal
    rejects = any(take.conflict == "reject" for take in commit.takes)
    if new.replaces is not None or new.attached or rejects:
        row = find(transaction.db, new.id)
        if row is not None and (row.key != new.replaces or row.status in OPEN):
            return RunExists(row)
    if new.attached and new.parent is not None:
        parent = find(transaction.db, new.parent)
        if parent is None or parent.status not in OPEN:
            return ParentEnded()
    if rejects and (taken := holders_against(SQLiteSlots(transaction.db), commit.takes)):
        return SlotTaken(*taken)
    return None


def _create(transaction: Transaction, new: NewRun) -> int | StoreError:
    db = transaction.db
    ordinal = 1 if new.replaces is None else _make_way(db, new)
    labels = encode(dict(new.labels))
    cursor = db.execute(
        SQL["create_run"],
        (
            new.id,
            new.workflow,
            new.version,
            new.digest,
            new.status,
            new.created_at,
            labels,
            new.wake_at,
            new.owner,
            new.parent,
        ),
    )
    if cursor.rowcount == 0:
        row = find(db, new.id)
        return RunExists(row) if row else StoreError(f"the run {new.id} could not be created")
    assert cursor.lastrowid is not None
    if new.labels:
        labelled = [(name, value, cursor.lastrowid) for name, value in new.labels.items()]
        db.executemany(SQL["keep_label"], labelled)
    if ordinal > 1:
        db.execute(SQL["set_ordinal"], (ordinal, cursor.lastrowid))
    return cursor.lastrowid


def _make_way(db: sqlite3.Connection, new: NewRun) -> int:
    """Rename the ended run whose id a new one gets; which of the runs under the id the new one is."""
    place = db.execute(SQL["place_of_run"], (new.replaces,)).fetchone()
    if place is None or place[0] != new.id:
        return 1  # it is gone, and its id is free
    ordinal: int = place[1]
    while db.execute(SQL["id_is_taken"], (f"{new.id}~{ordinal}",)).fetchone():
        ordinal += 1
    db.execute(SQL["rename_run"], (f"{new.id}~{ordinal}", new.replaces))
    if new.apart:
        db.execute(SQL["rename_updates"], (f"{new.id}~{ordinal}", new.id))
    return ordinal + 1


def _write_rows(db: sqlite3.Connection, run: int, commit: Commit) -> None:
    """Rows beside the journal. What is opened and closed by the same commit ends up closed."""
    read_letters(db, run, commit)
    if commit.asks_opened:
        asks = [(run, ask.frame, ask.address, ask.opened_at, ask.due, ask.body) for ask in commit.asks_opened]
        db.executemany(SQL["open_ask"], asks)
    if commit.asks_closed:
        db.executemany(SQL["close_ask"], [(run, frame) for frame in commit.asks_closed])
    if commit.heartbeats:
        beats = [(run, frame, details) for frame, details in commit.heartbeats.items()]
        db.executemany(SQL["keep_heartbeat"], beats)
    if commit.heartbeats_dropped:
        db.executemany(SQL["drop_heartbeat"], [(run, frame) for frame in commit.heartbeats_dropped])
    if commit.snapshot is not None:
        db.execute(SQL["keep_snapshot"], (run, *commit.snapshot))
    if commit.moved is not None:
        db.execute(SQL["move_run"], (*commit.moved, run))
    if commit.cached:
        kept = [(key, value, expires_at) for key, (value, expires_at) in commit.cached.items()]
        db.executemany(SQL["keep_cached"], kept)
    if commit.firing is not None:
        write_firing(db, commit.firing)
    write_messages(db, run, commit)


def _write_waits(transaction: Transaction, run: int, commit: Commit) -> None:
    """What a run waits for that others give or take: slots and tasks."""
    slots = SQLiteSlots(transaction.db)
    leave_slots(slots, run, commit.leaves, commit.moment)
    take_slots(slots, run, commit.takes, commit.moment)
    write_tasks(transaction.db, run, commit)
    transaction.slots_or_tasks_changed()


def _write_run(transaction: Transaction, run: int, commit: Commit) -> None:
    db = transaction.db
    if commit.status is not None:
        db.execute(SQL["set_status"], (commit.status, commit.note, run))
    if commit.recoveries is not None:
        db.execute(SQL["set_recoveries"], (commit.recoveries, run))
    if commit.release:
        db.execute(SQL["release_run"], {"wake_at": commit.wake_at, "run": run})
    if commit.closing is not None:
        closing = commit.closing
        db.execute(_CLOSE_RUN, (closing.status, closing.at, closing.outcome, run))
        successor = None if commit.successor is None else _succeed(transaction, run, commit, commit.successor)
        _give_back(transaction, run, commit, successor)
        transaction.ended(run, commit.ended)


def _succeed(transaction: Transaction, run: int, commit: Commit, new: NewRun) -> int:
    """Rename the run that has ended, create its successor, and hand on what waits."""
    db = transaction.db
    successor = _create(transaction, replace(new, replaces=run))
    assert isinstance(successor, int), successor  # its id is free and its owner known: `_refuse_successor` looked
    transaction.append(successor, commit.successor_events)
    db.execute(SQL["set_origin"], {"successor": successor, "run": run})
    db.execute(SQL["move_letters"], {"successor": successor, "run": run})
    db.execute(SQL["move_updates"], {"successor": successor, "run": run})
    if new.owner is None:
        db.execute(SQL["release_run"], {"wake_at": new.wake_at, "run": successor})
    return successor


def _give_back(transaction: Transaction, run: int, commit: Commit, successor: int | None) -> None:
    """The slots and tasks of a run that has ended; its successor comes first."""
    some_slots, some_tasks = transaction.slots_or_tasks()
    table, takes = SQLiteSlots(transaction.db), commit.successor_takes
    if some_slots and successor is not None:
        takes = hand_on_slots(table, run, successor, takes, commit.moment)
    if some_slots:
        release_slots(table, run, commit.moment)
    if some_tasks:
        end_tasks(transaction.db, run)
    if successor is not None and takes:
        take_slots(table, successor, takes, commit.moment)
        transaction.slots_or_tasks_changed()


def keep_definition(
    transaction: Transaction, digest: str, workflow: str, version: str | None, bundle: bytes, at: int
) -> None:
    transaction.db.execute(SQL["keep_definition"], (digest, workflow, version, bundle, at))
    transaction.db.execute(SQL["keep_newest_definition"], (workflow, digest))
    if version is not None:
        transaction.db.execute(SQL["keep_newest_version"], (workflow, version, digest))


def delete(transaction: Transaction, run: int) -> bool:
    """An ended run and everything of it; False where it is open or gone."""
    db = transaction.db
    standing = db.execute(SQL["standing_of_run"], (run,)).fetchone()
    if standing is None or standing[1] in OPEN:
        return False
    transaction.flush_before()  # rows of its journal may still be on their way
    release_slots(SQLiteSlots(db), run, 0)  # none, but of one that was made to look ended
    for name in _ROWS_OF_A_RUN:
        db.execute(SQL[name], (run,))
    return True


def purge(transaction: Transaction, now: int, limit: int) -> int:
    """Delete cache entries that have expired; how many."""
    return transaction.db.execute(SQL["purge_cache"], (now, limit)).rowcount
