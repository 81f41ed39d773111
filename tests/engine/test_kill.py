"""Workers killed with `kill -9` at random moments under load; a ledger outside of the store proves the promises.

`PERDURE_SOAK=seconds` kills for longer; `PERDURE_SEED=n` chooses other moments.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

from worker_processes import Processes, client, kill

import perdure
from perdure.errors import RunFailed

SECONDS = float(os.environ.get("PERDURE_SOAK", "7"))
SEED = int(os.environ.get("PERDURE_SEED", "1"))
RUNS_AT_A_TIME = 40

ORDER = perdure.load("""
workflow: order
input: {type: object, required: [fail], properties: {fail: {type: boolean}}}
steps:
  - id: a
    activity: work
    with: {name: a}
    compensate: {activity: undo, with: {name: a, seen: "{{ steps.a }}"}}
  - id: flaky
    activity: flaky
    with: {name: flaky, seen: "{{ steps.a }}"}
    retry: {attempts: 100, delay: 5ms, backoff: constant}
    compensate: {activity: undo, with: {name: flaky, seen: "{{ steps.flaky }}"}}
  - id: fan
    parallel:
      branches:
        left:
          - id: left
            activity: work
            with: {name: left, seen: "{{ steps.flaky }}"}
            compensate: {activity: undo, with: {name: left, seen: "{{ steps.left }}"}}
        right:
          - {id: right, activity: work.thread, with: {name: right, seen: "{{ steps.flaky }}"}}
          - {id: nap, wait: 15ms}
          - id: later
            activity: work
            with: {name: later, seen: "{{ steps.right }}"}
            compensate: {activity: undo, with: {name: later, seen: "{{ steps.later }}"}}
  - id: each
    foreach: "{{ [1, 2, 3] }}"
    as: number
    concurrency: 2
    steps:
      - id: item
        activity: work
        with: {name: item, seen: "{{ steps.fan.left }}"}
        compensate: {activity: undo, with: {name: item, seen: "{{ steps.item }}"}}
  - id: approvals
    foreach: "{{ [1, 2, 3] }}"
    steps: [{id: approval, wait: {signal: approve}}]
  - {id: thread, activity: work.thread, with: {name: thread, seen: "{{ steps.approvals }}"}}
  - {id: last, activity: last, with: {fail: "{{ input.fail }}"}}
output:
  - "{{ steps.a }}"
  - "{{ steps.flaky }}"
  - "{{ steps.fan }}"
  - "{{ steps.each }}"
  - "{{ steps.approvals }}"
  - "{{ steps.last }}"
