"""Locks over crashes: whichever write a worker dies at, nobody is let in beside another, and nobody waits for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engine_world import Gate, Place, eventually, opener
from live_world import bury_all
from slot_world import Room
from test_live_crash import Doomed
from worker_processes import Processes, client, kill

from perdure.engine import Engine
from perdure.errors import RunCancelled

TURN = """
workflow: turn
concurrency: {key: turns, limit: 2}
steps:
  - id: outer
    lock: {key: room}
    steps:
      - {id: a, activity: visit, with: {value: "{{ input.n }}"}, cache: {key: "{{ input.n }}"}}
      - {id: b, activity: visit, lock: {key: room}}
  - id: both
    parallel:
      branches:
        c: [{activity: visit, lock: {key: room}}]
        d: [{activity: visit, lock: {key: room}}]
  - {if: input.more, restart: {input: {n: "{{ input.n }}", more: false}}}
output: "{{ steps.outer }}"
"""
RUNS = 4
MOST = 80


@pytest.mark.parametrize("when", ["before", "after"])
async def test_runs_take_turns_whichever_write_their_worker_dies_at(gate: Gate, when: str) -> None:
    for number in range(1, MOST):
        room, place = Room(), Place(None)
        opened = opener(place, gate)
        async with opened(room.activity(), work=False) as client:
            for n in range(RUNS):
                await client.start(TURN, {"n": n, "more": n == 0}, id=f"t{n}")
            doomed = Doomed(place.store(), number, when)
            async with opened(room.activity(), store=doomed):
                died = await death_or_end(doomed, client)
            await bury_all(place)
            async with opened(room.activity()):
                await all_have_had_their_turn(client)
        assert room.most == 1, number
        if not died:
            assert number > 10
            return
    raise AssertionError("the runs never ended")


async def all_have_had_their_turn(client: Engine) -> None:
    for n in range(RUNS):
        await client.run(f"t{n}").result(10)
    last = await client.start(TURN, {"n": 0, "more": False})
    await last.result(10)


async def death_or_end(doomed: Doomed, client: Engine) -> bool:
    async def look() -> str | None:
        if doomed.dead.is_set():
            return "dead"
        rows = [await client._store.find(f"t{n}") for n in range(RUNS)]
        return "ended" if all(row is not None and row.closed_at is not None for row in rows) else None

    return bool(await eventually(look) == "dead")


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_cancelled_run_leaves_its_lock_whichever_write_its_worker_dies_at(gate: Gate, when: str) -> None:
    text = """
workflow: held
steps: [{id: o, lock: {key: room}, steps: [{id: w, wait: {signal: go}}], finally: [{activity: visit}]}]
"""
    for number in range(1, 30):
        room, place = Room(), Place(None)
        opened = opener(place, gate)
        async with opened(room.activity(), work=False) as client:
            runs = [await client.start(text, id=f"h{n}") for n in range(3)]
            for run in runs[:2]:
                await run.cancel()
            doomed = Doomed(place.store(), number, when)
            async with opened(room.activity(), store=doomed):
                died = await eventually(lambda doomed=doomed, client=client: dead_or_third(doomed, client)) == "dead"
            await bury_all(place)
            async with opened(room.activity()):
                for run in runs[:2]:
                    with pytest.raises(RunCancelled):
                        await run.result(10)
                await runs[2].signal("go")
                await runs[2].result(10)
        if not died:
            return
    raise AssertionError("the runs never ended")


async def dead_or_third(doomed: Doomed, client: Engine) -> str | None:
    if doomed.dead.is_set():
        return "dead"
    parts = (await client.run("h2").describe()).live
    return "third" if [part["address"] for part in parts] == ["w"] else None


LOCKED = """
workflow: locked
steps:
  - foreach: [1, 2, 3]
    steps: [{id: w, activity: work, with: {name: "{{ run.id }}"}, lock: {key: room}}]
"""


async def test_no_two_runs_hold_a_lock_though_workers_are_killed(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    try:
        async with client(processes) as engine:
            runs = [await engine.start(LOCKED, id=f"r{n}") for n in range(12)]
            workers = [await processes.start() for _ in range(2)]
            for number in range(6):
                await eventually(lambda number=number: enough(processes, 4 * (number + 1)))
                await kill(workers[number % 2])
                workers[number % 2] = await processes.start()
            for run in runs:
                await run.result(20)
    finally:
        await processes.close()
    check_turns(processes.lines())


async def enough(processes: Processes, lines: int) -> bool:
    return len(processes.lines()) >= lines


def check_turns(lines: list[dict[str, Any]]) -> None:
    """Whoever has begun ends, or begins again after a kill, before another run begins."""
    holder = None
    for line in lines:
        assert holder in (None, line["run"]), lines
        holder = None if line["what"] == "end" else line["run"]
    assert sum(line["what"] == "end" for line in lines) >= 36
