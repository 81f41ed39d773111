"""The Python API of runs: start, wait, look, act; on every store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from engine_world import Gate, OpenEngine, Place, Shaky, events, eventually, live

import perdure
from perdure.errors import InvalidInput, RunCancelled, RunConflict, RunFailed, RunTerminated, UnknownRun

ECHO = """
workflow: echo
input: {type: object, properties: {value: {type: integer}}}
steps:
  - {id: first, activity: echo, with: {value: "{{ input.value }}"}}
"""

WAIT = """
workflow: wait
steps:
  - {id: pause, wait: {signal: go}}
"""

TWO_ASKS = """
workflow: asks
steps:
  - id: both
    parallel:
      branches:
        left: [{id: legal, ask: {prompt: "legal?", form: {type: boolean}}}]
        right: [{id: money, ask: {prompt: "money?", choices: [yes, no]}}]
"""

SAGA = """
workflow: saga
steps:
  - {id: a, activity: echo, with: {value: 1}, compensate: {activity: undo, with: {what: a}}}
  - {id: b, activity: echo, with: {value: 2}, compensate: {activity: undo, with: {what: b}}}
  - {id: c, activity: hold}
"""


async def test_a_run_gives_its_output_and_its_journal_has_one_row_per_step(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(ECHO, {"value": 3}, id="r")
        assert await run.result(10) == 3
        assert await events(run) == ["RunStarted", "ActivityCompleted first"]
        info = await run.describe()
        assert (info.id, info.status, info.input, info.output, info.error) == ("r", "completed", {"value": 3}, 3, None)
        assert info.closed_at is not None
        assert info.live == []


async def test_ten_fast_steps_in_a_row_cost_eleven_journal_rows(opened: OpenEngine) -> None:
    steps = "\n".join(f"  - {{id: s{n}, activity: echo, with: {{value: {n}}}}}" for n in range(10))
    async with opened() as engine:
        run = await engine.start(f"workflow: ten\nsteps:\n{steps}\n")
        assert await run.result(10) == 9
        assert await events(run) == ["RunStarted", *(f"ActivityCompleted s{n}" for n in range(10))]


async def test_an_attempt_that_outlives_a_batch_is_marked_once(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start("workflow: w\nsteps:\n  - {id: a, activity: hold, with: {value: 1}}\n")
        await eventually(lambda: has_event(run, "AttemptStarted a"))
        other = await engine.start(ECHO, {"value": 1})
        await other.result(10)
        gate.open.set()
        assert await run.result(10) == 1
        assert await events(run) == ["RunStarted", "AttemptStarted a", "ActivityCompleted a"]
        assert await events(other) == ["RunStarted", "ActivityCompleted first"]


async def test_whoever_waits_for_a_run_that_is_in_memory_does_not_look_into_the_store(
    opened: OpenEngine, shaky: Shaky, gate: Gate
) -> None:
    async with opened(store=shaky) as engine:
        run = await engine.start("workflow: w\nsteps:\n  - {id: a, activity: hold, with: {value: 1}}\n")
        waiting = asyncio.create_task(run.result(10))
        await gate.entered.wait()
        for _ in range(5):
            engine._watching.announce_all()  # another process has written, or nobody has looked for a second
            await asyncio.sleep(0)
        gate.open.set()
        assert await waiting == 1
    assert shaky.calls["find"] == 0


async def has_event(run: perdure.Run, event: str) -> bool:
    return event in await events(run)


async def test_the_same_id_with_the_same_definition_and_input_attaches(opened: OpenEngine) -> None:
    async with opened() as engine:
        first = await engine.start(WAIT, {"a": 1, "b": 2}, id="r")
        again = await engine.start(WAIT, {"b": 2, "a": 1}, id="r")
        await again.signal("go", 1)
        assert await first.result(10) == 1
        assert await events(first) == ["RunStarted", "SignalReceived"]


async def test_a_closed_id_gives_its_result(opened: OpenEngine) -> None:
    async with opened() as engine:
        await (await engine.start(ECHO, {"value": 1}, id="r")).result(10)
        assert await (await engine.start(ECHO, {"value": 1}, id="r")).result(10) == 1


@pytest.mark.parametrize(
    ("text", "given", "words"),
    [
        (WAIT, {"a": 2}, "another input"),
        (WAIT, {"a": True}, "another input"),
        (ECHO, {"a": 1}, "another definition"),
    ],
)
async def test_the_same_id_for_something_else_is_a_conflict(
    opened: OpenEngine, text: str, given: dict[str, Any], words: str
) -> None:
    async with opened() as engine:
        await engine.start(WAIT, {"a": 1}, id="r")
        with pytest.raises(RunConflict, match=words) as caught:
            await engine.start(text, given, id="r")
        assert caught.value.run == "r"


async def test_the_same_id_started_at_once_makes_one_run(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        runs = await asyncio.gather(*(engine.start(ECHO, {"value": 1}, id="r") for _ in range(10)))
        assert await asyncio.gather(*(run.result(10) for run in runs)) == [1] * 10
        assert gate.calls == ["echo 1"]


async def test_an_input_that_does_not_fit_makes_no_run(opened: OpenEngine) -> None:
    async with opened() as engine:
        with pytest.raises(InvalidInput) as caught:
            await engine.start(ECHO, {"value": "x"}, id="r")
        assert len(caught.value.problems) == 1
        for bad in ([1], "text", {"value": float("nan")}, {"value": {1, 2}}, {1: 2}):
            with pytest.raises(InvalidInput):
                await engine.start(ECHO, bad, id="r")
        with pytest.raises(UnknownRun):
            await engine.run("r").describe()


@pytest.mark.parametrize("bad", ["", "a\nb", "x" * 201, 7])
async def test_an_id_is_a_short_printable_text(opened: OpenEngine, bad: Any) -> None:
    async with opened() as engine:
        with pytest.raises(InvalidInput):
            await engine.start(ECHO, {"value": 1}, id=bad)


async def test_the_caller_may_change_its_input_after_the_start(opened: OpenEngine) -> None:
    text = """
