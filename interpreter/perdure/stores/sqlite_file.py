"""Opens the SQLite file of a store, or says precisely why it cannot; turns SQLite's errors into ours.

Knows paths, pragmas and error codes; not the tables (`migrations`), and not who writes (`sqlite_writer`).
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Final, Literal

from perdure.errors import StoreCorrupt, StoreError, StoreUnavailable
from perdure.stores.migrations import check, migrate

Durability = Literal["full", "normal"]

PATIENCE: Final = 30.0
"""Seconds a transaction waits for other processes' locks before it gives up."""

_OLDEST: Final = (3, 38, 0)
"""JSON functions in every build; STRICT tables came with 3.37, RETURNING with 3.35."""

_REASONS: Final[dict[int, tuple[type[StoreError], str]]] = {
    sqlite3.SQLITE_BUSY: (StoreUnavailable, "another process has locked {path} for too long; stop or end it"),
    sqlite3.SQLITE_LOCKED: (
        StoreUnavailable,
        "another process has locked {path} for too long; stop or end it",
    ),
    sqlite3.SQLITE_PERM: (StoreUnavailable, "access to {path} was denied; check its permissions"),
    sqlite3.SQLITE_READONLY: (
        StoreUnavailable,
        "{path} cannot be written; check the permissions of the file and of its directory",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        StoreUnavailable,
        "{path} cannot be opened; check the path and the permissions of the file and of its directory",
    ),
    sqlite3.SQLITE_FULL: (
        StoreUnavailable,
        "the disk is full, {path} cannot grow; free some space and try again",
    ),
    sqlite3.SQLITE_IOERR: (
        StoreUnavailable,
        "reading or writing {path} failed ({reason}); is the disk full, or broken?",
    ),
    sqlite3.SQLITE_CORRUPT: (StoreCorrupt, "{path} is damaged ({reason}); restore it from a backup"),
    sqlite3.SQLITE_NOTADB: (
        StoreCorrupt,
        "{path} is not an SQLite file, or its beginning is damaged; name another file or restore a backup",
    ),
}


def connect(path: Path, *, create: bool) -> sqlite3.Connection:
    """A plain connection without implicit transactions; statements of any thread, one at a time.

    A new file gets the permissions the process's umask allows: it may hold personal data, so set a umask of
    077 where others use the machine.
    """
    db = sqlite3.connect(
        address(path, "rwc" if create else "rw"),
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
        timeout=0.1,  # short: the writer tries again itself, starting from SQLite's shortest pauses
    )
    db.execute("PRAGMA foreign_keys = OFF")
    return db


def address(path: Path, mode: str) -> str:
    """The URI by which SQLite opens the file."""
    return f"{path.as_uri()}?mode={mode}"


def open_file(path: Path, durability: Durability, patience: float = PATIENCE) -> sqlite3.Connection:
    """The connection for the writer, on a file whose tables are up to date. Blocks.

    Raises StoreUnavailable or StoreCorrupt. Never reads the file other than through SQLite: closing a
    descriptor of our own would drop the locks that another connection of this process holds (POSIX, fcntl).
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise StoreUnavailable(f"SQLite {sqlite3.sqlite_version} is too old; Perdure needs 3.38 or newer")
    try:
        _check_place(path)
        deadline = time.monotonic() + patience
        while True:
            try:
                return _opened(path, durability)
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.005)  # switching to WAL does not wait by itself when two processes do it at once
    except (sqlite3.Error, OSError, ValueError) as error:
        raise explain(error, path) from error


def is_busy(error: BaseException) -> bool:
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def explain(error: BaseException, path: Path) -> StoreError:
    """Our error for one of SQLite, of the file system or of a value SQLite cannot hold; always a new one."""
    if isinstance(error, StoreError):
        return type(error)(error.message)
    kind, text = _REASONS.get(_code(error), (StoreError, "the store {path} could not do its work: {reason}"))
    if isinstance(error, OSError):
        kind, text = StoreUnavailable, "{path} cannot be opened: {reason}"
    explained = kind(text.format(path=path, reason=error))
    explained.__cause__ = error
    return explained


def _code(error: BaseException) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise StoreUnavailable(f"{path} is a directory; name a file in it")
    try:
        path.parent.mkdir(exist_ok=True)
    except FileNotFoundError:  # one directory may be new; more are a slip in the path
        raise StoreUnavailable(f"{path} cannot be made: there is no directory {path.parent.parent}") from None


def _opened(path: Path, durability: Durability) -> sqlite3.Connection:
    db = connect(path, create=True)
    try:
        check(db, path)  # first of all, so that nobody else's file is changed
        mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StoreUnavailable(
                f"{path} cannot keep a write-ahead log (SQLite offers {mode}); use a local file system"
            )
        for pragma in (
            f"synchronous = {durability.upper()}",
            f"fullfsync = {int(durability == 'full')}",  # on macOS a plain fsync does not reach the disk
            f"checkpoint_fullfsync = {int(durability == 'full')}",
            "wal_autocheckpoint = 4000",  # pages, 16 MB: fewer pauses than with the default 1000
            f"journal_size_limit = {64 << 20}",
            f"cache_size = -{32 << 10}",
            "temp_store = MEMORY",
        ):
            db.execute(f"PRAGMA {pragma}")
        migrate(db, path)
    except BaseException:
        db.close()
        raise
    return db