""")

STAGES = {"a": 0, "flaky": 1, "left": 2, "right": 2, "later": 2.5, "item": 3, "thread": 4, "last": 5}
UNDONE = ("a", "flaky", "left", "later", "item")


async def test_no_promise_is_broken_by_killing_workers(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    processes = Processes(tmp_path)
    workers = [await processes.start() for _ in range(2)]
    try:
        async with client(processes) as engine:
            load = Load(engine, chance)
            loading = asyncio.create_task(load.go_on())
            deadline = asyncio.get_running_loop().time() + SECONDS
            while asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(chance.uniform(0.05, 0.6))
                victims = chance.choice([[0], [1], [0, 1]])
                await asyncio.gather(*(kill(workers[victim]) for victim in victims))
                for victim in victims:
                    workers[victim] = await processes.start()
            load.enough = True
            await loading
            ledger = defaultdict(list)
            for line in processes.lines():
                ledger[line["run"]].append(line)
            assert len(processes.all) > 4
            assert len(load.runs) >= RUNS_AT_A_TIME
            for run in load.runs:
                await check(run, load.failing[run.id], ledger[run.id])
            print(
                len(processes.all) - 2, "kills,", len(load.runs), "runs,", sum(map(len, ledger.values())), "calls noted"
            )
    finally:
        await processes.close()


class Load:
    """Starts runs and sends each its three approvals at some time; keeps so many going at a time."""

    def __init__(self, engine: perdure.Engine, chance: random.Random) -> None:
        self._engine = engine
        self._chance = chance
        self.runs: list[perdure.Run] = []
        self.failing: dict[str, bool] = {}
        self.enough = False

    async def go_on(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(RUNS_AT_A_TIME):
                group.create_task(self._one_after_the_other())

    async def _one_after_the_other(self) -> None:
        while not self.enough:
            await asyncio.sleep(self._chance.uniform(0, 0.2))
            fail = self._chance.random() < 0.3
            run = await self._engine.start(ORDER, {"fail": fail})
            self.runs.append(run)
            self.failing[run.id] = fail
            for number in (1, 2, 3):
                await asyncio.sleep(self._chance.choice([0, 0, 0.01, 0.1, 0.5]))
                await run.signal("approve", number)
            try:
                await run.result(60)
            except RunFailed:
                assert fail


async def check(run: perdure.Run, fail: bool, ledger: list[dict[str, Any]]) -> None:
    history = await run.history()
    info = await run.describe()
    assert info.status == ("failed" if fail else "completed")
    assert [row["seq"] for row in history] == list(range(1, len(history) + 1))
    journalled = results(history)
    check_signals(history, info)
    check_results(journalled, ledger)
    check_order(ledger)
    if fail:
        assert info.error is not None
        assert info.error["type"] == "Refused"
        check_undone(history, info, ledger)
    else:
        assert info.undone == []
        a, flaky, fan, each, approvals, last = info.output
        assert approvals == [1, 2, 3]
        assert [a, flaky, fan["left"], fan["right"], *each, last] == [
            journalled[address] for address in ("a", "flaky", "left", "later", *items(), "last")
        ]


def items() -> list[str]:
    return [f"each[{number}]/item" for number in range(3)]


def results(history: list[dict[str, Any]]) -> dict[str, str]:
    """What each step came to, by its address; no step completes twice."""
    found: dict[str, str] = {}
    for row in history:
        if row["event"] == "ActivityCompleted" and row["result"] is not None:
            assert row["step"] not in found
            found[row["step"]] = row["result"]
    return found


def check_signals(history: list[dict[str, Any]], info: perdure.RunInfo) -> None:
    """Every acknowledged signal is there, once, in order, and was taken."""
    assert [row["data"] for row in history if row["event"] == "SignalReceived"] == [1, 2, 3]
    assert info.unread == []


def check_results(journalled: dict[str, str], ledger: list[dict[str, Any]]) -> None:
    """A journalled result is what a call really gave, and every later call saw this one and no other."""
    given = {line["result"] for line in ledger if line["what"] == "end"}
    assert set(journalled.values()) <= given
    sources = {"flaky": "a", "left": "flaky", "right": "flaky", "later": "right", "item": "left"}
    for line in ledger:
        if line["what"] == "begin" and line["name"] in sources:
            assert line["seen"] == journalled[sources[line["name"]]]


def check_order(ledger: list[dict[str, Any]]) -> None:
    """Once a later step has begun, the earlier ones are finished: none of them runs again."""
    furthest: dict[str, float] = {"": -1}
    for line in ledger:
        if line["what"] != "begin":
            continue
        stage = 6.0 if line["name"].startswith("undo ") else STAGES[line["name"]]
        if line["name"] in ("left", "right", "later"):
            assert max(stage for branch, stage in furthest.items() if branch != "right") <= 2
            if line["name"] != "left":
                assert furthest.get("right", -1) <= stage
                furthest["right"] = stage
        else:
            assert max(furthest.values()) <= stage
        branch = "right" if line["name"] in ("right", "later") else ""
        furthest[branch] = max(furthest.get(branch, -1), stage)


def check_undone(history: list[dict[str, Any]], info: perdure.RunInfo, ledger: list[dict[str, Any]]) -> None:
    """What had completed was undone, newest first, each with what its step had come to; nothing else was."""
    completed = [
        (row["step"], row["result"])
        for row in history
        if row["event"] == "ActivityCompleted" and row["result"] and row["result"].partition(":")[0] in UNDONE
    ]
    completed.reverse()
    assert len(completed) == 7
    begun: list[str] = []
    for line in ledger:
        if line["what"] == "begin" and line["name"].startswith("undo ") and line["seen"] not in begun[-1:]:
            begun.append(line["seen"])
    assert begun == [result for _, result in completed]
    assert [step.rpartition("/")[2] for step in info.undone] == [step.rpartition("/")[2] for step, _ in completed]
    assert info.not_undone == []