workflow: w
steps:
  - {id: s, wait: {any: [{signal: go}, {after: 500ms, name: late}]}}
output: "{{ input.list }}"
"""
    given = {"list": [1]}
    async with opened() as engine:
        run = await engine.start(text, given)
        given["list"].append(2)
        await run.signal("go")
        assert await run.result(10) == [1]


@pytest.mark.parametrize("annotation", [dict, Any])
async def test_an_activity_may_change_what_it_was_given_and_what_it_gave(
    opened: OpenEngine, gate: Gate, annotation: Any
) -> None:
    kept: dict[str, Any] = {"list": [0]}

    async def spoil(value: Any) -> Any:
        value["list"].append("spoiled")
        value["new"] = True
        kept["list"].append("kept")
        return kept

    spoil.__annotations__ = {"value": annotation, "return": annotation}
    text = """
workflow: w
steps:
  - {id: a, activity: spoil, with: {value: "{{ input }}"}}
  - {id: b, activity: spoil, with: {value: "{{ input }}"}}
output: ["{{ input }}", "{{ steps.a }}", "{{ steps.b }}"]
"""
    async with opened(perdure.activity("spoil")(spoil)) as engine:
        run = await engine.start(text, {"list": [1]})
        assert await run.result(10) == [
            {"list": [1]},
            {"list": [0, "kept"]},
            {"list": [0, "kept", "kept"]},
        ]


async def test_unknown_runs_are_said_to_be_unknown(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = engine.run("nobody")
        for deed in (run.describe, run.history, run.result, run.cancel, run.terminate):
            with pytest.raises(UnknownRun) as caught:
                await deed()
            assert caught.value.run == "nobody"
        with pytest.raises(UnknownRun):
            await run.signal("go")
        with pytest.raises(UnknownRun):
            await run.answer("step", 1)


async def test_nothing_can_be_done_to_a_closed_run(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(ECHO, {"value": 1})
        await run.result(10)
        for deed in (run.signal("go"), run.cancel(), run.terminate(), run.answer("first", 1)):
            with pytest.raises(RunConflict):
                await deed
        assert await run.result() == 1


async def test_a_result_that_does_not_come_in_time_leaves_the_run_alone(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(WAIT)
        with pytest.raises(TimeoutError):
            await run.result(0.02)
        await run.signal("go", "here")
        assert await run.result(10) == "here"


async def test_a_failed_run_raises_its_error_and_what_was_undone(opened: OpenEngine, gate: Gate) -> None:
    text = SAGA.replace("activity: hold", "activity: fail, with: {retryable: false}")
    async with opened() as engine:
        run = await engine.start(text)
        with pytest.raises(RunFailed) as caught:
            await run.result(10)
        assert type(caught.value) is RunFailed
        assert caught.value.error == {
            "type": "Broken", "message": "it broke", "details": None, "step": "c", "attempt": 1, "cause": None,
        }  # fmt: skip
        assert caught.value.undone == ["b", "a"]
        assert caught.value.not_undone == []
        assert gate.calls == ["echo 1", "echo 2", "fail", "undo b", "undo a"]
        assert (await run.describe()).undone == ["b", "a"]


async def test_a_cancelled_run_unwinds_undoes_and_says_so(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(SAGA)
        await gate.entered.wait()
        await run.cancel("no more")
        with pytest.raises(RunCancelled) as caught:
            await run.result(10)
        assert caught.value.error is not None
        assert (caught.value.error["type"], caught.value.error["message"]) == ("Cancelled", "no more")
        assert caught.value.undone == ["b", "a"]
        assert gate.stopped == ["hold"]
        assert gate.calls[-2:] == ["undo b", "undo a"]


async def test_a_terminated_run_ends_at_once_and_undoes_nothing(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(SAGA)
        await gate.entered.wait()
        await run.terminate("enough")
        with pytest.raises(RunTerminated) as caught:
            await run.result(10)
        assert caught.value.undone == []
        assert caught.value.error is not None
        assert caught.value.error["message"] == "enough"
        assert "undo a" not in gate.calls
    assert gate.stopped == ["hold"]


async def test_describe_shows_every_kind_of_waiting(opened: OpenEngine, gate: Gate) -> None:
    text = """
