"""Plots of what runs hold and leave behind: undos, locks, tasks, cached results, heartbeats, schedules."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from plot import Plot, outcome

from perdure.definition import load
from perdure.values import SECOND, decode

if TYPE_CHECKING:
    from stage import Stage

SAGA = load("""
workflow: saga
steps:
  - foreach: "range(input.n)"
    concurrency: 2
    steps:
      - {id: a, activity: work, with: {value: "{{ index }}"},
         compensate: {activity: undo, with: {value: "{{ steps.a.value }}"}}}
  - {id: b, activity: flaky, with: {value: b}, retry: {attempts: 9, delay: 50ms, jitter: 0},
     compensate: {activity: undo, with: {value: b}}}
  - {id: c, activity: slow, with: {value: c}, compensate: {activity: undo, with: {value: c}}}
  - if: input.fails
    fail: {type: Boom, message: boom}
finally: [{activity: tick}]
""")


class Sagas(Plot):
    """Runs that fail or are cancelled undo what completed, newest first."""

    documents = (SAGA,)

    async def play(self, stage: Stage) -> None:
        await asyncio.gather(*(self._one(stage, f"saga {number}") for number in range(self.some(1, 4))))

    async def _one(self, stage: Stage, id: str) -> None:
        await stage.start("saga", {"n": self.some(0, 4), "fails": self.chance.random() < 0.5}, id)
        await self.pause(self.chance.triangular(0, 8, 0))
        if self.chance.random() < 0.6:
            await stage.do("cancel", id)

    def judge(self, stage: Stage) -> Iterator[str]:
        for key, row in stage.file.runs.items():
            found = {"status": row.status, **decode(row.outcome or b"{}")}
            undone = list(found.get("undone", []))
            if row.status == "completed":
                if undone:
                    yield f"{row.id} completed and undid {undone}"
                continue
            if found.get("not_undone"):
                yield f"{row.id} did not undo {found['not_undone']}"
            completed = [
                call for seq in sorted(seq for run, seq in stage.ledger.landed if run == key)
                if (call := stage.started.get((key, seq))) is not None and call.name in ("work", "flaky", "slow")
            ]  # fmt: skip
            expected = [call.address for call in reversed(completed)]
            if undone != expected:
                yield f"{row.id} undid {undone}, and what completed was, newest first, {expected}"


DOOR = load("""
workflow: door
concurrency: {key: "{{ input.place }}", limit: 2, on_conflict: queue}
steps:
  - {lock: {key: door}, activity: work, with: {value: door}}
  - lock: {key: pool, limit: 2}
    steps: [{activity: work, with: {value: pool}}, {activity: tick}]
  - {if: input.again, restart: {input: {again: false, place: "{{ input.place }}"}}}
""")


class Locks(Plot):
    """Many runs share locks; some are cancelled, terminated, paused."""

    documents = (DOOR,)

    async def play(self, stage: Stage) -> None:
        await asyncio.gather(*(self._one(stage, f"door {number}") for number in range(self.some(2, 6))))

    async def _one(self, stage: Stage, id: str) -> None:
        await stage.start("door", {"again": self.chance.random() < 0.3, "place": self.chance.randrange(2)}, id)
        await self.pause(self.chance.triangular(0, 8, 0))
        deed = self.chance.choice((None, None, None, "cancel", "terminate", "pause"))
        if deed is not None:
            await stage.do(deed, id)
        if deed == "pause":
            await self.pause(1)
            await stage.insist_on("resume", id)

    def judge(self, stage: Stage) -> Iterator[str]:
        touched = {message.run for message in stage.ledger.messages if message.kind in ("cancel", "terminate")}
        for row in stage.file.runs.values():
            if row.status not in ("completed", "continued") and row.id.partition("~")[0] not in touched:
                yield f"{row.id} is {row.status}"


QUEUES = load("""
workflow: queues
steps:
  - foreach: "range(input.n)"
    concurrency: 3
    steps: [{id: q, activity: work, with: {value: "{{ index }}"}, queue: far}]
  - {id: c, activity: work, with: {value: c}, cache: {key: c}}
  - {id: once, activity: work, with: {value: once}, retry: {attempts: 1}, catch: [{errors: [WorkerLost], steps: []}]}
