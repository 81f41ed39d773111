"""The one thread that writes: takes everything that is waiting, in one transaction, then tells the waiters.

Group commit with one hop per transaction: an idle writer starts at once, and what arrives while it is busy
goes into its next transaction together. Knows transactions, faults and waiters; writes: `sqlite_writes`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from perdure.errors import StoreError, StoreUnavailable
from perdure.stores.sqlite_file import explain, is_busy
from perdure.stores.sqlite_transaction import Transaction

T = TypeVar("T")
Item = TypeVar("Item")

_MOST: Final = 1024
"""Calls after which a transaction takes no further: bounds how long the first of them waits for the last."""

_FAULTS_OF_A_CALL: Final = (
    StoreError,
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""Raised for what one call wants to write. Other errors are the file's, and fail the whole transaction."""


class Call:
    """What one caller waits for: a `write` for each of the `items`, kept or refused by itself; `outcomes` tells which.
    A `single` one has one item, of which the write knows."""

    __slots__ = ("future", "items", "outcomes", "single", "write")

    def __init__(
        self, write: Callable[[Transaction, Any], Any], items: Sequence[Any], single: bool, future: asyncio.Future[Any]
    ) -> None:
        self.write = write
        self.items = items
        self.single = single
        self.future = future
        self.outcomes: list[Any] = []


