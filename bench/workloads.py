"""The workloads, on the real engine with a file of its own. Each gives a mapping from figure to value."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import perdure
from perdure.cli.worker import collect_seldom

STEP = "  - activity: bench.noop\n"
RESUMED = """
workflow: resumed
input: {type: object}
steps:
  - id: many
    repeat: {while: "index < input.turns"}
    steps:
      - activity: bench.tick
  - id: go
    wait: {signal: go}
"""

Figures = dict[str, float]


@perdure.activity("bench.noop")
async def noop() -> None:
    """Nothing at all."""


SPENT: list[float] = []
"""Seconds of the processor this process had used when each `bench.tick` was called."""


@perdure.activity("bench.tick")
async def tick() -> None:
    """Notes when it was called."""
    SPENT.append(time.process_time())


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


async def resuming(path: Path, synchronous: str) -> Figures:
    """Taking a waiting run back into memory after 10 and after 100,000 events: signal → ended, in a new engine; and on
    the way there what its first steps and its last ones take of the processor."""
    figures = {}
    definition = perdure.load(RESUMED)
    for turns in (10, 100_000):
        file = path.with_suffix(f".{turns}.db")
        SPENT.clear()
        async with perdure.open(url(file, "NORMAL"), activities=[tick]) as engine:
            run = await engine.start(definition, {"turns": turns}, id="one")
            while not any(part["address"] == "go" for part in (await run.describe()).live):
                await asyncio.sleep(0.2)
        for last in (1_000, 100_000):
            if turns >= last:
                figures[f"cpu_us_of_step_{last}"] = (SPENT[last - 1] - SPENT[last - 500]) / 499 * 1e6
        latencies = []
        async with perdure.open(url(file, synchronous), activities=[tick]) as engine:
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
    "resume": resuming,
}


async def _run(engine: perdure.Engine, definition: perdure.Definition) -> None:
    await (await engine.start(definition)).result()


async def _timed(
    path: Path, synchronous: str, steps: int, work: Callable[[perdure.Engine], Awaitable[None]]
) -> Figures:
    async with perdure.open(url(path, synchronous), activities=[noop]) as engine:
        await _run(engine, perdure.load("workflow: warm\nsteps:\n" + STEP))
        collect_seldom()  # as `perdure worker` does
        began, cpu = time.perf_counter(), time.process_time()
        await work(engine)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {"steps_per_second": steps / took, "cpu_us_per_step": cpu / steps * 1e6}
