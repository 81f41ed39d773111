"""The bare floor: what the file allows, without any engine.

`grouped` is the floor of the performance notes: an asyncio loop whose tasks append one journal row per step and wait
until it is durable, with one writer thread that commits whatever is waiting; it interprets nothing. `loop` is barer
still: one thread that commits the same rows in batches of a given size and does nothing else, not even wait.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from pathlib import Path

ROW = b"x" * 200


def connect(path: Path, synchronous: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute(f"PRAGMA synchronous={synchronous}")
    db.execute("CREATE TABLE journal (run INTEGER, seq INTEGER, at INTEGER, event BLOB)")
    db.execute("CREATE UNIQUE INDEX journal_run_seq ON journal (run, seq)")
    return db


class Writer:
    """Commits whatever is waiting, one transaction after another, in a thread of its own."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.loop = asyncio.get_running_loop()
        self.waiting: queue.SimpleQueue[tuple[tuple[int, int, int, bytes], asyncio.Future[None]] | None] = (
            queue.SimpleQueue()
        )
        self.thread = threading.Thread(target=self._write)
        self.thread.start()

    async def append(self, run: int, seq: int) -> None:
        done = self.loop.create_future()
        self.waiting.put(((run, seq, time.time_ns() // 1000, ROW), done))
        await done

    def close(self) -> None:
        self.waiting.put(None)
        self.thread.join()

    def _write(self) -> None:
        while (first := self.waiting.get()) is not None:
            batch = [first]
            while not self.waiting.empty():
                following = self.waiting.get()
                if following is None:
                    self.waiting.put(None)
                    break
                batch.append(following)
            self.db.execute("BEGIN IMMEDIATE")
            self.db.executemany("INSERT INTO journal VALUES (?, ?, ?, ?)", [row for row, _ in batch])
            self.db.execute("COMMIT")
            self.loop.call_soon_threadsafe(_resolve, [done for _, done in batch])


def _resolve(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        future.set_result(None)


def grouped(path: Path, synchronous: str, runs: int, steps: int, in_flight: int) -> dict[str, float]:
    """Steps per second of `runs` × `steps` rows, `in_flight` runs at a time, one row of a run after the other."""

    async def measure() -> dict[str, float]:
        writer = Writer(connect(path, synchronous))
        slots = asyncio.Semaphore(in_flight)

        async def one(run: int) -> None:
            async with slots:
                for seq in range(steps):
                    await writer.append(run, seq)

        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*[one(run) for run in range(runs)])
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        writer.close()
        return {"steps_per_second": runs * steps / took, "cpu_us_per_step": cpu / (runs * steps) * 1e6}

    return asyncio.run(measure())


def loop(path: Path, synchronous: str, rows: int, batch: int) -> dict[str, float]:
    """Rows per second of a plain loop that commits `batch` rows at a time."""
    db = connect(path, synchronous)
    began, cpu = time.perf_counter(), time.process_time()
    for first in range(0, rows, batch):
        db.execute("BEGIN IMMEDIATE")
        now = time.time_ns() // 1000
        db.executemany("INSERT INTO journal VALUES (?, ?, ?, ?)", [(1, first + n, now, ROW) for n in range(batch)])
        db.execute("COMMIT")
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {"steps_per_second": rows / took, "cpu_us_per_step": cpu / rows * 1e6}
