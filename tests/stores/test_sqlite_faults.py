"""What happens to a store on SQLite when locks, disks, callers and processes let it down."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from perdure.errors import StoreError, StoreUnavailable
from perdure.stores import Commit, SQLiteStore, Store
from perdure.testing.store_makers import commit, events, found, kinds, new_run, worker


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / "runs.db", patience=0.3)
    await store.open()
    yield store
    await store.close()


def locked(store: SQLiteStore) -> sqlite3.Connection:
    db = sqlite3.connect(store.path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    return db


async def test_a_lock_that_is_never_released_is_reported_and_nothing_is_kept(store: SQLiteStore) -> None:
    key = await commit(store, new_run())
    other = locked(store)
    outcomes = await asyncio.gather(
        store.commit([Commit(run=key, events=events(1))]),
        store.post("order-1", "signal", b"", id="l1", at=1),
        return_exceptions=True,
    )
    assert kinds(outcomes) == [StoreUnavailable, StoreUnavailable]
    assert "locked" in str(outcomes[0])
    assert outcomes[0] is not outcomes[1]
    assert await store.history(key) == []
    other.close()
    assert await commit(store, key, events=events(1)) == key


async def test_a_lock_that_is_released_in_time_is_waited_for(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "runs.db")
    await store.open()
    other = locked(store)
    waiting = asyncio.ensure_future(commit(store, new_run()))
    done, _ = await asyncio.wait([waiting], timeout=0.25)
    assert not done
    other.execute("COMMIT")
    other.close()
    await waiting
    await store.close()


async def test_a_read_does_not_wait_for_a_writer(store: SQLiteStore) -> None:
    await commit(store, new_run())
    other = locked(store)
    assert (await found(store)).id == "order-1"
    other.close()


async def test_a_file_that_cannot_grow_fails_the_call_and_the_store_goes_on(store: SQLiteStore) -> None:
    key = await commit(store, new_run(), events=events(1))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        outcomes = await asyncio.gather(
            store.commit([Commit(run=key, events=[(2, 1, bytes(2 << 20))])]),
            store.commit([Commit(run=new_run("b"))]),
            return_exceptions=True,
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert type(outcomes[0]) is StoreUnavailable
    assert await store.history(key) == events(1)
    await commit(store, key, events=[(2, 1, bytes(2 << 20))])
    assert len(await store.history(key)) == 2
    assert sqlite3.connect(store.path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    gc.collect()


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_file_that_was_deleted_is_noticed(tmp_path: Path, replaced: bool) -> None:
    path = tmp_path / "runs.db"
    store = SQLiteStore(path)
    await store.open()
    path.rename(tmp_path / "moved.db")
    if replaced:
        path.touch()
    with pytest.raises(StoreUnavailable, match="moved, deleted or replaced"):
        await commit(store, new_run())
    await store.close()


async def test_a_cancelled_caller_disturbs_nobody(store: SQLiteStore) -> None:
    key = await commit(store, new_run())
    first = asyncio.ensure_future(commit(store, key, events=events(1)))
    second = asyncio.ensure_future(commit(store, key, events=events(2)))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == key
    with pytest.raises(asyncio.CancelledError):
        await first
    assert (2, 102, b"event 2") in await store.history(key)


async def test_an_unforeseen_error_reaches_its_caller_and_nothing_hangs(store: SQLiteStore) -> None:
    class Strange:
        def __iter__(self) -> Any:
            raise RuntimeError("surprise")

        def __len__(self) -> int:
            return 1

    strange: Any = Strange()
    key = await commit(store, new_run())
    with pytest.raises(StoreError, match="surprise"):
        await asyncio.wait_for(store.commit([Commit(run=key, events=strange)]), 10)
    assert await commit(store, key, events=events(1)) == key


async def test_another_event_loop_is_refused(store: SQLiteStore) -> None:
    def elsewhere() -> str:
        with pytest.raises(StoreError) as raised:
            asyncio.run(store.commit([Commit(run=1)]))
        return raised.value.message

    assert "another event loop" in await asyncio.to_thread(elsewhere)


async def test_the_stamp_ignores_what_this_handle_writes(store: SQLiteStore) -> None:
    before = await store.stamp()
    for number in range(5):
        await commit(store, new_run(f"r{number}"))
    assert await store.stamp() == before


async def test_the_stamp_moves_while_the_writer_is_never_idle(store: SQLiteStore) -> None:
    other = SQLiteStore(store.path)
    await other.open()
    stop = False

    async def write(name: str) -> None:
        key, number = await commit(store, new_run(name)), 0
        while not stop:
            number += 1
            await commit(store, key, events=events(number))

    writing = [asyncio.ensure_future(write(f"r{number}")) for number in range(5)]
    try:
        async with asyncio.timeout(20):
            for number in range(5):
                before = await store.stamp()
                await other.register(worker(f"w{number}"))
                while await store.stamp() == before:
                    await asyncio.sleep(0)
    finally:
        stop = True
        await asyncio.gather(*writing)
        await other.close()


def run_script(script: str, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script, *arguments], text=True, **options)


CLAIMER = """
import asyncio, sys
from perdure.stores import SQLiteStore
from perdure.testing.store_makers import worker
async def main():
    store, name, mine = SQLiteStore(sys.argv[1]), sys.argv[2], []
    await store.open()
    await store.register(worker(name))
    while rows := await store.claim(name, 100, 3):
        mine += [row.id for row in rows]
    print(*mine)
    await store.close()
