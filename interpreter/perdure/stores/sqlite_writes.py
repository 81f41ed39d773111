"""What can be written, as functions over one open transaction: a commit, a definition, ownership.

Rules of this file
1. A function that answers with a StoreError, or raises one, has written nothing yet: it looks first.
2. Any other exception spoils what was written since the last savepoint; the writer undoes it.
3. Nothing here begins or ends a transaction (that is `sqlite_writer`), and nothing here waits.
Letters, events and updates stand in `sqlite_messages`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from perdure.errors import Fenced, StoreError
from perdure.stores.sqlite_messages import post, read_letters, write_messages
from perdure.stores.sqlite_rows import SQL, find, json_list, run_row
from perdure.stores.store import Commit, NewRun, RunExists, RunRow, SequenceTaken, WorkerRow
from perdure.values import encode

_CLOSE_RUN, _APPEND_EVENT = SQL["close_run"], SQL["append_event"]
_ROWS_OF_OPEN_RUNS = ("drop_snapshots", "drop_asks", "drop_heartbeats", "drop_subscriptions", "drop_update_letters")


class Transaction:
    """What the writes of one transaction share; journal rows gather here and go in together, last."""

    __slots__ = ("_ended", "_events", "_workers", "db")

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self._workers: dict[str, bool] = {}
        self._events: list[tuple[int, int, int, bytes]] = []
        self._ended: dict[int, bytes] = {}

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

    def ended(self, run: int, reply: bytes) -> None:
        """A run has ended; updates that it leaves open get the reply."""
        self._ended[run] = reply

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
        runs = json_list(list(self._ended))
        replies = [(reply, run) for run, reply in self._ended.items()]
        self._ended = {}
        for name in _ROWS_OF_OPEN_RUNS:
            self.db.execute(SQL[name], (runs,))
        self.db.executemany(SQL["end_updates"], replies)

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
    if commit.successor is not None and (refusal := _refuse_successor(transaction, commit, commit.successor)):
        return refusal
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
    for letter in commit.letters:
        post(transaction.db, letter)
    return run


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
            new.parent,
        ),
    )
    if cursor.rowcount == 0:
        row = find(db, new.id)
        return RunExists(row) if row else StoreError(f"the run {new.id} could not be created")
    assert cursor.lastrowid is not None
    return cursor.lastrowid


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
    write_messages(db, run, commit)


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
        if commit.successor is not None:
            _succeed(transaction, run, commit.successor, commit.successor_events)
        transaction.ended(run, commit.ended)


def _succeed(transaction: Transaction, run: int, new: NewRun, events: Sequence[tuple[int, int, bytes]]) -> None:
    """Rename the run that has ended, create its successor, and hand on what waits."""
    db = transaction.db
    _, ordinal = db.execute(SQL["place_of_run"], (run,)).fetchone()
    while db.execute(SQL["id_is_taken"], (f"{new.id}~{ordinal}",)).fetchone():
        ordinal += 1
    db.execute(SQL["rename_run"], (f"{new.id}~{ordinal}", run))
    successor = _create(transaction, new)
    assert isinstance(successor, int), successor  # its id is free and its owner known: `_refuse_successor` looked
    db.execute(SQL["set_ordinal"], (ordinal + 1, successor))
    transaction.append(successor, events)
    db.execute(SQL["move_letters"], {"successor": successor, "run": run})
    db.execute(SQL["move_updates"], {"successor": successor, "run": run})
    if new.owner is None:
        db.execute(SQL["release_run"], {"wake_at": new.wake_at, "run": successor})


def keep_definition(
    transaction: Transaction, digest: str, workflow: str, version: str | None, bundle: bytes, at: int
) -> None:
    transaction.db.execute(SQL["keep_definition"], (digest, workflow, version, bundle, at))
    transaction.db.execute(SQL["keep_newest_definition"], (workflow, digest))


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
