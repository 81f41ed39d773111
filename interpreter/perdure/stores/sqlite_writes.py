"""What can be written, as functions over one open transaction: a commit, a letter, an answer, ownership.

Rules of this file
1. A function that answers with a StoreError, or raises one, has written nothing yet: it looks first.
2. Any other exception spoils what was written since the last savepoint; the writer undoes it.
3. Nothing here begins or ends a transaction (that is `sqlite_writer`), and nothing here waits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from perdure.errors import Fenced, StoreError
from perdure.stores.queries import statements
from perdure.stores.store import (
    OPEN,
    Commit,
    NewRun,
    RunExists,
    RunRow,
    SequenceTaken,
    WorkerRow,
)
from perdure.values import decode, encode

SQL: Final = statements("sqlite")

_CLOSE_RUN, _APPEND_EVENT = SQL["close_run"], SQL["append_event"]


class Transaction:
    """What the writes of one transaction share; journal rows gather here and go in together, last."""

    __slots__ = ("_ended", "_events", "_workers", "db")

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self._workers: dict[str, bool] = {}
        self._events: list[tuple[int, int, int, bytes]] = []
        self._ended: list[int] = []

    def has_worker(self, worker: str) -> bool:
        """Whether the worker has a row; asked once per worker, as the write lock keeps others out."""
        found = self._workers.get(worker)
        if found is None:
            found = self.db.execute(SQL["worker_exists"], (worker,)).fetchone() is not None
            self._workers[worker] = found
        return found

    def workers_changed(self) -> None:
        self._workers.clear()

    def append(self, run: int, events: Sequence[tuple[int, int, bytes]]) -> None:
        for seq, at, event in events:
            self._events.append((run, seq, at, event))

    def ended(self, run: int) -> None:
        self._ended.append(run)

    def flush(self) -> None:
        """Write what has gathered. Raises SequenceTaken where a journal has such an event already."""
        events = self._events
        if events:
            self._events = []
            try:
                self.db.executemany(_APPEND_EVENT, events)
            except sqlite3.IntegrityError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
                    raise
                raise SequenceTaken from error
        if self._ended:
            self._drop_rows_of_ended()

    def settle(self, run: int) -> None:
        """Before rows of a run are written: what its end dropped has to be gone first."""
        if run in self._ended:
            self._drop_rows_of_ended()

    def _drop_rows_of_ended(self) -> None:
        runs = encode(self._ended).decode()
        self._ended = []
        for name in ("drop_snapshots", "drop_asks", "drop_heartbeats"):
            self.db.execute(SQL[name], (runs,))

    def discard(self) -> None:
        """Forget what has gathered, after the transaction or savepoint was rolled back."""
        self._workers.clear()
        self._events.clear()
        self._ended.clear()


def write_commit(transaction: Transaction, commit: Commit) -> int | StoreError:
    """One `Commit`; the run's key, or why it is refused."""
    if commit.worker is not None and not transaction.has_worker(commit.worker):
        return Fenced()
    run = commit.run
    if isinstance(run, NewRun):
        created = _create(transaction, run)
        if isinstance(created, StoreError):
            return created
        run = created
    transaction.append(run, commit.events)
    transaction.settle(run)
    _write_rows(transaction.db, run, commit)
    if commit.status is not None or commit.release or commit.recoveries is not None or commit.closing is not None:
        _write_run(transaction, run, commit)
    return run


def _create(transaction: Transaction, new: NewRun) -> int | StoreError:
    if new.owner is not None and not transaction.has_worker(new.owner):
        return Fenced()  # a run of a worker without a row would never be set free
    db = transaction.db
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
        ),
    )
    if cursor.rowcount == 0:
        row = find(db, new.id)
        return RunExists(row) if row else StoreError(f"the run {new.id} could not be created")
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _write_rows(db: sqlite3.Connection, run: int, commit: Commit) -> None:
    """Rows beside the journal. What is opened and closed by the same commit ends up closed."""
    if commit.consumed:
        db.executemany(SQL["consume_letter"], [(key, run) for key in commit.consumed])
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
        transaction.ended(run)


def keep_definition(
    transaction: Transaction, digest: str, workflow: str, version: str | None, bundle: bytes, at: int
) -> None:
    transaction.db.execute(SQL["keep_definition"], (digest, workflow, version, bundle, at))


def post(transaction: Transaction, run_id: str, kind: str, body: bytes, id: str, at: int) -> RunRow | None:
    """A letter into an open run's inbox; the run's row as it is afterwards."""
    row = find(transaction.db, run_id)
    if row is None or row.status not in OPEN:
        return row
    if not _post(transaction.db, row.key, kind, body, id, at):
        return row
    return find(transaction.db, run_id)


def answer(transaction: Transaction, run_id: str, frame: int, body: bytes, id: str, at: int) -> bool:
    """Close an open question and post the answer; False where it is not open, or the id is in use."""
    asked = transaction.db.execute(SQL["ask_is_open"], (run_id, frame)).fetchone()
    if asked is None or not _post(transaction.db, asked[0], "answer", body, id, at):
        return False
    transaction.db.execute(SQL["close_ask"], (asked[0], frame))
    return True


def _post(db: sqlite3.Connection, run: int, kind: str, body: bytes, letter: str, at: int) -> bool:
    row = {"run": run, "kind": kind, "id": letter, "at": at, "body": body}
    if db.execute(SQL["post_letter"], row).rowcount == 0:
        return False
    db.execute(SQL["wake_run"], {"at": at, "run": run})
    return True


def register(transaction: Transaction, worker: WorkerRow) -> None:
    row = (worker.id, worker.host, worker.boot, worker.pid, worker.pid_started, worker.lease_until)
    transaction.db.execute(SQL["register_worker"], row)
    transaction.workers_changed()


def renew(transaction: Transaction, worker: str, lease_until: int) -> bool:
    return transaction.db.execute(SQL["renew_lease"], (lease_until, worker)).rowcount > 0


def bury(transaction: Transaction, worker: str, at: int, died: bool) -> list[RunRow]:
    """Delete the worker's row and set its runs free; the runs as they are afterwards, oldest first."""
    transaction.db.execute(SQL["drop_worker"], (worker,))
    transaction.workers_changed()
    rows = transaction.db.execute(SQL["free_runs"], (at, int(died), worker)).fetchall()
    return sorted(map(run_row, rows), key=lambda row: row.key)


def claim(transaction: Transaction, worker: str, now: int, limit: int, only: str | None) -> list[RunRow]:
    """Take due runs; `only` is a JSON list of run ids."""
    if not transaction.has_worker(worker):
        raise Fenced
    wanted = {"worker": worker, "now": now, "limit": limit}
    if only is None:
        rows = transaction.db.execute(SQL["claim_due"], wanted).fetchall()
    else:
        rows = transaction.db.execute(SQL["claim_among"], wanted | {"only": only}).fetchall()
    return sorted(map(run_row, rows), key=lambda row: (row.wake_at or 0, row.key))


def find(db: sqlite3.Connection, run_id: str) -> RunRow | None:
    row = db.execute(SQL["find_run"], (run_id,)).fetchone()
    return None if row is None else run_row(row)


def run_row(row: Sequence[Any]) -> RunRow:
    """A row of `runs` as the protocol has it; its columns stand in the same order."""
    columns = list(row)
    columns[8] = decode(columns[8])
    return RunRow(*columns)
