"""What numbers of runs cost: many that wait (W4), many in flight (memory), many that a killed process leaves (W5)."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import perdure
from bench.workloads import STEP, Figures, noop, url

WAITING = "workflow: waiting\nsteps:\n  - id: go\n    wait: {signal: go}\n"
HOLDING = "workflow: holding\nsteps:\n  - activity: bench.hold\n"
IN_FLIGHT = 10_000
STARTED = 100_000
"""So many runs are really started; more are copies, row by row, of one that was."""

called: list[float] = []
"""When `bench.hold` was called."""
held = asyncio.Event()


@perdure.activity("bench.hold")
async def hold() -> None:
    """Goes on until it is let go."""
    called.append(time.perf_counter())
    await held.wait()


async def waiting(path: Path, synchronous: str, parked: tuple[int, ...]) -> Figures:
    """W4: numbers of runs that wait for a signal; with each some are woken, one after the other, new ones started, and
    lists asked for; then a second engine is opened on the file."""
    definition = perdure.load(WAITING)
    figures: Figures = {}
    there = 0
    for turn, count in enumerate(parked):
        async with perdure.open(url(path, synchronous), activities=[noop]) as engine:
            await (await engine.start(perdure.load("workflow: warm\nsteps:\n" + STEP))).result()
            await engine.start(definition, id="pattern")
            empty, size = resident(), disk(path)
            began = time.perf_counter()
            real = min(count, max(there, STARTED))
            for first in range(there, real, 100):
                await asyncio.gather(*[engine.start(definition, id=f"w-{first + n}") for n in range(100)])
            if real > there:
                figures[f"started_per_second_to_{real}"] = (real - there) / (time.perf_counter() - began)
                await asyncio.sleep(1)
                figures[f"memory_bytes_per_run_{real}"] = (resident() - empty) / (real - there)
                figures[f"disk_bytes_per_run_{real}"] = (disk(path) - size) / (real - there)
        copy_run(path, "pattern", range(real, count))
        began = time.perf_counter()
        async with perdure.open(url(path, synchronous), activities=[noop]) as engine:
            figures[f"open_ms_{count}"] = (time.perf_counter() - began) * 1e3
            figures.update(
                {f"{name}_{count}": value for name, value in (await costs(engine, definition, turn, count)).items()}
            )
        there = count
    return figures


async def costs(engine: perdure.Engine, definition: perdure.Definition, turn: int, count: int) -> Figures:
    """What one more start, signal, list costs beside so many runs that wait; medians, in milliseconds and µs of CPU."""
    step = count // 200
    cpu = time.process_time()
    wake = await median_ms(lambda n: _wake(engine, f"w-{n * step + turn}"), 200)
    cpu = time.process_time() - cpu
    return {
        "wake_up_ms": wake,
        "wake_up_cpu_us": cpu / 200 * 1e6,
        "start_ms": await median_ms(lambda n: engine.start(definition, id=f"more-{count}-{n}"), 200),
        "list_ms": await median_ms(lambda n: engine.runs(limit=100), 20),
        "list_ended_ms": await median_ms(lambda n: engine.runs("status = completed"), 20),
        "list_workflow_ms": await median_ms(lambda n: engine.runs("workflow = 'waiting'", limit=100), 20),
        "list_of_two_statuses_ms": await median_ms(lambda n: engine.runs("status in (failed, running)"), 20),
        "list_started_ms": await median_ms(lambda n: engine.runs("started > -1h", limit=100), 20),
        "list_nothing_ms": await median_ms(lambda n: engine.runs("labels.customer = 'x'"), 20),
        "asks_ms": await median_ms(lambda n: engine.asks(), 20),
    }


def copy_run(path: Path, pattern: str, numbers: range) -> None:
    """Write the rows that starting `w-N` would have written, as those of `pattern`, which was really started."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    [key] = db.execute("SELECT key FROM runs WHERE id = ?", (pattern,)).fetchone()
    columns = [row[1] for row in db.execute("PRAGMA table_info(runs)")]
    names = ", ".join(column for column in columns if column not in ("key", "id"))
    [event] = db.execute("SELECT event FROM journal WHERE run = ? AND seq = 1", (key,)).fetchone()
    before, after = event.split(f'"{pattern}"'.encode(), 1)
    [last] = db.execute("SELECT max(key) FROM runs").fetchone()
    for first in range(numbers.start, numbers.stop, 50_000):
        part = range(first, min(first + 50_000, numbers.stop))
        db.execute("BEGIN IMMEDIATE")
        db.executemany(
            f"INSERT INTO runs (key, id, {names}) SELECT ?, ?, {names} FROM runs WHERE key = ?",
            [(last + 1 + n - numbers.start, f"w-{n}", key) for n in part],
        )
        db.executemany(
            "INSERT INTO journal (run, seq, at, event) SELECT ?, 1, at, ? FROM journal WHERE run = ? AND seq = 1",
            [(last + 1 + n - numbers.start, b'%s"w-%d"%s' % (before, n, after), key) for n in part],
        )
        db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


