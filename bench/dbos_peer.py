"""W1 and W2 on DBOS Transact with SQLite, as `python -m bench --dbos PYTHON` runs them: `PYTHON` is an interpreter that
has `dbos` installed. A script of its own: it imports nothing of Perdure.

    python bench/dbos_peer.py W1|W2 FILE wal|shipped

`wal` sets journal_mode=WAL and synchronous=FULL on every connection, so that what a step promises is the same as here;
`shipped` leaves SQLite as DBOS opens it. The last line printed is JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from importlib.metadata import version

import sqlalchemy
from dbos import DBOS
from sqlalchemy.pool import Pool


@DBOS.step()
async def noop() -> None:
    """Nothing at all."""


@DBOS.workflow()
async def steps(count: int) -> None:
    for _ in range(count):
        await noop()


async def sequential() -> int:
    await (await DBOS.start_workflow_async(steps, 100)).get_result()
    return 100


async def many() -> int:
    slots = asyncio.Semaphore(100)

    async def one() -> None:
        async with slots:
            await (await DBOS.start_workflow_async(steps, 10)).get_result()

    await asyncio.gather(*[one() for _ in range(500)])
    return 5000


@sqlalchemy.event.listens_for(Pool, "connect")
def prepare(connection: object, record: object) -> None:
    if sys.argv[3] == "wal":
        connection.execute("PRAGMA journal_mode=WAL")  # type: ignore[attr-defined]
        connection.execute("PRAGMA synchronous=FULL")  # type: ignore[attr-defined]


async def measure() -> None:
    workload = {"W1": sequential, "W2": many}[sys.argv[1]]
    DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{sys.argv[2]}", "log_level": "ERROR"})
    DBOS.launch()
    await (await DBOS.start_workflow_async(steps, 1)).get_result()
    gc.collect()
    gc.freeze()
    began, cpu = time.perf_counter(), time.process_time()
    count = await workload()
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    figures = {"steps_per_second": count / took, "cpu_us_per_step": cpu / count * 1e6}
    print(json.dumps({"figures": figures, "dbos": version("dbos")}), flush=True)
    DBOS.destroy()


if __name__ == "__main__":
    asyncio.run(measure())
