"""Which files a store opens, and what it says about those it refuses."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from perdure.errors import PerdureError, StoreCorrupt, StoreError, StoreUnavailable
from perdure.stores import Closing, MemoryStore, SQLiteStore, open_store, queries
from perdure.stores.conditions import Compare, Condition, Every, Label, Not
from perdure.stores.migrations import APPLICATION_ID, known
from perdure.stores.queries import statements
from perdure.stores.sqlite_conditions import runs_page
from perdure.stores.sqlite_file import explain
from perdure.testing.store_makers import commit, events, found, new_run, worker


async def make(path: Path, runs: int = 1) -> Path:
    store = SQLiteStore(path)
    await store.open()
    for number in range(runs):
        await commit(store, new_run(f"r{number}"), events=events(1))
    await store.close()
    return path


async def refusal(path: Path) -> PerdureError:
    with pytest.raises(StoreError) as raised:
        await SQLiteStore(path).open()
    assert str(path) in raised.value.message
    return raised.value


def edit(path: Path, *texts: str) -> None:
    db = sqlite3.connect(path)
    for text in texts:
        db.execute(text)
    db.commit()
    db.close()


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A directory in which file permissions count, also where the tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o777)
        yield place


@pytest.fixture
def as_nobody() -> Iterator[None]:
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


async def test_a_store_is_kept_when_it_is_closed_and_opened_again(tmp_path: Path) -> None:
    await make(tmp_path / "runs.db", runs=3)
    assert [file.name for file in tmp_path.iterdir()] == ["runs.db"]
    store = SQLiteStore(tmp_path / "runs.db")
    await store.open()
    assert [row.id for row in await store.runs()] == ["r2", "r1", "r0"]
    await store.close()


async def test_a_missing_directory_is_created(tmp_path: Path) -> None:
    path = await make(tmp_path / "b ü?#%41" / "runs.db")
    assert path.is_file()


async def test_two_missing_directories_are_a_slip_in_the_path(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=rf"there is no directory {tmp_path / 'a'}$"):
        await make(tmp_path / "a" / "b" / "runs.db")
    assert [*tmp_path.iterdir()] == []


async def test_a_new_file_obeys_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        path = await make(tmp_path / "runs.db")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_new_file_says_what_it_is(tmp_path: Path) -> None:
    path = await make(tmp_path / "runs.db")
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    applied = db.execute("SELECT version, name, checksum FROM perdure_schema").fetchall()
    assert applied == [(step.version, step.name, step.checksum) for step in known()]
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


async def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "runs.db").touch()
    await make(tmp_path / "runs.db")


async def test_a_directory_is_refused(tmp_path: Path) -> None:
    error = await refusal(tmp_path)
    assert type(error) is StoreUnavailable
    assert "is a directory" in error.message


async def test_a_file_where_a_directory_belongs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert type(await refusal(tmp_path / "file" / "runs.db")) is StoreUnavailable


async def test_a_text_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("shopping list\n" * 100)
    error = await refusal(path)
    assert type(error) is StoreCorrupt
    assert "not an SQLite file" in error.message
    assert path.read_text() == "shopping list\n" * 100


@pytest.mark.parametrize("text", ["CREATE TABLE songs (name TEXT)", "PRAGMA application_id = 42"])
async def test_the_file_of_another_application_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "songs.db"
    edit(path, text)
    before = path.read_bytes()
    error = await refusal(path)
    assert type(error) is StoreCorrupt
    assert "not a Perdure store" in error.message
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["songs.db"]


async def test_a_store_of_a_newer_perdure_is_refused(tmp_path: Path) -> None:
    path = await make(tmp_path / "runs.db")
    edit(path, "INSERT INTO perdure_schema VALUES (99, 'future', 'x', 1)")
    error = await refusal(path)
    assert type(error) is StoreUnavailable
    assert "newer Perdure (schema 99" in error.message


async def test_a_schema_with_another_checksum_is_refused(tmp_path: Path) -> None:
    path = await make(tmp_path / "runs.db")
    edit(path, "UPDATE perdure_schema SET checksum = 'x'")
    error = await refusal(path)
    assert type(error) is StoreCorrupt
    assert "another schema 1" in error.message


async def test_a_store_without_its_tables_is_refused(tmp_path: Path) -> None:
    path = await make(tmp_path / "runs.db")
    edit(path, "DROP TABLE perdure_schema")
    assert type(await refusal(path)) is StoreCorrupt


async def test_a_damaged_file_is_named_as_such(tmp_path: Path) -> None:
    path = await make(tmp_path / "runs.db", runs=500)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    assert type(await refusal(path)) is StoreCorrupt


async def test_damage_found_while_reading_is_named_as_such(tmp_path: Path) -> None:
    path = await make(tmp_path / "runs.db", runs=500)
    db = sqlite3.connect(path)
    [root] = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'journal'").fetchone()
    db.close()
    content = bytearray(path.read_bytes())
    content[(root - 1) * 4096 : root * 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    store = SQLiteStore(path)
    await store.open()
    key = (await found(store, "r0")).key
    with pytest.raises(StoreCorrupt, match="damaged"):
        await store.history(key)
    with pytest.raises(StoreCorrupt, match="damaged"):
        await commit(store, key, events=events(2))
    assert (await found(store, "r1")).id == "r1"
    await store.close()


async def test_a_file_that_cannot_be_written_is_refused(unprivileged: Path, as_nobody: None) -> None:
    path = await make(unprivileged / "runs.db")
    path.chmod(0o444)
    error = await refusal(path)
    assert type(error) is StoreUnavailable
    assert "cannot be written" in error.message


async def test_a_file_that_cannot_be_read_is_refused(unprivileged: Path, as_nobody: None) -> None:
    path = await make(unprivileged / "runs.db")
    path.chmod(0o000)
    assert type(await refusal(path)) is StoreUnavailable


async def test_a_directory_that_cannot_be_written_is_refused(unprivileged: Path, as_nobody: None) -> None:
    (unprivileged / "locked").mkdir(mode=0o555)
    for path in (unprivileged / "locked" / "runs.db", unprivileged / "locked" / "deeper" / "runs.db"):
        assert type(await refusal(path)) is StoreUnavailable


async def test_many_handles_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    stores = [SQLiteStore(tmp_path / "runs.db") for _ in range(8)]
    await asyncio.gather(*(store.open() for store in stores))
    await asyncio.gather(*(commit(store, new_run(f"r{number}")) for number, store in enumerate(stores)))
    assert len(await stores[0].runs()) == 8
    for store in stores:
        await store.close()


async def test_many_processes_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    script = """
import asyncio, sys
from perdure.stores import SQLiteStore
from perdure.testing.store_makers import commit, new_run
async def main():
    store = SQLiteStore(sys.argv[1])
    sys.stdin.read()
    await store.open()
    await commit(store, new_run(sys.argv[2]))
    await store.close()