async def in_flight(path: Path, synchronous: str) -> Figures:
    """Runs in flight, each in an activity that waits: what memory each takes, beside an empty engine."""
    definition = perdure.load(HOLDING)
    async with perdure.open(url(path, synchronous), activities=[noop, hold], concurrency=IN_FLIGHT) as engine:
        await (await engine.start(perdure.load("workflow: warm\nsteps:\n" + STEP))).result()
        gc.collect()
        empty = resident()
        await _hold_all(engine, definition)
        gc.collect()
        figures = {"memory_bytes_per_run_in_flight": (resident() - empty) / IN_FLIGHT}
        held.set()
    return figures


async def recovering(path: Path, synchronous: str) -> Figures:
    """W5: a process is killed with runs in flight; another takes them over. Seconds from its beginning to its first
    call, to the end of a run that is started right then, and of all; and the most memory it has held."""
    subprocess.run([sys.executable, "-m", "bench.scale", str(path), synchronous], check=False)
    held.set()
    empty, began, cpu = resident(), time.perf_counter(), time.process_time()
    definition = perdure.load("workflow: other\nsteps:\n" + STEP)
    async with perdure.open(url(path, synchronous), activities=[noop, hold]) as engine:
        opened, opened_cpu = time.perf_counter() - began, time.process_time() - cpu
        await (await engine.start(definition)).result()
        other = time.perf_counter() - began
        while await engine.runs("workflow = 'holding' and status = running", limit=1):
            await asyncio.sleep(0.05)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "open_s": opened,
        "open_cpu_s": opened_cpu,
        "first_call_s": called[0] - began,
        "new_run_ended_s": other,
        "all_ended_s": took,
        "cpu_us_per_run": cpu / len(called) * 1e6,
        "called": len(called),
        "peak_memory_bytes_per_run": (peak - empty) / IN_FLIGHT,
    }


async def _die(path: Path, synchronous: str) -> None:
    async with perdure.open(url(path, synchronous), activities=[noop, hold], concurrency=IN_FLIGHT) as engine:
        await _hold_all(engine, perdure.load(HOLDING))
        os.kill(os.getpid(), signal.SIGKILL)


async def _hold_all(engine: perdure.Engine, definition: perdure.Definition) -> None:
    for first in range(0, IN_FLIGHT, 100):
        await asyncio.gather(*[engine.start(definition, id=f"h-{first + n}") for n in range(100)])
    while len(called) < IN_FLIGHT:
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)  # so that it is in the journal that they have begun


async def _wake(engine: perdure.Engine, run: str) -> None:
    await engine.run(run).signal("go")
    await engine.run(run).result(60)


async def median_ms(deed: Callable[[int], Awaitable[object]], times: int) -> float:
    """What a deed takes, done so often, one after the other."""
    took = []
    for n in range(times):
        began = time.perf_counter()
        await deed(n)
        took.append(time.perf_counter() - began)
    return median(took) * 1e3


def resident() -> int:
    """Bytes of memory this process holds."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def disk(path: Path) -> int:
    """Bytes the database takes, once what is in the WAL has been moved into it."""
    counted = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute('PRAGMA wal_checkpoint(PASSIVE)'); "
    counted += "print(d.execute('PRAGMA page_count').fetchone()[0] * d.execute('PRAGMA page_size').fetchone()[0])"
    return int(subprocess.run([sys.executable, "-c", counted, path], capture_output=True, check=True).stdout)


if __name__ == "__main__":
    asyncio.run(_die(Path(sys.argv[1]), sys.argv[2]))
