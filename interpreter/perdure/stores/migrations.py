"""Brings a file's tables up to date: numbered files in `migrations/`, each applied once, with a checksum.

Knows SQLite's connection but neither the tables' meaning nor the threads around it.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from perdure.errors import StoreCorrupt, StoreUnavailable

APPLICATION_ID: Final = 0x50455244
"""`PERD`: what SQLite's header says a Perdure store is."""


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    checksum: str
    text: str


def known() -> list[Migration]:
    """The migrations of this Perdure, oldest first."""
    found = []
    for file in files("perdure.stores").joinpath("migrations").iterdir():
        if file.name.endswith(".sql"):
            number, _, name = file.name.removesuffix(".sql").partition("_")
            text = file.read_text(encoding="utf-8").replace("\r\n", "\n")
            found.append(Migration(int(number), name, hashlib.sha256(text.encode()).hexdigest(), text))
    return sorted(found, key=lambda migration: migration.version)


def check(db: sqlite3.Connection, path: object) -> None:
    """Refuse a file that is not ours, or too new; writes nothing. Raises StoreCorrupt or StoreUnavailable."""
    db.execute("BEGIN")  # one moment for all questions: another process may be creating the tables right now
    try:
        _pending(db, path)
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def migrate(db: sqlite3.Connection, path: object) -> None:
    """Apply what is pending, all or nothing; of two processes at once one does it, one finds it done."""
    db.execute("BEGIN IMMEDIATE")
    try:
        for migration in _pending(db, path):
            for statement in _split(migration.text):
                db.execute(statement)
            db.execute(
                "INSERT INTO perdure_schema (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
                (migration.version, migration.name, migration.checksum, time.time_ns() // 1000),
            )
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        # Writes nothing, but SQLite refuses it where the file is read-only; BEGIN IMMEDIATE it would accept.
        db.execute("DELETE FROM perdure_schema WHERE version < 0")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _pending(db: sqlite3.Connection, path: object) -> list[Migration]:
    applied = _applied(db, path)
    migrations = known()
    newest = migrations[-1].version
    if applied and max(applied) > newest:
        raise StoreUnavailable(
            f"{path} was written by a newer Perdure (schema {max(applied)}, this one knows {newest}); "
            "upgrade Perdure to open it"
        )
    for migration in migrations:
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise StoreCorrupt(
                f"{path} has another schema {migration.version} ({migration.name}) than this Perdure; "
                "open it with the Perdure that wrote it"
            )
    return [migration for migration in migrations if migration.version not in applied]


def _applied(db: sqlite3.Connection, path: object) -> dict[int, str]:
    mark = db.execute("PRAGMA application_id").fetchone()[0]
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if mark == 0 and not tables:
        return {}
    if mark != APPLICATION_ID:
        raise StoreCorrupt(f"{path} is an SQLite file but not a Perdure store; name another file")
    if "perdure_schema" not in tables:
        raise StoreCorrupt(f"{path} has lost its tables; restore it from a backup")
    return dict(db.execute("SELECT version, checksum FROM perdure_schema"))


def _split(text: str) -> list[str]:
    found, statement = [], ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return found