asyncio.run(main())
"""
    path = tmp_path / "runs.db"
    children = [
        subprocess.Popen([sys.executable, "-c", script, path, f"r{number}"], stdin=subprocess.PIPE)
        for number in range(4)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.close()
    assert [child.wait(60) for child in children] == [0, 0, 0, 0]
    store = SQLiteStore(path)
    await store.open()
    assert {row.id for row in await store.runs()} == {"r0", "r1", "r2", "r3"}
    await store.close()


async def test_closing_while_opening_is_clean(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "runs.db")
    opening = asyncio.ensure_future(store.open())
    await asyncio.sleep(0)
    await store.close()
    with pytest.raises(StoreError, match="closed while"):
        await opening
    with pytest.raises(StoreError, match="is closed"):
        await store.find("a")


def test_a_full_disk_is_named_as_such(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "full.db", isolation_level=None)
    db.execute("CREATE TABLE t (x BLOB)")
    db.execute("PRAGMA max_page_count = 4")
    with pytest.raises(sqlite3.OperationalError) as raised:
        db.execute("INSERT INTO t VALUES (zeroblob(100000))")
    db.close()
    error = explain(raised.value, tmp_path / "full.db")
    assert type(error) is StoreUnavailable
    assert "disk is full" in error.message


def plan(db: sqlite3.Connection, text: str) -> str:
    """How SQLite carries out a statement, whatever it is asked for."""
    count = max((int(number) for number in re.findall(r"\?(\d+)", text)), default=text.count("?"))
    named = dict.fromkeys(re.findall(r"(?<![:\w]):([a-z_0-9]+)", text), 1)
    rows = db.execute(f"EXPLAIN QUERY PLAN {text}", [None] * count or named)
    return "\n".join(row[3] for row in rows)


def plan_of(db: sqlite3.Connection, name: str) -> str:
    return plan(db, statements("sqlite")[name])


async def test_every_statement_is_understood_and_described(tmp_path: Path) -> None:
    path = await make(tmp_path / "runs.db")
    db = sqlite3.connect(path)
    for name, text in statements("sqlite").items():
        assert plan(db, text) or text.startswith("INSERT") or "EXISTS" in text, name
    db.close()


async def test_frequent_questions_use_an_index(tmp_path: Path) -> None:
    path = await make(tmp_path / "runs.db")
    db = sqlite3.connect(path)
    assert "INDEX runs_due (wake_at>? AND wake_at<?)" in plan_of(db, "claim_due")
    assert "TEMP B-TREE" not in plan_of(db, "claim_due")
    assert "INDEX sqlite_autoindex_runs_1 (id=?)" in plan_of(db, "claim_among")
    assert "INDEX sqlite_autoindex_runs_1 (id=?)" in plan_of(db, "next_wake_among")
    assert "INDEX runs_due" in plan_of(db, "next_wake")
    assert "INDEX runs_by_owner (owner=?)" in plan_of(db, "free_runs")
    assert "SEARCH inbox USING INTEGER PRIMARY KEY (rowid>?)" in plan_of(db, "letters_of_worker")
    assert "SEARCH journal USING INDEX journal_by_run (run=? AND seq>?)" in plan_of(db, "history")
    assert "TEMP B-TREE" not in plan_of(db, "history") + plan_of(db, "runs_page")
    for name in ("load_run", "find_run", "letters_of_run", "release_run", "runs_page_with_status"):
        assert "SCAN journal" not in plan_of(db, name)
        assert "SCAN runs" not in plan_of(db, name)
        assert "SCAN inbox" not in plan_of(db, name)
    db.close()


async def test_messages_are_found_by_an_index(tmp_path: Path) -> None:
    path = await make(tmp_path / "runs.db")
    db = sqlite3.connect(path)
    assert "SEARCH subscriptions USING PRIMARY KEY (event=?)" in plan_of(db, "publish_letter")
    assert "INDEX subscriptions_by_run (run=?)" in plan_of(db, "drop_subscriptions")
    assert "INDEX updates_open (run=? AND id=?)" in plan_of(db, "accept_update")
    assert "INDEX updates_open (run=? AND id=?)" in plan_of(db, "settle_update")
    assert "INDEX updates_open (run=?" in plan_of(db, "move_updates")
    assert "INDEX updates_open (run=?" in plan_of(db, "end_updates")
    for name in (
        "post_letter", "publish_letter", "wake_runs", "remember_letter", "consume_letter", "find_update", "end_updates",
        "drop_last_letters", "move_letters", "move_updates", "place_of_run", "id_is_taken", "newest_definition",
    ):  # fmt: skip
        for table in ("inbox", "runs", "received", "updates", "subscriptions", "newest_definitions"):
            assert f"SCAN {table}" not in plan_of(db, name), name
    db.close()


async def test_slots_tasks_and_schedules_are_found_by_an_index(tmp_path: Path) -> None:
    path = await make(tmp_path / "runs.db")
    db = sqlite3.connect(path)
    for file in ("slots", "tasks", "schedules", "deletion"):
        names = re.findall(
            r"-- name: (\w+)", Path(queries.__file__).with_name("queries").joinpath(f"sqlite_{file}.sql").read_text()
        )
        for name in set(names) - {
            "all_schedules",
            "slots_page",
            "anything_to_give_back",
            "nothing_to_take",
            "take_any_tasks",
        }:
            assert "SCAN " not in plan_of(db, name).replace("SCAN CONSTANT ROW", ""), name
            assert "TEMP B-TREE" not in plan_of(db, name), name
    for name in (
        "purge_cache",
        "runs_ended",
        "newest_version",
        "cached",
        "create_run",
        "remember_id",
        "take_back_letter",
    ):
        assert "SCAN " not in plan_of(db, name).replace("SCAN CONSTANT ROW", ""), name
        assert "TEMP B-TREE" not in plan_of(db, name), name
    assert "USING INDEX tasks_free (queue=?)" in plan_of(db, "take_tasks")
    assert "USING INDEX tasks_free" in plan_of(db, "nothing_to_take")
    assert "USING INDEX tasks_free_anywhere" in plan_of(db, "take_any_tasks")
    assert "TEMP B-TREE" not in plan_of(db, "take_any_tasks")
    assert "INDEX schedules_due (next_at>? AND next_at<?)" in plan_of(db, "due_schedules")
    db.close()


FEW: Final = {
    "all_workers": "SCAN workers",
    "all_schedules": "SCAN schedules",
    "slots_page": "SCAN slots USING INDEX slots_by_key",
    "asks_page": "SCAN asks USING INDEX asks_by_opening",
    "anything_to_give_back": "SCAN slots USING COVERING INDEX",
    "take_any_tasks": "SCAN tasks USING INDEX tasks_free_anywhere",
    "nothing_to_take": "SCAN tasks USING INDEX tasks_free",
}
"""Statements that walk a table: one that stays small, or in the order of an index and only as far as they are asked."""


@pytest.mark.parametrize("name", sorted(statements("sqlite")))
async def test_no_statement_walks_a_table_that_grows_with_the_runs(tmp_path: Path, name: str) -> None:
    path = await make(tmp_path / "runs.db")
    db = sqlite3.connect(path)
    steps = [step for step in plan_of(db, name).splitlines() if step.startswith("SCAN ")]
    walked = [step for step in steps if not re.match("SCAN (json_each|wanted|CONSTANT ROW|value)", step)]
    assert (walked and walked[0].startswith(FEW.get(name, "nothing"))) or not walked
    db.close()


VIP, ORDER = Label("customer", "=", "vip"), Compare("workflow", "=", "order")


@pytest.mark.parametrize(
    ("where", "statuses", "found_by"),
    [
        (None, None, "SEARCH runs USING INTEGER PRIMARY KEY (rowid<?)"),
        (ORDER, None, "INDEX runs_by_workflow (workflow=?"),
        (Every((ORDER, Compare("status", "=", "failed"))), None, "INDEX runs_by_status (status=?"),
        (Every((Compare("status", "=", "completed"), ORDER)), None, "INDEX runs_by_workflow (workflow=?"),
        (Every((ORDER, Compare("parent", "=", "p"))), None, "INDEX runs_by_parent (parent=?"),
        (Every((Compare("id", "=", "p"), ORDER)), ["running"], "INDEX sqlite_autoindex_runs_1 (id=?"),
        (Every((ORDER, Every((VIP,)))), ["running"], "SEARCH lead USING PRIMARY KEY (name=? AND value=? AND run<?)"),
        (ORDER, ["running", "failed"], "INDEX runs_by_status (status=?"),
        (Not(VIP), ["running"], "SEARCH label USING COVERING INDEX run_labels_by_run (run=? AND name=? AND value=?)"),
        (Not(VIP), None, "SEARCH runs USING INTEGER PRIMARY KEY (rowid<?)"),
    ],
)
async def test_a_list_of_runs_reads_what_its_condition_leads_to(
    tmp_path: Path, where: Condition | None, statuses: list[str] | None, found_by: str
) -> None:
    path = await make(tmp_path / "runs.db")
    db = sqlite3.connect(path)
    found = plan(db, runs_page(where, statuses, {"before": 1, "limit": 1})[0])
    assert found_by in found
    assert "SCAN runs" not in found
    if statuses is None:
        assert "TEMP B-TREE" not in found
    db.close()


async def test_a_file_of_the_first_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    first = known()[0]
    db = sqlite3.connect(path)
    db.executescript(first.text)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute("INSERT INTO perdure_schema VALUES (1, ?, ?, 1)", (first.name, first.checksum))
    for id, status in (("a", "running"), ("b", "paused"), ("c", "completed")):
        db.execute(
            "INSERT INTO runs (id, workflow, digest, status, created_at, labels, wake_at) VALUES (?,?,?,?,?,?,?)",
            (id, "order", "d2", status, 1, b'{"customer":"vip \\u00fc","step":"%s"}' % id.encode(), 100),
        )
    db.execute("INSERT INTO inbox (run, kind, id, at, body) VALUES (1, 'signal', 'l1', 5, x'00')")
    for digest, workflow, version, at in (
        ("d1", "order", "1", 5), ("d2", "order", None, 9), ("d3", "order", "1", 7), ("d4", "else", None, 1)
    ):  # fmt: skip
        db.execute("INSERT INTO definitions VALUES (?, ?, ?, x'00', ?)", (digest, workflow, version, at))
    db.commit()
    db.close()
    store = SQLiteStore(path)
    await store.open()
    assert (await store.latest("order"), await store.latest("else")) == ("d2", "d4")
    assert (await store.latest("order", "1"), await store.latest("order", "2")) == ("d3", None)
    found_by_label = Every((Label("customer", "=", "vip ü"), Label("step", "!=", "b")))
    assert [row.id for row in await store.runs(where=found_by_label)] == ["c", "a"]
    await store.register(worker())
    assert [(row.id, row.parent) for row in await store.claim("w1", 100, 9)] == [("a", None), ("b", None)]
    [letter] = await store.letters("w1")
    await commit(
        store, 1, events=events(1), consumed=[letter.key], closing=Closing("continued", 9, b"1"), successor=new_run("a")
    )
    assert [row.id for row in await store.runs()] == ["a", "c", "b", "a~1"]
    await store.close()
    applied = sqlite3.connect(path).execute("SELECT version, checksum FROM perdure_schema ORDER BY version").fetchall()
    assert applied == [(step.version, step.checksum) for step in known()]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///runs.db", "runs.db"),
        ("sqlite:///dir/my%20runs", "dir/my runs"),
        ("sqlite:////var/lib/runs.db", "/var/lib/runs.db"),
        ("SQLite:///runs.db?durability=normal", "runs.db"),
        ("runs.db", "runs.db"),
        ("/var/lib/runs.db", "/var/lib/runs.db"),
    ],
)
def test_a_url_names_a_file(url: str, path: str) -> None:
    store = open_store(url)
    assert isinstance(store, SQLiteStore)
    assert store.path == Path(path).absolute()


def test_memory_has_a_url_too() -> None:
    assert isinstance(open_store("memory://"), MemoryStore)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://host/db", "not supported yet"),
        ("temporal://host:7233/ns", "not supported yet"),
        ("sqlite:///:memory:", "memory://"),
        ("sqlite://runs.db", "sqlite:///runs.db"),
        ("sqlite:///", "names no file"),
        ("sqlite://[", "is no URL"),
        ("sqlite:///runs.db?mode=ro", "unknown option mode"),
        ("sqlite:///runs.db?durability=none", "full or normal"),
        ("memory://shared", "write memory://"),
        ("mysql://host/db", "a store is sqlite:///"),
        ("runs.yaml", "a store is sqlite:///"),
        ("", "a store is sqlite:///"),
    ],
)
def test_other_urls_are_refused_with_what_is_accepted(url: str, says: str) -> None:
    with pytest.raises(StoreError) as raised:
        open_store(url)
    assert says in raised.value.message
