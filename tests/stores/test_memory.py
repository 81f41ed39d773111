"""The store in memory passes the suite of all stores."""

from __future__ import annotations

import pytest

from perdure.stores import MemoryFile, MemoryStore
from perdure.testing.store_makers import MakeStore
from perdure.testing.store_suite import StoreSuite


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def another(self) -> MakeStore:
        file = MemoryFile()
        return lambda: MemoryStore(file)


async def test_stores_without_a_common_file_are_apart() -> None:
    one, two = MemoryStore(), MemoryStore()
    await one.open()
    await two.open()
    await one.put_definition("d1", "order", None, b"bundle", 1)
    assert await two.definition("d1") is None
