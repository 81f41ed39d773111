"""A worker process for the tests: `python ledger_worker.py STORE LEDGER`. Its activities note every call in a ledger.

The ledger is a file outside of the store: one line per beginning and end, appended in one write, so that it tells in
which order things really happened, whichever process did them.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import perdure
from perdure import ActivityError, activity, context
from perdure.engine import lease, worker
from perdure.values import SECOND


def note(what: str, **facts: Any) -> None:
    file = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    found = context()
    line = {"what": what, "run": found.run_id, "key": found.idempotency_key, "pid": os.getpid(), **facts}
    os.write(file, (json.dumps({**line, "attempt": found.attempt}) + "\n").encode())
    os.close(file)


async def while_things_happen() -> None:
    await asyncio.sleep(random.choice([0, 0, 0, 0.001, 0.005, 0.03]))


@activity("work")
async def work(name: str, seen: Any = None) -> str:
    note("begin", name=name, seen=seen)
    await while_things_happen()
    result = f"{name}:{uuid4().hex}"
    note("end", name=name, result=result)
    return result


@activity("work.thread")
def work_in_thread(name: str, seen: Any = None) -> str:
    note("begin", name=name, seen=seen)
    time.sleep(random.choice([0, 0.001, 0.02]))
    result = f"{name}:{uuid4().hex}"
    note("end", name=name, result=result)
    return result


@activity("flaky")
async def flaky(name: str, seen: Any = None) -> str:
    if context().attempt == 1:
        raise ActivityError("Flaky", "at first it fails")
    return await work(name, seen)


@activity("undo")
async def undo(name: str, seen: Any = None) -> None:
    note("begin", name=f"undo {name}", seen=seen)
    await while_things_happen()
    note("end", name=f"undo {name}", result=None)


@activity("interval")
async def interval() -> list[float]:
    """When it began and when it ended, by a clock that all processes of the machine share."""
    begun = time.monotonic()
    note("begin", name="interval")
    await asyncio.sleep(random.choice([0, 0.001, 0.005, 0.03]))
    return [begun, time.monotonic()]


@activity("last")
async def last(fail: bool) -> str:
    result = await work("last")
    if fail:
        raise ActivityError("Refused", "no", retryable=False)
    return result


@activity("until")
async def until(file: str) -> str:
    """Waits for a file, for all processes or for this one; tells which process ended it."""
    note("begin", name="until")
    while not (Path(file).exists() or Path(f"{file}.{os.getpid()}").exists()):
        await asyncio.sleep(0.01)
    note("end", name="until")
    return str(os.getpid())


@activity("die")
async def die(survive: int) -> dict[str, Any]:
    """Takes its process with it until it has been tried more than so often."""
    note("begin", name="die")
    found = context()
    if found.attempt > survive:
        return {"attempt": found.attempt, "details": found.heartbeat_details}
    found.heartbeat({"attempt": found.attempt})
    await asyncio.sleep(0.3)
    os._exit(9)


async def main(url: str) -> None:
    seconds = float(os.environ.get("LEASE_SECONDS", "0"))
    if seconds:
        lease.LEASE = round(seconds * SECOND)  # type: ignore[misc]
        lease.RENEWAL = seconds / 4  # type: ignore[misc]
    worker.MARK_AFTER = 0.005  # type: ignore[misc]
    async with perdure.open(url, activities=[sys.modules["__main__"]]):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
