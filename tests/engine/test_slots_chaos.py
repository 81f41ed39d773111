"""Locks, places and restarts in a storm: runs cancelled, terminated, paused; workers dying. Then nothing is left over.

`PERDURE_SOAK=seconds` makes for more storms; `PERDURE_SEED=n` for other ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sqlite3
from collections import Counter
from typing import Any

import pytest
from engine_world import Gate, Place, opener
from live_world import Mortal, bury_all

import perdure
from perdure.activities import activity
from perdure.engine import Engine
from perdure.errors import PerdureError, RunConflict

STORMS = 2 + int(os.environ.get("PERDURE_SOAK", "0")) // 2
SEED = int(os.environ.get("PERDURE_SEED", "1"))
RUNS = 25

STORM = """
workflow: storm
concurrency: {key: "{{ input.place }}", limit: 3, on_conflict: CONFLICT}
retry: {attempts: 2, delay: 1ms}
steps:
  - parallel:
      join: JOIN
      rest: REST
      branches:
        a:
          - lock: {key: x}
            steps: [{activity: visit, with: {room: x}}, {activity: visit, with: {room: y}, lock: {key: y}}]
            catch: [{errors: [LimitExceeded], steps: []}]
        b:
          - lock: {key: y}
            steps: [{activity: visit, with: {room: y}}, {activity: visit, with: {room: x}, lock: {key: x}}]
            catch: [{errors: [LimitExceeded], steps: []}]
        c:
          - lock: {key: pool, limit: 3}
            steps: [{activity: visit, with: {room: pool}}]
            timeout: 20ms
            catch: [{steps: []}]
  - {if: input.again, restart: {input: {again: false, child: false, place: "{{ input.place }}"}}}
  - if: input.child
    workflow: storm
    with: {again: false, child: false, place: "{{ input.place + 1 }}"}
    catch: [{steps: []}]
"""


class Storm:
    """One storm: its chances, the rooms and how many were in each at once."""

    def __init__(self, place: Place, seed: int) -> None:
        self.place = place
        self.chance = random.Random(seed)
        self.inside: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.runs: list[perdure.Run] = []
        self.text = (
            STORM.replace("CONFLICT", self.chance.choice(["queue", "queue", "cancel_running"]))
            .replace("JOIN", self.chance.choice(["all", "any"]))
            .replace("REST", self.chance.choice(["cancel", "finish"]))
        )

    def activity(self) -> Any:
        @activity("visit")
        async def visit(room: str) -> None:
            self.inside[room] += 1
            self.most[room] = max(self.most[room], self.inside[room])
            try:
                await asyncio.sleep(self.chance.random() * 0.004)
            finally:
                self.inside[room] -= 1

        return visit

    def input(self) -> dict[str, Any]:
        chance = self.chance
        return {"again": chance.random() < 0.3, "child": chance.random() < 0.3, "place": chance.randrange(2)}

    async def blow(self, client: Engine) -> None:
        for number in range(RUNS):
            self.runs.append(await client.start(self.text, self.input(), id=f"s{number}"))
            await asyncio.sleep(self.chance.random() * 0.03)
            if self.chance.random() < 0.4:
                run = self.chance.choice(self.runs)
                with contextlib.suppress(RunConflict):
                    await getattr(run, self.chance.choice(["cancel", "terminate", "pause", "resume"]))()

    async def live_and_die(self, opened: Any) -> None:
        for _ in range(3):
            mortal = Mortal(self.place.store())
            async with opened(self.activity(), store=mortal):
                await asyncio.sleep(self.chance.random() * 0.4)
                if self.chance.random() < 0.7:
                    mortal.dead.set()


@pytest.mark.parametrize("seed", range(SEED, SEED + STORMS))
async def test_after_a_storm_nobody_has_met_and_nothing_is_held(sqlite_place: Place, gate: Gate, seed: int) -> None:
    storm = Storm(sqlite_place, seed)
    opened = opener(sqlite_place, gate)
    async with opened(storm.activity(), work=False) as client:
        await asyncio.gather(storm.blow(client), *(storm.live_and_die(opened) for _ in range(2)))
        await bury_all(sqlite_place)
        for run in storm.runs:
            with contextlib.suppress(RunConflict):
                await run.resume()
        async with opened(storm.activity()), opened(storm.activity()):
            for info in await client.runs(limit=500):
                with contextlib.suppress(PerdureError):
                    await client.run(info.id).result(60)
            last = await client.start(storm.text, {"again": False, "child": False, "place": 0})
            await last.result(10)
    assert storm.most["x"] == storm.most["y"] == 1
    assert storm.most["pool"] <= 3
    with contextlib.closing(sqlite3.connect(str(sqlite_place.path))) as file:
        assert file.execute("SELECT * FROM slots").fetchall() == []