output: "{{ steps.c.value }}"
""")


class Queues(Plot):
    """Calls that one worker alone makes, results from the cache, and attempts that are made at most once."""

    documents = (QUEUES,)
    workers = 2

    async def play(self, stage: Stage) -> None:
        stage.queues[0] = {"far": 2, "default": 9}
        stage.queues[1] = {"default": 9}
        self.runs = [f"queues {number}" for number in range(self.some(1, 3))]
        await asyncio.gather(*(self._one(stage, id) for id in self.runs))

    async def _one(self, stage: Stage, id: str) -> None:
        await stage.start("queues", {"n": self.some(1, 4)}, id)
        if self.chance.random() < 0.3:
            await self.pause(self.chance.triangular(0, 5, 0))
            await stage.do("cancel", id)

    def judge(self, stage: Stage) -> Iterator[str]:
        touched = {message.run for message in stage.ledger.messages if message.kind == "cancel"}
        for id in self.runs:
            found = outcome(stage, id)
            if id not in touched and (found["status"] != "completed" or found["output"] != "c"):
                yield f"{id} is {found}"
        for key, times in Counter(call.key for call in stage.ledger.calls if call.address == "once").items():
            if times > 1:
                yield f"{key} was called {times} times"


KEPT = load("""
workflow: kept
steps:
  - {id: c, activity: work, with: {value: "{{ input.n }}"}, cache: {key: c, ttl: 8s}}
output: "{{ steps.c.value }}"
""")


class Caches(Plot):
    """What is kept is used as long as it has not expired, and no longer."""

    documents = (KEPT,)
    quick = False

    async def play(self, stage: Stage) -> None:
        for number in range(self.some(2, 5)):
            await stage.start("kept", {"n": number}, f"kept {number}")
            await asyncio.sleep(self.chance.choice((4, 20 if self.small else 80)))

    def judge(self, stage: Stage) -> Iterator[str]:
        for row in stage.file.runs.values():
            if row.status != "completed":
                yield f"{row.id} is {row.status}"


LONG = load("""
workflow: long
steps:
  - {id: b, activity: beat, with: {value: 6}, timeout: {heartbeat: 20s}, retry: {attempts: 9, delay: 100ms}}
output: "{{ steps.b }}"
""")


class Heartbeats(Plot):
    """An attempt begins where the last one stood, as far as that was durable."""

    documents = (LONG,)
    quick = False

    async def play(self, stage: Stage) -> None:
        await asyncio.gather(*(stage.start("long", {}, f"long {number}") for number in range(self.some(1, 3))))

    def judge(self, stage: Stage) -> Iterator[str]:
        for row in stage.file.runs.values():
            if row.status != "completed":
                yield f"{row.id} is {row.status}: {row.outcome!r}"


TICKS = load("""
workflow: ticks
schedule: {every: 2s, overlap: allow, catch_up: 1h}
steps: [{activity: tick}]
""")


class Schedules(Plot):
    """A schedule's times each have one run."""

    documents = (TICKS,)

    async def play(self, stage: Stage) -> None:
        await asyncio.sleep(self.chance.uniform(2, 5) if self.small else self.chance.uniform(8, 40))
        [schedule] = await stage.insist(lambda: stage.client.schedules.list())
        await stage.insist(lambda: stage.client.schedules.pause(schedule.id))
        await self.pause(2)

    def judge(self, stage: Stage) -> Iterator[str]:
        [(schedule, fired)] = stage.file.fired.items() or [("", set())]
        ids = Counter(row.id for row in stage.file.runs.values())
        if len(ids) != len(fired) or any(times > 1 for times in ids.values()):
            yield f"{schedule}: {len(fired)} times fired, {len(ids)} runs"
        if any(row.status != "completed" for row in stage.file.runs.values()):
            yield f"{[row.status for row in stage.file.runs.values()]}"
        moments = sorted(fired)
        if any(later - earlier != 2 * SECOND for earlier, later in pairwise(moments)):
            yield f"times were left out: {moments}"
