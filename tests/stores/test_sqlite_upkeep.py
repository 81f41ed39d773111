"""A file looked at as a whole, and copied while it is written."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from perdure.errors import StoreCorrupt, StoreUnavailable
from perdure.stores import SQLiteStore
from perdure.stores.migrations import known
from perdure.stores.sqlite_upkeep import backup, status
from perdure.testing.store_makers import commit, events, new_run


async def made(path: Path, runs: int = 3) -> SQLiteStore:
    store = SQLiteStore(path)
    await store.open()
    for number in range(runs):
        await commit(store, new_run(f"r{number}"), events=events(1, 2))
    return store


async def test_a_whole_file_is_counted_while_it_is_open(tmp_path: Path) -> None:
    store = await made(tmp_path / "runs.db")
    found = status(tmp_path / "runs.db")
    assert (found.problems, found.schema, found.newest) == ((), known()[-1].version, known()[-1].version)
    assert (found.rows["runs"], found.rows["journal"], found.rows["schedules"]) == (3, 6, 0)
    assert found.size + found.log_size > 0
    await store.close()


async def test_an_index_that_lacks_rows_is_damage(tmp_path: Path) -> None:
    await (await made(tmp_path / "runs.db")).close()
    db = sqlite3.connect(tmp_path / "runs.db")
    db.execute("PRAGMA writable_schema = ON")
    db.execute("UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'asks') "
               "WHERE name = 'journal_by_run'")  # fmt: skip
    db.commit()
    db.close()
    assert status(tmp_path / "runs.db").problems


@pytest.mark.parametrize("content", [b"", b"no store\n" * 1000])
@pytest.mark.parametrize("look", [status, lambda path: backup(path, path.with_name("copy.db"))])
def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path, content: bytes, look: object) -> None:
    path = tmp_path / "runs.db"
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt):
        look(path)  # type: ignore[operator]
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["runs.db"]


def test_a_file_that_is_missing_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="there is no store at"):
        status(tmp_path / "runs.db")
    with pytest.raises(StoreUnavailable, match="there is no store at"):
        backup(tmp_path / "runs.db", tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


async def test_a_backup_made_while_the_file_is_written_is_one_moment_of_it(tmp_path: Path) -> None:
    store = await made(tmp_path / "runs.db", 50)
    writing = asyncio.create_task(more(store))
    sizes = [await asyncio.to_thread(backup, tmp_path / "runs.db", tmp_path / f"copy{n}.db") for n in range(3)]
    counted = [row async for row in counts(tmp_path)]
    assert await writing == 200
    assert sizes == [(tmp_path / f"copy{n}.db").stat().st_size for n in range(3)]
    for runs, rows in counted:
        assert runs >= 50
        assert rows == 2 * runs
    assert sorted(file.name for file in tmp_path.glob("copy*")) == ["copy0.db", "copy1.db", "copy2.db"]
    await store.close()


async def more(store: SQLiteStore) -> int:
    for number in range(200):
        await commit(store, new_run(f"more{number}"), events=events(1, 2))
    return number + 1


async def counts(folder: Path):  # type: ignore[no-untyped-def]
    """Runs and rows of the journal in each copy; a copy opens as any store does."""
    for number in range(3):
        found = status(folder / f"copy{number}.db")
        assert found.problems == ()
        yield found.rows["runs"], found.rows["journal"]


async def test_a_backup_overwrites_nothing_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    await (await made(tmp_path / "runs.db")).close()
    (tmp_path / "mine").write_text("mine")
    for target, says in (
        (tmp_path / "mine", "is there already"),
        (tmp_path / "no" / "copy.db", "there is no directory"),
    ):
        with pytest.raises(StoreUnavailable, match=says):
            backup(tmp_path / "runs.db", target)
    assert (tmp_path / "mine").read_text() == "mine"
    assert {file.name for file in tmp_path.iterdir()} <= {"runs.db", "mine"}


async def test_a_damaged_file_is_not_backed_up(tmp_path: Path) -> None:
    await (await made(tmp_path / "runs.db", 300)).close()
    db = sqlite3.connect(tmp_path / "runs.db")
    [root] = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'journal'").fetchone()
    db.close()
    with (tmp_path / "runs.db").open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xa5" * 4096)
    with pytest.raises(StoreCorrupt, match="is damaged"):
        backup(tmp_path / "runs.db", tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy*"))
