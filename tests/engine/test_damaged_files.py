"""Disks that are full and files that are damaged: the promises hold, or an error says what is wrong and what to do."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_world import Gate, OpenEngine, Place, opener
from live_world import soon
from worker_processes import Processes, client

import perdure
from perdure.errors import StoreCorrupt, StoreError, StoreUnavailable
from perdure.stores.sqlite_upkeep import status

PAGE = 4096
WORK = """
workflow: work
steps:
  - {id: a, activity: work, with: {name: a}}
  - {id: go, wait: {signal: go}}
  - {id: b, activity: work, with: {name: b, seen: "{{ steps.a ~ ('x' * 9000) }}"}}
output: "{{ steps.b }}"
"""
WAIT = "workflow: wait\nsteps:\n  - {id: e, activity: echo, with: {value: 1}}\n  - {id: go, wait: {signal: go}}\n"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of three megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


async def test_a_full_disk_loses_nothing_and_all_goes_on_once_there_is_room(small_disk: Path, tmp_path: Path) -> None:
    processes = Processes(small_disk, LEDGER=str(tmp_path / "ledger"))
    processes.ledger = tmp_path / "ledger"
    try:
        for _ in range(2):
            await processes.start()
        async with client(processes) as engine:
            runs = [await engine.start(WORK, id=f"r{number}") for number in range(20)]
            fill(small_disk)
            acknowledged: list[perdure.Run] = []
            with pytest.raises(StoreUnavailable, match="the disk is full"):
                await start_many(engine, acknowledged)
            with contextlib.suppress(StoreUnavailable):
                await runs[0].signal("go", id="go")
            (small_disk / "filler").unlink()
            for run in [*runs, *acknowledged]:
                await run.signal("go", id="go")
            for run in [*runs, *acknowledged]:
                assert (await run.result(30)).startswith("b:")
                history = [row for row in await run.history() if row["event"] == "ActivityCompleted"]
                assert [row["step"] for row in history] == ["a", "b"]
                assert history[1]["result"] == await run.result()
            # A step that had finished is never run again; what could not be written may be.
            given = Counter((line["run"], line["name"]) for line in processes.lines() if line["what"] == "begin")
            assert given.keys() == {(run.id, name) for run in [*runs, *acknowledged] for name in ("a", "b")}
        assert status(Path(processes.url)).problems == ()
    finally:
        await processes.close()


async def start_many(engine: perdure.Engine, acknowledged: list[perdure.Run]) -> None:
    while len(acknowledged) < 400:
        acknowledged.append(await engine.start(WORK, id=f"late{len(acknowledged)}"))


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(b"x" * PAGE)


@pytest.fixture(scope="module")
def whole_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with runs that have ended and runs that wait."""
    path = tmp_path_factory.mktemp("whole") / "runs.db"

    async def filled() -> None:
        async with opener(Place(path), Gate())() as engine:
            runs = [await engine.start(WAIT, id=f"r{number}") for number in range(150)]
            for run in runs[::2]:
                await run.signal("go")
                await run.result(10)

    asyncio.run(filled())
    return path


@pytest.mark.parametrize(
    "part", ["journal", "journal_by_run", "runs", "runs_due", "inbox", "definitions", "workers", "slots", "schedules"]
)
@pytest.mark.parametrize("damage", [b"\xa5" * PAGE, bytes(PAGE)], ids=["rubbish", "zeros"])
async def test_a_damaged_page_is_told_and_nothing_else_happens(
    whole_file: Path, tmp_path: Path, gate: Gate, part: str, damage: bytes
) -> None:
    shutil.copy(whole_file, tmp_path / "runs.db")
    opened = opener(Place(tmp_path / "runs.db"), gate)
    break_page(tmp_path / "runs.db", part, damage)

    assert status(tmp_path / "runs.db").problems
    problems = await use(opened)
    for problem in problems:
        assert isinstance(problem, StoreCorrupt), problem
        assert f"{tmp_path / 'runs.db'} is damaged" in problem.message
        assert "restore it from a backup" in problem.message


def break_page(path: Path, part: str, damage: bytes) -> None:
    """Write over the page that a table or an index begins with; every way into it leads over that."""
    db = sqlite3.connect(path)
    [[number]] = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (part,)).fetchall()
    assert db.execute("PRAGMA page_size").fetchone() == (PAGE,)
    db.close()
    with path.open("r+b") as file:
        file.seek((number - 1) * PAGE)
        file.write(damage)


async def use(opened: OpenEngine) -> list[StoreError]:
    """Do what clients do; the errors they get. What is neither an error of the store nor an end fails."""
    found: list[StoreError] = []

    async def attempt(deed: object) -> None:
        try:
            await soon(deed, 3)  # type: ignore[arg-type]
        except StoreError as problem:
            found.append(problem)
        except TimeoutError:
            pass  # a run that cannot be read does not end; nothing is made up for it

    try:
        async with opened() as engine:
            await attempt(engine.runs())
            await attempt(engine.run("r2").describe())
            await attempt(engine.run("r2").history())
            await attempt(engine.run("r1").signal("go"))
            await attempt(ended(engine.run("r3")))
            await attempt(engine.start(WAIT, id="new"))
            await attempt(engine.deploy(WAIT))
            await attempt(engine.schedules.list())
            await asyncio.sleep(0.1)
    except StoreError as problem:
        found.append(problem)
    return found


async def ended(run: perdure.Run) -> None:
    await run.signal("go")
    await run.result(1)