asyncio.run(main())
"""


async def test_processes_never_claim_the_same_run(store: SQLiteStore) -> None:
    await store.commit([Commit(run=new_run(f"r{number}")) for number in range(150)])
    children = [run_script(CLAIMER, store.path, f"w{number}", stdout=subprocess.PIPE) for number in range(2)]
    claimed = [child.communicate(timeout=60)[0].split() for child in children]
    assert sorted(name for names in claimed for name in names) == sorted(f"r{number}" for number in range(150))
    owners = {row.id: row.owner for row in await store.runs(limit=200)}
    assert owners == {name: f"w{number}" for number, names in enumerate(claimed) for name in names}


WRITER = """
import asyncio, sys
from perdure.stores import SQLiteStore
from perdure.testing.store_makers import commit, events, new_run
async def advance(store, name):
    key = await commit(store, new_run(name))
    for number in range(1, 10**9):
        await commit(store, key, events=events(number))
        print(key, number, flush=True)
async def main():
    store = SQLiteStore(sys.argv[1])
    await store.open()
    await asyncio.gather(*(advance(store, f"r{number}") for number in range(20)))
asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [1, 700, 3000])
async def test_a_killed_process_loses_nothing_it_was_told_is_kept(tmp_path: Path, lines: int) -> None:
    child = run_script(WRITER, tmp_path / "runs.db", stdout=subprocess.PIPE)
    assert child.stdout is not None
    seen = [child.stdout.readline() for _ in range(lines)]
    child.send_signal(signal.SIGKILL)
    seen += [line for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    child.stdout.close()
    child.wait(30)
    acknowledged: dict[int, int] = {}
    for line in seen:
        key, number = map(int, line.split())
        acknowledged[key] = max(number, acknowledged.get(key, 0))
    store = SQLiteStore(tmp_path / "runs.db")
    await store.open()
    for key, number in acknowledged.items():
        kept = await store.history(key, limit=10**6)
        assert len(kept) >= number
        assert kept == events(*range(1, len(kept) + 1))
    await store.close()


FORGETFUL = """
import asyncio, sys
from perdure.stores import Commit, SQLiteStore
from perdure.testing.store_makers import new_run
kept = []
async def main():
    store = SQLiteStore(sys.argv[1])
    await store.open()
    if sys.argv[2] == "kept":
        kept.append(store)
    for number in range(50):
        kept.append(asyncio.ensure_future(store.commit([Commit(run=new_run(f"r{number}"))])))
    await asyncio.sleep(0)
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
"""


@pytest.mark.parametrize("store_is", ["kept", "dropped"])
async def test_a_store_nobody_closed_lets_the_process_end_and_writes_what_it_accepted(
    tmp_path: Path, store_is: str
) -> None:
    child = run_script(FORGETFUL, tmp_path / "runs.db", store_is, stderr=subprocess.DEVNULL)
    assert child.wait(30) == 0
    store: Store = SQLiteStore(tmp_path / "runs.db")
    await store.open()
    assert len(await store.runs()) == 50
    await store.close()
