"""Workers killed and stopped beyond their lease under load, while a client sends everything a client can send.

A stopped process is a zombie: declared dead, it wakes and goes on with what it had begun. Locks, schedules, calls that
run at most once, signals, updates and answers keep their promises; the ledger tells. `PERDURE_SOAK=seconds` goes on
for longer, `PERDURE_SEED=n` chooses other moments.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine_world import eventually
from worker_processes import Processes, client, kill

import perdure

SECONDS = float(os.environ.get("PERDURE_SOAK", "4"))
SEED = int(os.environ.get("PERDURE_SEED", "1"))
RUNS_AT_A_TIME = 6
DOORS = 3
LEASE = "0.5"

VISIT = perdure.load("""
workflow: visit
input: {type: object, required: [door], properties: {door: {type: integer}}}
steps:
  - id: once
    activity: work
    with: {name: once}
    retry: {attempts: 1}
    catch: [{errors: [WorkerLost], steps: [{return: lost}]}]
  - id: inside
    lock: {key: "door-{{ input.door }}"}
    steps:
      - {id: enter, activity: interval}
      - {id: leave, activity: interval}
  - id: cart
    receive:
      state: {items: []}
      on:
        - update: add
          set: {items: "{{ state.items + [message] }}"}
          reply: "{{ state.items }}"
        - {signal: close, stop: true}
  - {id: go, wait: {signal: go}}
  - {id: nod, ask: {prompt: "Well?", form: {type: integer}}}
  - {id: last, activity: work, with: {name: last}}
