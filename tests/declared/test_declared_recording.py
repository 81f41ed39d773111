"""A test written from a history holds on that definition, and says what the run was told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.activities import Registry
from perdure.engine.copying import history_of
from perdure.testing import Call, End, Harness, Reply
from perdure.testing.declared.recording import record
from perdure.testing.declared.session import run_session
from perdure.values import HOUR, SECOND

TALK = """
workflow: talk
steps:
  - {id: early, wait: {signal: first}}
  - id: work
    activity: shop.work
    retry: {attempts: 3, delay: 1s, jitter: 0}
    compensate: {activity: shop.undo}
  - id: desk
    receive:
      state: {n: 0}
      on:
        - {update: add, set: {n: "{{ state.n + message }}"}, reply: "{{ state.n }}"}
        - {signal: stop, stop: true}
  - {id: sure, ask: {prompt: sure?}}
  - {id: kid, workflow: child, with: {n: 1}}
  - {id: tell, send: {to: other, signal: hello}, catch: [{steps: []}]}
  - {id: rain, wait: {event: rain}}
  - publish: {done: true}
  - if: input.fails
    fail: {type: Enough}
output: {n: "{{ steps.desk.n }}", sure: "{{ steps.sure.answer }}", kid: "{{ steps.kid }}"}
"""


def recorded_test(tmp_path: Path, definition: str, prepare: Any, **options: Any) -> tuple[str, Harness]:
    (tmp_path / "it.yaml").write_text(definition)
    program = perdure.load(tmp_path / "it.yaml").program
    harness = Harness(program, **options)
    prepare(harness)
    harness.run()
    text = record(program, harness.journal, definition="./it.yaml", name="as it went")
    (tmp_path / "it.test.yaml").write_text(text)
    return text, harness


def holds(tmp_path: Path) -> list[Any]:
    session = run_session([tmp_path / "it.test.yaml"], Registry.load([], entry_points=False))
    assert session.broken == [], session.suites[0].diagnostics
    return [failure for result in session.results for failure in result.failures]


def busy_twice(call: Call) -> Reply:
    if call.attempt < 3:
        return Reply(End(error={"type": "Busy", "message": "no: later"}), after=2 * SECOND)
    return Reply(End({"id": "1e3", "at": "0o14", "yes": "no"}), after=SECOND)


ACTIVITIES = {"shop.work": busy_twice, "shop.undo": lambda call: None}


@pytest.mark.parametrize("fails", [False, True])
def test_a_test_from_a_run_that_was_talked_to_holds(tmp_path: Path, fails: bool) -> None:
    def prepare(harness: Harness) -> None:
        harness.at(0, lambda: harness.signal("first", {"a": 1}))
        harness.at(HOUR, lambda: harness.update("add", 2))
        harness.at(HOUR, lambda: harness.pause("lunch"))
        harness.at(2 * HOUR, harness.resume)
        harness.at(3 * HOUR, lambda: harness.signal("stop"))
        harness.at(4 * HOUR, lambda: harness.answer("sure", "of course", "ana"))
        harness.at(6 * HOUR, lambda: harness.event("rain", {"mm": 3}))

    def refused(call: Call) -> None:
        raise perdure.ActivityError("UnknownRun", "there is no such run")

    text, harness = recorded_test(
        tmp_path, TALK, prepare, activities=ACTIVITIES, children={"child": lambda call: Reply(End(7), after=HOUR)},
        post=refused, input={"fails": fails},
    )  # fmt: skip
    assert harness.status == ("failed" if fails else "completed")
    assert holds(tmp_path) == []
    for said in ("by: ana", "lunch", "Busy", "{step: desk, is: waiting}", "send: hello", "attempts: 3"):
        assert said in text


@pytest.mark.parametrize("end", ["cancel", "terminate", "crash", "open"])
def test_a_test_from_a_run_that_was_stopped_or_goes_on_holds(tmp_path: Path, end: str) -> None:
    definition = """
        workflow: it
        steps:
          - {id: work, activity: shop.work, retry: {attempts: 2, delay: 1s, jitter: 0}}
        """

    def prepare(harness: Harness) -> None:
        if end in ("cancel", "terminate"):
            harness.at(HOUR, lambda: getattr(harness, end)("enough"))
        elif end == "crash":
            harness.at(HOUR, harness.crash)

    replies = iter([Reply(hang=True), Reply(End(3))])
    _, harness = recorded_test(tmp_path, definition, prepare, activities={"shop.work": lambda call: next(replies)})
    expected = {"cancel": "cancelled", "terminate": "terminated", "crash": "completed", "open": "running"}
    assert harness.status == expected[end]
    assert holds(tmp_path) == []


PATIENT = """
workflow: patient
steps:
  - id: far
    activity: far
    timeout: {queue: 5m}
    catch: [{errors: [Timeout], steps: []}]
  - id: slow
    activity: slow
    timeout: {heartbeat: 10s, total: 1m}
    catch: [{errors: [Timeout], steps: []}]
  - id: mute
    activity: slow
    timeout: {heartbeat: 10s}
    catch: [{steps: [{return: "{{ error.message }}"}]}]
"""


def test_a_test_from_a_run_with_queues_and_heartbeats_holds(tmp_path: Path) -> None:
    said = {
        "far": lambda call: Reply(End(1), queued=HOUR),
        "slow": lambda call: Reply(hang=True, silent=call.address == "mute"),
    }
    text, harness = recorded_test(tmp_path, PATIENT, lambda harness: None, activities=said)
    assert (harness.outcome["output"], harness.elapsed) == ("no heartbeat within 10s", 370 * SECOND)
    assert "queued: 301s" in text or "queued: 5m1s" in text
    assert "silent: false" in text
    assert holds(tmp_path) == []


async def test_a_test_from_a_run_that_found_a_result_in_the_cache_holds(tmp_path: Path) -> None:
    definition = "workflow: it\nsteps: [{id: a, activity: noop, with: {value: '{{ input.n }}'}, cache: {key: all}}]\n"
    (tmp_path / "it.yaml").write_text(definition)
    async with perdure.open("memory://") as engine:
        for id, number in (("r1", 3), ("r2", 4)):
            run = await engine.start(tmp_path / "it.yaml", {"n": number}, id=id)
            assert await run.result(10) == 3
        found = await history_of(engine, "r2")
    (tmp_path / "it.test.yaml").write_text(
        record(found.programs[0], found.events, definition="./it.yaml", name="run r2")
    )
    assert await asyncio.to_thread(holds, tmp_path) == []


async def test_a_test_from_a_run_of_the_engine_holds(tmp_path: Path) -> None:
    definition = "workflow: it\nsteps: [{id: a, activity: noop, with: {value: 3}}, {id: b, wait: {signal: go}}]\n"
    (tmp_path / "it.yaml").write_text(definition)
    async with perdure.open("memory://") as engine:
        run = await engine.start(tmp_path / "it.yaml", {}, id="r1")
        await run.signal("go", {"n": 1})
        assert await run.result(10) == {"n": 1}
        found = await history_of(engine, "r1")
    text = record(found.programs[0], found.events, definition="./it.yaml", name="run r1")
    (tmp_path / "it.test.yaml").write_text(text)
    assert await asyncio.to_thread(holds, tmp_path) == []
