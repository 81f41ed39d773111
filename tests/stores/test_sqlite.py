"""The store on SQLite passes the suite of all stores, with either durability."""

from __future__ import annotations

from pathlib import Path

import pytest

from perdure.stores import SQLiteStore
from perdure.testing.store_makers import MakeStore
from perdure.testing.store_suite import StoreSuite


class TestSQLiteStore(StoreSuite):
    @pytest.fixture
    def another(self, tmp_path: Path) -> MakeStore:
        return lambda: SQLiteStore(tmp_path / "runs.db")


class TestSQLiteStoreWithNormalDurability(StoreSuite):
    @pytest.fixture
    def another(self, tmp_path: Path) -> MakeStore:
        return lambda: SQLiteStore(tmp_path / "runs.db", durability="normal")
