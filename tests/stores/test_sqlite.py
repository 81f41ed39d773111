"""The store on SQLite passes the suite of all stores, with either durability."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from perdure.stores import Commit, SequenceTaken, SQLiteStore
from perdure.testing.store_makers import MakeStore, events, new_run
from perdure.testing.store_suite import StoreSuite


class TestSQLiteStore(StoreSuite):
    @pytest.fixture
    def another(self, tmp_path: Path) -> MakeStore:
        return lambda: SQLiteStore(tmp_path / "runs.db")


class TestSQLiteStoreWithNormalDurability(StoreSuite):
    @pytest.fixture
    def another(self, tmp_path: Path) -> MakeStore:
        return lambda: SQLiteStore(tmp_path / "runs.db", durability="normal")


@pytest.mark.parametrize("count", [1, 3, 4, 5, 15, 16, 63, 64, 65, 150])
async def test_a_commit_keeps_every_event_however_many_there_are(tmp_path: Path, count: int) -> None:
    store = SQLiteStore(tmp_path / "runs.db")
    await store.open()
    written = events(*range(1, count + 1))
    [key] = await store.commit([Commit(run=new_run(), events=written)])
    assert isinstance(key, int)
    assert await store.history(key, limit=1000) == list(written)
    await store.close()


async def test_of_many_steps_in_one_transaction_only_those_of_a_run_that_others_have_moved_are_refused(
    tmp_path: Path,
) -> None:
    store = SQLiteStore(tmp_path / "runs.db")
    await store.open()
    keys = await store.commit([Commit(run=new_run(f"r{n}"), events=events(1)) for n in range(100)])
    await store.commit([Commit(run=keys[42], events=events(2))])
    answers = await store.commit([Commit(run=key, events=events(2)) for key in keys])
    assert [type(answer) for answer in answers] == [*[int] * 42, SequenceTaken, *[int] * 57]
    assert [len(await store.history(key)) for key in keys] == [2] * 100
    await store.close()


async def test_calls_of_one_turn_of_the_event_loop_are_one_transaction(
    tmp_path: Path,
) -> None:
    seen: list[str] = []
    store = SQLiteStore(tmp_path / "runs.db")
    await store.open()
    store._open_writer()._db.set_trace_callback(seen.append)
    await asyncio.gather(*(store.commit([Commit(run=new_run(f"r{n}"), events=events(1))]) for n in range(300)))
    assert len(await store.runs(limit=1000)) == 300
    assert seen.count("COMMIT") == 1
    seen.clear()
    await asyncio.gather(*(store.purge(0) for _ in range(5000)))
    assert 3 <= seen.count("COMMIT") <= 5  # none of them waits for thousands
    await store.close()
