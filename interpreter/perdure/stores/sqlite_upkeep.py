"""Looking at an SQLite file as a whole, and copying it while others use it. Blocks.

Knows the file and the names of its tables, not what stands in them; creates no store and migrates none.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from perdure.errors import StoreCorrupt, StoreUnavailable
from perdure.stores.migrations import check, known
from perdure.stores.sqlite_file import connect, explain

COUNTED: Final = (
    "runs", "journal", "snapshots", "inbox", "asks", "tasks", "slots", "cache", "schedules", "definitions", "workers",
)  # fmt: skip
"""Tables whose rows tell how much there is."""
MOST_PROBLEMS: Final = 20


@dataclass(frozen=True, slots=True)
class FileStatus:
    """How a file stands. `schema` is its version and `newest` the one this release brings it to; `problems` are what
    SQLite says is damaged; `rows` counts by table, None for one that cannot be read or is not there yet."""

    path: Path
    schema: int
    newest: int
    size: int
    log_size: int
    free: int
    rows: dict[str, int | None]
    problems: tuple[str, ...]


def status(path: Path) -> FileStatus:
    """Reads the whole file to find damage. Raises StoreUnavailable or StoreCorrupt where it cannot be opened."""
    with closing(_opened(path)) as db:
        try:
            problems = tuple(str(row[0]) for row in db.execute(f"PRAGMA integrity_check({MOST_PROBLEMS})"))
        except sqlite3.DatabaseError as error:
            problems = (str(error),)
        page_size = db.execute("PRAGMA page_size").fetchone()[0]
        return FileStatus(
            path,
            schema=_scalar(db, "SELECT max(version) FROM perdure_schema") or 0,
            newest=known()[-1].version,
            size=path.stat().st_size,
            log_size=_size(path.with_name(f"{path.name}-wal")),
            free=(_scalar(db, "PRAGMA freelist_count") or 0) * page_size,
            rows={table: _scalar(db, f"SELECT count(*) FROM {table}") for table in COUNTED},
            problems=() if problems == ("ok",) else problems,
        )


def backup(path: Path, target: Path) -> int:
    """Copy the file as it is at one moment, while others read and write it; the copy's size in bytes.

    The copy is checked and only then gets its name, so that `target` is whole or not there. Raises StoreUnavailable,
    also where `target` exists, and StoreCorrupt where the file is damaged.
    """
    if target.exists():
        raise StoreUnavailable(f"{target} is there already; name a new file")
    if not target.parent.is_dir():
        raise StoreUnavailable(f"{target} cannot be made: there is no directory {target.parent}")
    partial = target.with_name(f"{target.name}.partial-{os.getpid()}")
    with closing(_opened(path)) as source:
        try:
            _copy(source, path, partial)
            _name(partial, target)
        except FileExistsError:
            raise StoreUnavailable(f"{target} is there already; name a new file") from None
        except OSError as error:
            raise explain(error, target) from error
        finally:
            partial.unlink(missing_ok=True)
    return target.stat().st_size


def _copy(source: sqlite3.Connection, path: Path, partial: Path) -> None:
    try:
        copy = connect(partial, create=True)
    except sqlite3.Error as error:
        raise explain(error, partial) from error
    with closing(copy):
        try:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
            found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            raise explain(error, partial) from error
    if found != "ok":
        raise StoreCorrupt(f"{path} is damaged ({found}); restore it from a backup")
    with partial.open("rb+") as written:
        os.fsync(written.fileno())


def _name(partial: Path, target: Path) -> None:
    """As a rename would, but where the file system has links never over a file that has come meanwhile."""
    try:
        os.link(partial, target)
    except FileExistsError:
        raise
    except OSError:
        partial.rename(target)


def _opened(path: Path) -> sqlite3.Connection:
    """A connection to a file that is a store."""
    if not path.is_file():
        raise StoreUnavailable(f"there is no store at {path}")
    db = None
    try:
        db = connect(path, create=False)
        db.execute("PRAGMA busy_timeout = 5000")
        check(db, path)
        if not db.execute("SELECT 1 FROM sqlite_schema").fetchone():
            raise StoreCorrupt(f"{path} is empty, which no store is; name another file")
    except (sqlite3.Error, OSError) as error:
        if db is not None:
            db.close()
        raise explain(error, path) from error
    except BaseException:
        if db is not None:
            db.close()
        raise
    return db


def _scalar(db: sqlite3.Connection, statement: str) -> int | None:
    try:
        found: int | None = db.execute(statement).fetchone()[0]
    except sqlite3.Error:
        return None
    return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