output: {items: "{{ steps.cart.items }}", go: "{{ steps.go }}", nod: "{{ steps.nod.answer }}"}
""")

TICK = """
workflow: tick
schedule: {every: 1s, overlap: allow, input: {time: "{{ schedule.time }}"}}
input: {type: object, properties: {time: {type: string}}}
steps: [{id: tock, activity: work, with: {name: tock}}]
"""


async def test_no_promise_is_broken_by_zombies(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    processes = Processes(tmp_path, LEASE_SECONDS=LEASE)
    workers = [await processes.start() for _ in range(3)]
    try:
        async with client(processes) as engine:
            await engine.deploy(TICK)
            load = Load(engine, chance)
            loading = asyncio.create_task(load.go_on())
            deadline = asyncio.get_running_loop().time() + SECONDS
            while asyncio.get_running_loop().time() < deadline and not loading.done():
                await harm(processes, workers, chance)
            load.enough = True
            await loading
            await engine.schedules.pause("tick")
            ledger = defaultdict(list)
            for line in processes.lines():
                ledger[line["run"]].append(line)
            inside = defaultdict(list)
            for visit in load.visits:
                inside[visit.door] += await check(visit, ledger[visit.run.id])
            for intervals in inside.values():
                check_apart(intervals)
            await check_ticks(engine)
            assert len(load.visits) >= RUNS_AT_A_TIME
            print(len(processes.all) - 3, "kills,", len(load.visits), "runs")
    finally:
        await processes.close()


async def harm(processes: Processes, workers: list[asyncio.subprocess.Process], chance: random.Random) -> None:
    """Kill one, or stop one or two until long after their leases; they wake and learn of it."""
    await asyncio.sleep(chance.uniform(0.05, 0.4))
    victims = chance.sample(range(len(workers)), chance.choice([1, 1, 2]))
    dying = set(victims)
    if chance.random() < 0.6:
        for victim in victims:
            workers[victim].send_signal(signal.SIGSTOP)
        await asyncio.sleep(chance.uniform(0.2, 1.5))
        dying = {victim for victim in victims if chance.random() < 0.2}  # some never wake
    for victim in victims:  # all of them before any is replaced: one that sleeps may have locked the file
        if victim in dying:
            await kill(workers[victim])
        else:
            workers[victim].send_signal(signal.SIGCONT)
    for victim in dying:
        workers[victim] = await processes.start()


@dataclass(slots=True)
class Visit:
    """A run, and what its client was told."""

    run: perdure.Run
    door: int
    replies: list[Any] = field(default_factory=list)
    output: Any = None


class Load:
    """Clients that start runs and send each what it waits for; so many at a time."""

    def __init__(self, engine: perdure.Engine, chance: random.Random) -> None:
        self._engine = engine
        self._chance = chance
        self.visits: list[Visit] = []
        self.enough = False

    async def go_on(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(RUNS_AT_A_TIME):
                group.create_task(self._one_after_the_other())

    async def _one_after_the_other(self) -> None:
        while not self.enough:
            await asyncio.sleep(self._chance.uniform(0, 0.2))
            door = self._chance.randrange(DOORS)
            visit = Visit(await self._engine.start(VISIT, {"door": door}), door)
            self.visits.append(visit)
            async with asyncio.timeout(90):
                await self._serve(visit)

    async def _serve(self, visit: Visit) -> None:
        run = visit.run
        await run.signal("go", "early", id="go")
        if await self._is_at(run, "cart"):
            for number in (1, 2, 3):
                sent = [run.update("add", number, id=f"add-{number}") for _ in range(self._chance.choice([1, 2]))]
                visit.replies.append(await asyncio.gather(*sent))
            await run.signal("close")
            assert await self._is_at(run, "nod")
            answers = [run.answer("nod", number) for number in (1, 2)]
            refused = [answer for answer in await asyncio.gather(*answers, return_exceptions=True) if answer]
            assert [type(problem) for problem in refused] == [perdure.RunConflict]
        visit.output = await run.result(60)

    async def _is_at(self, run: perdure.Run, step: str) -> bool:
        """Wait until the run is at a step that waits; False where it has ended."""

        async def look() -> str | None:
            info = await run.describe()
            if info.closed_at is not None:
                return "ended"
            return "there" if any(part["address"] == step for part in info.live) else None

        return bool(await eventually(look, 60) == "there")


async def check(visit: Visit, ledger: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """What was promised of one run; when it was inside its door."""
    history = await visit.run.history()
    assert [row["seq"] for row in history] == list(range(1, len(history) + 1))
    begun = Counter(line["name"] for line in ledger if line["what"] == "begin")
    assert begun["once"] <= 1
    if visit.output == "lost":
        assert begun.keys() <= {"once"}
        return []
    assert begun["once"] == 1
    results = [row["step"] for row in history if row["event"] == "ActivityCompleted"]
    assert results == ["once", "enter", "leave", "last"]
    assert visit.replies == [[list(range(1, n + 1))] * len(replies) for n, replies in enumerate(visit.replies, 1)]
    assert visit.output["items"] == [1, 2, 3]
    assert visit.output["go"] == "early"
    assert visit.output["nod"] in (1, 2)
    received = Counter(row["event"] for row in history)
    assert (received["UpdateReceived"], received["SignalReceived"], received["AskAnswered"]) == (3, 2, 1)
    return [
        tuple(row["result"])
        for row in history
        if row.get("step") in ("enter", "leave") and row["event"] == "ActivityCompleted"
    ]


def check_apart(intervals: list[tuple[float, float]]) -> None:
    """No two attempts that count were behind one door at once."""
    intervals.sort()
    for (_, end), (begin, _) in pairwise(intervals):
        assert end <= begin


async def check_ticks(engine: perdure.Engine) -> None:
    """Every second from the first to the last was fired, each once, and each run has ended well."""
    runs = [run.id for run in await engine.runs("workflow = 'tick'", limit=10_000)]
    times = sorted(perdure.values.parse_time(run.removeprefix("tick/")) // perdure.values.SECOND for run in runs)
    assert times == list(range(times[0], times[0] + len(times)))
    assert len(times) >= SECONDS - 2
    for run in runs:
        await engine.run(run).result(30)