class Writer:
    """Owns the writing connection and its thread. `stop` ends it, after what was accepted is written."""

    def __init__(self, db: sqlite3.Connection, path: Path, patience: float, loop: asyncio.AbstractEventLoop) -> None:
        self._db = db
        self._path = path
        self._patience = patience
        self._loop = loop
        self._gathered: deque[Call] = deque()
        """What this turn of the event loop has asked for."""
        self._queue: SimpleQueue[list[Call] | None] = SimpleQueue()
        self._busy = threading.Lock()
        self._version = self._read_version()
        self._version_wanted = False
        self._stopped = False
        self._file = _identity(path)
        self._look_again_at = 0.0
        # A daemon, so that a store nobody closed cannot keep the process alive; its owner joins it at exit.
        self._thread = threading.Thread(target=self._run, name=f"perdure writer {path.name}", daemon=True)
        self._thread.start()

    def submit(self, write: Callable[[Transaction], T]) -> asyncio.Future[T]:
        """One write; the future is done after COMMIT with its answer, or with a StoreError."""
        return self._put(lambda transaction, _: write(transaction), (None,), single=True)

    def submit_all(
        self, write: Callable[[Transaction, Item], T], items: Sequence[Item]
    ) -> asyncio.Future[list[T | StoreError]]:
        """Several items for one transaction; the future is done after COMMIT with one outcome for each."""
        return self._put(write, items, single=False)

    def version(self) -> int:
        """SQLite's `data_version` as the writer sees it: moved by the commits of others, never by our own.

        While the writer is busy this is the number of before; the writer then reads it for the next question.
        """
        if self._busy.acquire(blocking=False):
            try:
                self._version = self._read_version()
            except sqlite3.OperationalError:
                self._version_wanted = True
            finally:
                self._busy.release()
        else:
            self._version_wanted = True
        return self._version

    def stop(self) -> None:
        """Accept nothing more; the thread writes what it has and ends. May be called twice."""
        if not self._stopped:
            self._stopped = True
            self._hand_over()
            self._queue.put(None)

    def join(self, timeout: float | None = None) -> None:
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _put(self, write: Callable[[Transaction, Any], Any], items: Sequence[Any], single: bool) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            raise StoreError("the store was opened in another event loop; open one store per loop")
        if self._stopped:
            raise StoreError("the store is closed")
        future = loop.create_future()
        if not self._gathered:
            loop.call_soon(self._hand_over)
        self._gathered.append(Call(write, items, single, future))
        return future

    def _hand_over(self) -> None:
        """Let the thread have what has gathered, all at once: it is woken once, and the event loop rests meanwhile."""
        calls = []
        with suppress(IndexError):  # not `while gathered`: a collection may call `stop` in any thread
            while True:
                calls.append(self._gathered.popleft())
        for first in range(0, len(calls), _MOST):
            self._queue.put(calls[first : first + _MOST])

    def _run(self) -> None:
        while True:
            calls = self._queue.get()
            group = [] if calls is None else calls
            while calls is not None and len(group) < _MOST:
                try:
                    calls = self._queue.get_nowait()
                except Empty:
                    break
                if calls is not None:
                    group += calls
            if group:
                self._serve(group)
            if calls is None:
                break
            del calls, group  # an idle writer must not keep the last waiters alive
        self._end()

    def _serve(self, group: list[Call]) -> None:
        failure: BaseException | None = None
        with self._busy:
            try:
                self._write(group)
                if self._version_wanted:
                    self._version_wanted = False
                    self._version = self._read_version()
            except BaseException as error:
                failure = error
        with suppress(RuntimeError):  # the loop has been closed: nobody waits any more
            self._loop.call_soon_threadsafe(_tell, group, failure, self._path)

    def _write(self, group: list[Call]) -> None:
        """One transaction for the group, again from its start while another process holds the lock."""
        self._check_file()
        deadline = time.monotonic() + self._patience
        while True:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    self._write_together(group)
                except _FAULTS_OF_A_CALL:
                    self._db.execute("ROLLBACK")
                    self._db.execute("BEGIN IMMEDIATE")
                    self._write_apart(group)
                self._db.execute("COMMIT")
                return
            except BaseException as error:
                self._roll_back()
                if not is_busy(error) or time.monotonic() > deadline:
                    raise

    def _write_together(self, group: list[Call]) -> None:
        transaction = Transaction(self._db)
        for call in group:
            write, outcomes = call.write, []
            for item in call.items:
                try:
                    outcomes.append(write(transaction, item))
                except StoreError as refusal:
                    outcomes.append(refusal)
            call.outcomes = outcomes
        transaction.flush()

    def _write_apart(self, group: list[Call]) -> None:
        """The same with a savepoint around each write, so that a bad one is undone alone."""
        transaction = Transaction(self._db)
        for call in group:
            call.outcomes = [self._write_guarded(transaction, call.write, item) for item in call.items]

    def _write_guarded(self, transaction: Transaction, write: Callable[[Transaction, Any], Any], item: Any) -> Any:
        self._db.execute("SAVEPOINT one")
        try:
            outcome = write(transaction, item)
            transaction.flush()
        except _FAULTS_OF_A_CALL as error:
            transaction.discard()
            self._db.execute("ROLLBACK TO one")
            outcome = error if isinstance(error, StoreError) else _refusal(error)
        self._db.execute("RELEASE one")
        return outcome

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            with suppress(sqlite3.Error):  # then SQLite does it itself when the file is opened again
                self._db.execute("ROLLBACK")

    def _check_file(self) -> None:
        """SQLite would go on writing into a deleted file; look once a second whether it is still ours."""
        now = time.monotonic()
        if now < self._look_again_at:
            return
        if _identity(self._path) != self._file:
            raise StoreUnavailable(f"{self._path} was moved, deleted or replaced while it was open; nothing was kept")
        self._look_again_at = now + 1.0

    def _read_version(self) -> int:
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def _end(self) -> None:
        try:
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error:
            pass  # what was committed is in the log; the next opening reads it
        finally:
            self._db.close()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _refusal(error: BaseException) -> StoreError:
    refusal = StoreError(f"the store cannot keep this: {error}")
    refusal.__cause__ = error
    return refusal


def _tell(group: list[Call], failure: BaseException | None, path: Path) -> None:
    for call in group:
        future = call.future
        if future.done():
            continue  # its caller was cancelled
        if failure is not None:
            future.set_exception(explain(failure, path))
        elif not call.single:
            future.set_result(call.outcomes)
        elif isinstance(call.outcomes[0], StoreError):
            future.set_exception(call.outcomes[0])
        else:
            future.set_result(call.outcomes[0])
