"""The pool of threads: its size, what happens to work nobody waits for."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from perdure.activities import activity, context
from perdure.activities.threads import Threads

Make = Callable[..., Any]


async def test_no_more_than_size_jobs_run_at_a_time_and_all_are_done() -> None:
    threads, lock = Threads(3), threading.Lock()
    running, most = 0, 0
    third = threading.Barrier(3, timeout=10)

    def work(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if number < 3:
            third.wait()
        with lock:
            running -= 1
        return number

    assert await asyncio.gather(*(threads.run(partial(work, n)) for n in range(200))) == list(range(200))
    assert most == 3


async def test_a_thread_is_used_again_instead_of_a_new_one() -> None:
    threads = Threads(1000)
    seen = {await threads.run(threading.get_ident) for _ in range(300)}
    assert len(seen) < 30  # a few more than one: the next job may come before the thread is idle again


async def test_what_work_raises_reaches_the_caller() -> None:
    with pytest.raises(KeyboardInterrupt):
        await Threads(1).run(_interrupt)


async def test_a_thread_nobody_waits_for_takes_no_place() -> None:
    threads, free, started = Threads(1), threading.Event(), threading.Event()

    def hang() -> str:
        started.set()
        free.wait(10)
        return "late"

    hanging = asyncio.create_task(threads.run(hang))
    await asyncio.to_thread(started.wait, 10)
    behind = asyncio.create_task(threads.run(lambda: "served"))
    await asyncio.sleep(0)
    hanging.cancel()
    assert await asyncio.wait_for(behind, 10) == "served"
    free.set()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert await asyncio.gather(*(threads.run(lambda: 1) for _ in range(5))) == [1] * 5


async def test_work_cancelled_while_it_waits_never_runs() -> None:
    threads, free, ran = Threads(1), threading.Event(), []
    first = asyncio.create_task(threads.run(lambda: free.wait(10)))
    waiting = asyncio.create_task(threads.run(lambda: ran.append("x")))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    free.set()
    assert await first is True
    await threads.run(lambda: None)
    assert ran == []


async def test_a_pool_serves_another_loop_later() -> None:
    threads = Threads(2)
    assert await threads.run(lambda: 1) == 1
    assert await asyncio.to_thread(lambda: asyncio.run(threads.run(lambda: 2))) == 2


def test_a_pool_needs_a_thread() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Threads(0)


async def test_a_function_cancelled_at_every_stage_leaves_the_pool_working(registry: Make, attempt: Make) -> None:
    @activity("turns")
    def turns(count: int) -> int:
        for _ in range(count):
            context().heartbeat()
        return count

    made = registry(turns, threads=2)
    for pause in range(30):
        tasks = [asyncio.create_task(made.call("turns", {"count": 50}, attempt())) for _ in range(4)]
        for _ in range(pause):
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert outcomes[1::2] == [50, 50]
        assert all(isinstance(one, asyncio.CancelledError) or one == 50 for one in outcomes)


def test_a_function_that_hangs_does_not_keep_the_process() -> None:
    program = """
import asyncio, threading
from perdure.activities import Context, Registry, activity

started = threading.Event()

@activity("hang")
def hang():
    started.set()
    threading.Event().wait()

async def main():
    registry = Registry.load([hang], entry_points=False)
    here = Context(run_id="r", workflow="w", address="a", attempt=1, idempotency_key="k")
    task = asyncio.create_task(registry.call("hang", {}, here))
    await asyncio.to_thread(started.wait)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await registry.aclose()
    print("done", here.cancelled)

asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done True\n", "")


def _interrupt() -> None:
    raise KeyboardInterrupt
