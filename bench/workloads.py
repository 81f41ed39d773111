"""The workloads, on the real engine with a file of its own. Each gives a mapping from figure to value."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import perdure

STEP = "  - activity: bench.noop\n"
WAITING = "workflow: waiting\nsteps:\n  - id: go\n    wait: {signal: go}\n"
RESUMED = """
workflow: resumed
input: {type: object}
steps:
  - id: many
    repeat: {while: "index < input.turns"}
    steps:
      - activity: bench.noop
  - id: go
    wait: {signal: go}
"""

PARKED = (1_000, 100_000)
"""How many runs wait at a time."""

Figures = dict[str, float]


@perdure.activity("bench.noop")
async def noop() -> None:
    """Nothing at all."""


def url(path: Path, synchronous: str) -> str:
    return f"sqlite:///{path}" + ("?durability=normal" if synchronous == "NORMAL" else "")


async def sequential(path: Path, synchronous: str) -> Figures:
    """W1: one run of 100 steps."""
    definition = perdure.load("workflow: w1\nsteps:\n" + STEP * 100)
    return await _timed(path, synchronous, 100, lambda engine: _run(engine, definition))


async def many(path: Path, synchronous: str) -> Figures:
    """W2: 500 runs of 10 steps, 100 in flight."""
    definition = perdure.load("workflow: w2\nsteps:\n" + STEP * 10)
    slots = asyncio.Semaphore(100)

    async def one(engine: perdure.Engine) -> None:
        async with slots:
            await _run(engine, definition)

    async def all_of_them(engine: perdure.Engine) -> None:
        await asyncio.gather(*[one(engine) for _ in range(500)])

    return await _timed(path, synchronous, 5000, all_of_them)


async def parallel(path: Path, synchronous: str) -> Figures:
    """W3: one parallel step of 200 branches."""
    branches = "".join(f"        b{n}: [{{activity: bench.noop}}]\n" for n in range(200))
    definition = perdure.load(f"workflow: w3\nsteps:\n  - parallel:\n      branches:\n{branches}")
    return await _timed(path, synchronous, 200, lambda engine: _run(engine, definition))


async def waiting(path: Path, synchronous: str) -> Figures:
    """W4: 1,000 runs that wait for a signal, then 100,000; with each number some are woken, one after the other, new
    ones started, and lists asked for."""
    definition = perdure.load(WAITING)
    figures: Figures = {}
    async with perdure.open(url(path, synchronous), activities=[noop]) as engine:
        await _run(engine, perdure.load("workflow: warm\nsteps:\n" + STEP))
        empty, there = _resident(), 0
        size = _disk(path)
        for turn, count in enumerate(PARKED):
            began = time.perf_counter()
            for first in range(there, count, 100):
                await asyncio.gather(*[engine.start(definition, id=f"w-{first + n}") for n in range(100)])
            took = time.perf_counter() - began
            await asyncio.sleep(1)
            figures[f"started_per_second_to_{count}"] = (count - there) / took
            figures[f"memory_bytes_per_run_{count}"] = (_resident() - empty) / count
            figures[f"disk_bytes_per_run_{count}"] = (_disk(path) - size) / count
            figures[f"wake_up_ms_{count}"] = await _median_ms(
                lambda n, step=count // 200, turn=turn: _wake(engine, f"w-{n * step + turn}"), 200
            )
            figures[f"start_ms_{count}"] = await _median_ms(
                lambda n, count=count: engine.start(definition, id=f"more-{count}-{n}"), 100
            )
            figures[f"list_ms_{count}"] = await _median_ms(lambda n: engine.runs(limit=100), 20)
            figures[f"list_ended_ms_{count}"] = await _median_ms(lambda n: engine.runs("status = completed"), 20)
            for n in range(200):  # as many wait again as before
                await engine.start(definition, id=f"again-{count}-{n}")
            there = count
    return figures


async def _wake(engine: perdure.Engine, run: str) -> None:
    await engine.run(run).signal("go")
    await engine.run(run).result(10)


async def _median_ms(deed: Callable[[int], Awaitable[object]], times: int) -> float:
    """What a deed takes, done so often, one after the other."""
    took = []
    for n in range(times):
        began = time.perf_counter()
        await deed(n)
        took.append(time.perf_counter() - began)
    return median(took) * 1e3


async def resuming(path: Path, synchronous: str) -> Figures:
    """Taking a waiting run back into memory after 10 and after 100,000 events: signal → ended, in a new engine."""
    figures = {}
    definition = perdure.load(RESUMED)
    for turns in (10, 100_000):
        file = path.with_suffix(f".{turns}.db")
        async with perdure.open(url(file, "NORMAL"), activities=[noop]) as engine:
            run = await engine.start(definition, {"turns": turns}, id="one")
            while not any(part["address"] == "go" for part in (await run.describe()).live):
                await asyncio.sleep(0.2)
        latencies = []
        async with perdure.open(url(file, synchronous), activities=[noop]) as engine:
            await engine._programs.get(definition.digest)
            sent = time.perf_counter()
            await engine.run("one").signal("go")
            await engine.run("one").result(30)
            latencies.append(time.perf_counter() - sent)
        figures[f"resume_ms_after_{turns}"] = median(latencies) * 1e3
    return figures


WORKLOADS: dict[str, Callable[[Path, str], Awaitable[Figures]]] = {
    "W1": sequential,
    "W2": many,
    "W3": parallel,
    "W4": waiting,
    "resume": resuming,
}


async def _run(engine: perdure.Engine, definition: perdure.Definition) -> None:
    await (await engine.start(definition)).result()


async def _timed(
    path: Path, synchronous: str, steps: int, work: Callable[[perdure.Engine], Awaitable[None]]
) -> Figures:
    async with perdure.open(url(path, synchronous), activities=[noop]) as engine:
        await _run(engine, perdure.load("workflow: warm\nsteps:\n" + STEP))
        gc.collect()
        gc.freeze()  # as `perdure worker` does
        began, cpu = time.perf_counter(), time.process_time()
        await work(engine)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {"steps_per_second": steps / took, "cpu_us_per_step": cpu / steps * 1e6}


def _resident() -> int:
    """Bytes of memory this process holds."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _disk(path: Path) -> int:
    """Bytes the database takes, once what is in the WAL has been moved into it."""
    counted = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute('PRAGMA wal_checkpoint(PASSIVE)'); "
    counted += "print(d.execute('PRAGMA page_count').fetchone()[0] * d.execute('PRAGMA page_size').fetchone()[0])"
    return int(subprocess.run([sys.executable, "-c", counted, path], capture_output=True, check=True).stdout)
