"""The statements of the SQLite store, and rows as the protocol has them.

Knows columns and their order; nothing of transactions.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from perdure.stores.queries import statements
from perdure.stores.rows import RunRow
from perdure.values import decode, encode

SQL: Final = statements("sqlite")


def find(db: sqlite3.Connection, run_id: str) -> RunRow | None:
    row = db.execute(SQL["find_run"], (run_id,)).fetchone()
    return None if row is None else run_row(row)


def run_row(row: Sequence[Any]) -> RunRow:
    """A row of `runs` as the protocol has it; its columns stand in the same order."""
    columns = list(row)
    columns[8] = decode(columns[8])
    return RunRow(*columns)


def json_list(items: Sequence[str | int]) -> str:
    """What SQL's `json_each` takes apart."""
    return encode(list(items)).decode()