workflow: w
steps:
  - id: all
    parallel:
      branches:
        a: [{id: act, activity: hold}]
        b: [{id: sig, wait: {signal: go}}]
        c: [{id: nap, wait: 1h}]
        d: [{id: sel, select: [{signal: x, steps: [{activity: echo}]}, {after: 2h, steps: [{activity: echo}]}]}]
        e: [{id: question, ask: {prompt: "?", timeout: 3h}}]
        f: [{id: again, activity: fail, retry: {attempts: 5, delay: 4h, max_delay: 5h, jitter: 0, backoff: constant}}]
"""
    async with opened() as engine:
        run = await engine.start(text)
        await eventually(lambda: retrying(run))
        parts = await live(run, "act", "sig", "nap", "sel", "question", "again")
        assert [(p["kind"], p["status"], p["attempt"]) for p in parts] == [
            ("activity", "running", 1),
            ("wait", "waiting", 1),
            ("wait", "waiting", 1),
            ("select", "waiting", 1),
            ("ask", "waiting", 1),
            ("activity", "retrying", 1),
        ]
        assert [hours(p) for p in parts] == [None, None, 1, 2, 3, 4]
        async with opened(work=False) as client:
            assert (await client.run(run.id).describe()).live == parts


async def retrying(run: perdure.Run) -> bool:
    return bool((await run.describe()).live[-1]["status"] == "retrying")


def hours(part: dict[str, Any]) -> int | None:
    from datetime import datetime

    if part["due"] is None:
        return None
    span = datetime.fromisoformat(part["due"]) - datetime.fromisoformat(part["since"])
    return round(span.total_seconds() / 3600)


async def test_runs_are_listed_newest_first(opened: OpenEngine) -> None:
    async with opened() as engine:
        done = await engine.start(ECHO, {"value": 1}, id="a", labels={"tenant": "blue"})
        await done.result(10)
        await engine.start(WAIT, id="b")
        assert [(info.id, info.status, info.labels) for info in await engine.runs()] == [
            ("b", "running", {}),
            ("a", "completed", {"tenant": "blue"}),
        ]
        assert [info.id for info in await engine.runs("status = 'completed'")] == ["a"]
        with pytest.raises(FileNotFoundError, match=r"nothere\.yaml"):
            await engine.start("nothere.yaml")
        assert [info.id for info in await engine.runs("workflow = 'wait'", limit=1)] == ["b"]


async def test_a_client_without_work_leaves_the_runs_to_others(place: Place, opened: OpenEngine) -> None:
    async with opened(work=False) as client:
        run = await client.start(ECHO, {"value": 7}, id="r")
        asking = await client.start(TWO_ASKS, id="asks")
        with pytest.raises(TimeoutError):
            await run.result(0.05)
        assert (await run.describe()).status == "running"
        async with opened():
            assert await run.result(10) == 7
            await live(asking, "legal", "money")
            await asking.answer("legal", True)
            await asking.answer("money", "yes")
            assert set(await asking.result(10)) == {"left", "right"}


async def test_a_worker_confined_to_some_runs_leaves_the_others(opened: OpenEngine) -> None:
    async with opened(only=["mine"]) as engine:
        mine = await engine.start(ECHO, {"value": 1}, id="mine")
        other = await engine.start(ECHO, {"value": 2}, id="other")
        assert await mine.result(10) == 1
        assert (await other.describe()).status == "running"
        async with opened():
            assert await other.result(10) == 2
