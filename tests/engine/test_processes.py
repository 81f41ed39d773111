"""Several processes on one file: taking over, sharing, being fenced, being interrupted."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from engine_world import events, eventually, live
from worker_processes import Processes, client, kill

import perdure
from perdure.errors import RunFailed

UNTIL = """
workflow: until
steps:
  - {id: a, activity: work, with: {name: a}}
  - {id: b, activity: until, with: {file: "{{ input.file }}"}}
  - {id: c, activity: work, with: {name: c}}
output: "{{ steps.b }}"
"""


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Processes]:
    processes = Processes(tmp_path)
    yield processes
    await processes.close()


async def begun(processes: Processes, name: str, times: int) -> bool:
    return len([1 for line in processes.lines() if line["what"] == "begin" and line["name"] == name]) >= times


async def test_another_process_takes_over_as_soon_as_a_worker_is_killed(processes: Processes, tmp_path: Path) -> None:
    first = await processes.start()
    async with client(processes) as engine:
        run = await engine.start(UNTIL, {"file": str(tmp_path / "door")})
        await eventually(lambda: begun(processes, "until", 1))
        second = await processes.start()
        await kill(first)
        await eventually(lambda: begun(processes, "until", 2), 5)
        (tmp_path / "door").touch()
        assert await run.result(5) == str(second.pid)
        names = [line["name"] for line in processes.lines() if line["what"] == "begin"]
        assert names == ["a", "until", "until", "c"]
        journal = [event for event in await events(run) if not event.startswith("Attempt")]
        assert journal == ["RunStarted", "ActivityCompleted a", "ActivityCompleted b", "ActivityCompleted c"]


async def test_a_worker_that_slept_through_its_lease_lands_nothing_and_starts_anew(tmp_path: Path) -> None:
    processes = Processes(tmp_path, LEASE_SECONDS="2")
    try:
        first = await processes.start()
        async with client(processes) as engine:
            run = await engine.start(UNTIL, {"file": str(tmp_path / "door")})
            await eventually(lambda: begun(processes, "until", 1))
            first.send_signal(signal.SIGSTOP)
            second = await processes.start()
            await eventually(lambda: begun(processes, "until", 2), 10)
            (tmp_path / f"door.{first.pid}").touch()
            first.send_signal(signal.SIGCONT)
            await eventually(lambda: ended(processes, first.pid), 5)
            (tmp_path / f"door.{second.pid}").touch()
            assert await run.result(10) == str(second.pid)
            names = [line["name"] for line in processes.lines() if line["what"] == "begin"]
            assert names == ["a", "until", "until", "c"]
            await kill(second)
            again = await engine.start(UNTIL, {"file": str(tmp_path / "door")})
            assert await again.result(10) == str(first.pid)
            journal = [event for event in await events(run) if not event.startswith("Attempt")]
            assert journal == ["RunStarted", "ActivityCompleted a", "ActivityCompleted b", "ActivityCompleted c"]
    finally:
        await processes.close()


async def ended(processes: Processes, pid: int | None) -> bool:
    return any(line["what"] == "end" and line["name"] == "until" and line["pid"] == pid for line in processes.lines())


async def test_attempts_are_counted_over_deaths_of_the_process(processes: Processes) -> None:
    text = """
workflow: w
steps:
  - {{id: a, activity: die, with: {{survive: {survive}}}{retry}}}
"""
    async with client(processes) as engine:
        once = await engine.start(text.format(survive=9, retry=", retry: {attempts: 1}"))
        thrice = await engine.start(text.format(survive=9, retry=", retry: {attempts: 3, delay: 10ms}"))
        plain = await engine.start(text.format(survive=1, retry=""))
        for _ in range(3):
            process = await processes.start()
            await process.wait()
        await processes.start()
        assert await plain.result(10) == {"attempt": 2, "details": {"attempt": 1}}
        for run, attempt in ((once, 1), (thrice, 3)):
            with pytest.raises(RunFailed) as caught:
                await run.result(10)
            assert caught.value.error is not None
            assert (caught.value.error["type"], caught.value.error["attempt"]) == ("WorkerLost", attempt)
        calls = [line["run"] for line in processes.lines()]
        assert [calls.count(run.id) for run in (once, thrice, plain)] == [1, 3, 2]


async def test_a_signal_from_another_process_wakes_a_parked_run(processes: Processes) -> None:
    await processes.start()
    async with client(processes) as engine:
        text = "workflow: w\nsteps:\n  - {id: a, wait: {signal: go}}\n  - {activity: work, with: {name: x}}\n"
        runs = [await engine.start(text) for _ in range(20)]
        await asyncio.gather(*(run.signal("go") for run in runs))
        results = await asyncio.gather(*(run.result(10) for run in runs))
        assert len(set(results)) == 20


async def test_two_processes_share_the_work_and_run_no_step_twice(processes: Processes) -> None:
    await processes.start()
    await processes.start()
    text = """
workflow: w
steps:
  - id: each
    foreach: [1, 2, 3]
    steps:
      - {activity: work, with: {name: x}}
      - {id: pause, wait: {signal: go}}
"""
    async with client(processes) as engine:
        runs = [await engine.start(text) for _ in range(30)]
        for _ in range(3):
            await asyncio.gather(*(run.signal("go") for run in runs))
        await asyncio.gather(*(run.result(20) for run in runs))
        keys = [line["key"] for line in processes.lines() if line["what"] == "begin"]
        assert len(keys) == len(set(keys)) == 90


async def test_a_question_asked_in_one_process_is_answered_in_another(processes: Processes) -> None:
    await processes.start()
    async with client(processes) as engine:
        text = """
workflow: w
steps: [{activity: work, with: {name: x}}, {id: q, ask: {prompt: "?"}}, {activity: work, with: {name: y}}]
"""
        run = await engine.start(text)
        await live(run, "q")
        await run.answer("q", 1)
        assert (await run.result(10)).startswith("y:")


PROGRAM = """
import asyncio, sys, perdure
from perdure import activity

@activity("slow")
async def slow() -> int:
    print("begun", flush=True)
    try:
        await asyncio.sleep(60)
    finally:
        print("told", flush=True)
    return 1

async def main() -> None:
    async with perdure.open(sys.argv[1], activities=[slow], grace=0.2) as engine:
        run = await engine.start("workflow: w\\nsteps:\\n  - {activity: slow}\\n", id="r")
        await run.result()

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_an_interrupted_program_closes_its_engine_and_ends(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    with subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM, str(file)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as program:  # fmt: skip
        assert program.stdout is not None
        assert program.stdout.readline() == "begun\n"
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=15)
    assert (out, program.returncode) == ("told\ninterrupted\n", 0), err
    assert "Traceback" not in err
    assert "never" not in err

    async def after() -> tuple[str, int, int]:
        async with perdure.open(str(file), work=False) as engine:
            row = await engine._row("r")
            return row.status, row.recoveries, len(await engine._store.workers())

    assert asyncio.run(after()) == ("running", 0, 0)
