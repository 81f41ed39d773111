"""What the writes of one SQLite transaction share: answers that hold while it lasts, and what goes in last, together.

Knows journal rows and what the end of a run clears; begins and ends nothing (that is `sqlite_writer`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from perdure.errors import StoreError
from perdure.stores.commits import SequenceTaken
from perdure.stores.sqlite_rows import SQL, json_list

_ROW: Final = 4
"""Values of a journal row."""
_APPEND: Final = [
    (rows * _ROW, SQL["append_event"].rstrip("; \n") + ", (?, ?, ?, ?)" * (rows - 1)) for rows in (64, 16, 4, 1)
]
"""Statements that append so many values. Python's lock is let go and fetched back for every statement: with one for
each row the writer and the event loop would wait for one another, row by row."""
_ROWS_OF_OPEN_RUNS: Final = (
    "drop_snapshots",
    "drop_asks",
    "drop_heartbeats",
    "drop_subscriptions",
    "drop_last_letters",
)


class Entangled(LookupError):
    """A write found that an earlier one of its transaction is bad."""


class Transaction:
    """What the writes of one transaction share; journal rows gather here and go in together, last."""

    __slots__ = ("_ended", "_journal", "_slots_or_tasks", "_workers", "db")

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self._workers: dict[str, bool] = {}
        self._journal: list[int | bytearray] = []
        """The values of its rows, one after another."""
        self._ended: dict[int, bytes] = {}
        self._slots_or_tasks: tuple[bool, bool] | None = None

    def has_worker(self, worker: str) -> bool:
        """Whether the worker has a row; asked once per worker, as the write lock keeps others out."""
        found = self._workers.get(worker)
        if found is None:
            found = self.db.execute(SQL["worker_exists"], (worker,)).fetchone() is not None
            self._workers[worker] = found
        return found

    def workers_changed(self) -> None:
        self._workers.clear()

    def slots_or_tasks(self) -> tuple[bool, bool]:
        """Whether there is any slot, any task: asked once, so that a run that ends need not look for its own."""
        if self._slots_or_tasks is None:
            slots, tasks = self.db.execute(SQL["anything_to_give_back"]).fetchone()
            self._slots_or_tasks = bool(slots), bool(tasks)
        return self._slots_or_tasks

    def slots_or_tasks_changed(self) -> None:
        self._slots_or_tasks = None

    def append(self, run: int, events: Sequence[tuple[int, int, bytes]]) -> None:
        for seq, at, event in events:
            self._journal += (run, seq, at, bytearray(event))  # for bytes sqlite3 would look for an adapter

    def ended(self, run: int, reply: bytes) -> None:
        """A run has ended; updates that it leaves open get the reply."""
        self._ended[run] = reply

    def flush(self) -> None:
        """Write what has gathered. Raises SequenceTaken where a journal has such an event already."""
        if self._journal:
            try:
                self._write_journal()
            except sqlite3.IntegrityError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
                    raise
                raise SequenceTaken from error
        if self._ended:
            self._drop_rows_of_ended()

    def _write_journal(self) -> None:
        values, self._journal = self._journal, []
        first = 0
        for count, statement in _APPEND:
            while len(values) - first >= count:
                self.db.execute(statement, values[first : first + count])
                first += count

    def flush_before(self) -> None:
        """`flush`, in front of a write that cannot come before it. A failure is not that write's: the writer then
        does all again, each by itself."""
        try:
            self.flush()
        except StoreError as error:
            raise Entangled from error

    def settle(self, run: int) -> None:
        """Before rows of a run are written: what its end dropped has to be gone first."""
        if run in self._ended:
            self._drop_rows_of_ended()

    def _drop_rows_of_ended(self) -> None:
        runs = json_list(list(self._ended))
        by_reply: dict[bytes, list[int]] = {}
        for run, reply in self._ended.items():
            by_reply.setdefault(reply, []).append(run)
        self._ended = {}
        for name in _ROWS_OF_OPEN_RUNS:
            self.db.execute(SQL[name], (runs,))
        for reply, replied in by_reply.items():
            self.db.execute(SQL["end_updates"], (reply, json_list(replied)))

    def discard(self) -> None:
        """Forget what has gathered, after the transaction or savepoint was rolled back."""
        self._workers.clear()
        self._journal.clear()
        self._ended.clear()
        self._slots_or_tasks = None
