"""`restart`: a run goes on as a new one under its id; and the retry of a whole run, which stays the same one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engine_world import Gate, OpenEngine, Place, events, eventually, live
from live_world import Mortal, bury_all, existing, has_status, journal, posted, soon

import perdure
from perdure.errors import RunCancelled, RunConflict, RunFailed

COUNT = """
workflow: count
labels: {shop: "{{ input.shop or 'none' }}"}
steps:
  - {id: e, activity: echo, with: {value: "{{ input.n }}"}}
  - if: input.n > 0
    restart: {input: {n: "{{ input.n - 1 }}", shop: "{{ input.shop }}"}}
output: "{{ input.n }}"
"""

BOX = """
workflow: box
steps:
  - {id: a, wait: {signal: a}}
  - if: steps.a == "again"
    restart: {input: {}}
  - {id: b, wait: {signal: b}}
output: ["{{ steps.a }}", "{{ steps.b }}"]
"""


async def test_a_handle_follows_the_run_and_the_old_ones_keep_their_history(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(COUNT, {"n": 2, "shop": "x"}, id="r", labels={"by": "me"})
        assert await run.result(10) == 0
        infos = await engine.runs("workflow = 'count'")
        assert [(info.id, info.status) for info in infos] == [
            ("r", "completed"), ("r~2", "continued"), ("r~1", "continued"),
        ]  # fmt: skip
        assert [info.labels for info in infos] == [{"shop": "x", "by": "me"}] * 3
        assert (await run.describe()).input == {"n": 0, "shop": "x"}
        assert (await engine.run("r~1").describe()).input == {"n": 2, "shop": "x"}
        for name in ("r~1", "r~2", "r"):
            assert await events(engine.run(name)) == ["RunStarted", "ActivityCompleted e"]
        assert await engine.run("r~1").result(10) == 0
        for deed in (engine.run("r~1").signal("go"), engine.run("r~1").cancel(), engine.run("r~1").resume()):
            with pytest.raises(RunConflict):
                await deed


async def test_a_run_that_restarts_before_it_does_anything_goes_on(opened: OpenEngine) -> None:
    text = COUNT.replace('  - {id: e, activity: echo, with: {value: "{{ input.n }}"}}\n', "")
    async with opened() as engine:
        run = await engine.start(text, {"n": 5, "shop": ""}, id="r")
        assert await run.result(10) == 0
        assert len(await engine.runs("workflow = 'count'")) == 6


async def test_whoever_waits_for_a_result_gets_that_of_the_last_run(opened: OpenEngine) -> None:
    async with opened() as engine, opened(work=False) as client:
        run = await engine.start(BOX, id="r")
        results = [asyncio.create_task(handle.result()) for handle in (run, engine.run("r"), client.run("r"))]
        await run.signal("a", "again")
        await existing(engine, "r~1")
        await run.signal("a", 1)
        await run.signal("b", 2)
        assert await soon(asyncio.gather(*results)) == [[1, 2]] * 3


async def test_unread_signals_and_waiting_letters_go_with_the_run_in_their_order(opened: OpenEngine) -> None:
    async with opened(work=False) as client:
        run = await client.start(BOX, id="r")
        for name, data in (("b", "early"), ("a", "again"), ("a", "second"), ("b", "late")):
            await run.signal(name, data)
    async with opened() as engine:
        run = engine.run("r")
        assert await run.result(10) == ["second", "early"]
        info = await run.describe()
        assert [(unread["signal"], unread["data"]) for unread in info.unread] == [("b", "late")]
        assert (await engine.run("r~1").describe()).unread[0]["data"] == "early"


async def test_a_cancellation_that_comes_while_a_run_restarts_reaches_the_new_one(opened: OpenEngine) -> None:
    async with opened(work=False) as client:
        run = await client.start(COUNT.replace("input.n > 0", "true"), {"n": 1, "shop": ""}, id="r")
        async with opened() as engine:
            await existing(client, "r~3")
            await run.cancel("enough")
            with pytest.raises(RunCancelled):
                await engine.run("r").result(10)


async def test_an_update_that_waits_goes_with_the_run(opened: OpenEngine, gate: Gate) -> None:
    text = """
workflow: loop
steps:
  - id: scope
    receive:
      state: {turn: "{{ input.turn }}"}
      on:
        - update: next
          steps: [{id: h, activity: hold, with: {value: "{{ message }}"}}]
          reply: "{{ [state.turn, message] }}"
          stop: true
  - if: input.turn < 3
    restart: {input: {turn: "{{ input.turn + 1 }}"}}
"""
    async with opened() as engine:
        run = await engine.start(text, {"turn": 1}, id="r")
        callers = [asyncio.create_task(run.update("next", n, id=f"u{n}")) for n in range(2)]
        for number in range(2):
            await posted(engine, "r", f"u{number}")
        await gate.entered.wait()
        gate.open.set()
        first, second = await soon(asyncio.gather(*callers, return_exceptions=True))
        assert first == [1, 0]
        assert second == [2, 1] or isinstance(second, perdure.UpdateRejected)
        assert await soon(run.update("next", 9)) in ([2, 9], [3, 9])


async def test_a_child_that_restarts_stays_its_parents_child(opened: OpenEngine) -> None:
    mum = 'workflow: mum\nsteps:\n  - {id: k, workflow: count, with: {n: 3, shop: ""}}\n'
    async with opened() as engine:
        await engine.deploy(COUNT)
        run = await engine.start(mum, id="mum")
        assert await run.result(10) == 0
        assert {info.parent for info in await engine.runs("workflow = 'count'")} == {"mum"}
        assert await events(run) == ["RunStarted", "ChildEnded k"]


async def test_each_restart_has_children_signals_and_idempotency_keys_of_its_own(
    opened: OpenEngine, gate: Gate
) -> None:
    keys = []

    @perdure.activity("key")
    async def key() -> None:
        keys.append(perdure.context().idempotency_key)

    text = """
workflow: loop
steps:
  - {id: a, activity: key}
  - {id: k, workflow: kid, with: {n: "{{ input.n }}"}}
  - {id: s, send: {to: box, signal: put, data: "{{ steps.k }}"}}
  - if: input.n < 3
    restart: {input: {n: "{{ input.n + 1 }}"}}
"""
    box = """
workflow: gather
steps:
  - id: box
    receive:
      state: {got: []}
      on: [{signal: put, set: {got: "{{ state.got + [message] }}"}}]
      until: state.got | length == 3
output: "{{ steps.box.got }}"
"""
    async with opened(key) as engine:
        gather = await engine.start(box, id="box")
        await engine.deploy("workflow: kid\nsteps:\n  - {return: '{{ input.n * 10 }}'}\n")
        await (await engine.start(text, {"n": 1}, id="r")).result(10)
        assert await gather.result(10) == [10, 20, 30]
        assert len(set(keys)) == 3
        assert len({info.id for info in await engine.runs("workflow = 'kid'")}) == 3


async def test_detached_children_are_still_looked_after_when_the_run_has_restarted(opened: OpenEngine) -> None:
    text = """
workflow: mum
steps:
  - if: input.n == 0
    steps:
      - {id: first, workflow: kid, detach: true}
      - {id: second, workflow: kid, detach: true}
      - restart: {input: {n: 1}}
  - {id: s, wait: {signal: end}}
"""
    async with opened() as engine:
        await engine.deploy("workflow: kid\nsteps:\n  - {id: s, wait: {signal: go}}\n")
        run = await engine.start(text, {"n": 0}, id="r")
        await live(run, "s")
        second, first = [engine.run(info.id) for info in await engine.runs("workflow = 'kid'")]
        await first.signal("go", 1)
        assert await first.result(10) == 1
        assert await journal(run, "ChildEnded") == ["RunStarted", "ChildEnded"]
        assert (await second.describe()).status == "running"
        state = await run._state(await engine._row("r"))
        assert state.children == [{"run": second.id, "closing": "cancel"}]
        await run.signal("end")
        await run.result(10)
        await has_status(second, "cancelled")


async def test_an_endless_loop_of_restarts_does_not_starve_others(opened: OpenEngine) -> None:
    endless = "workflow: endless\nsteps:\n  - restart: {input: {}}\n"
    async with opened() as engine:
        loops = [await engine.start(endless, id=f"loop{n}") for n in range(3)]
        await existing(engine, "loop0~5")
        for number in range(10):
            run = await engine.start(BOX)
            await run.signal("a", number)
            await run.signal("b", number)
            assert await soon(run.result()) == [number, number]
        for loop in loops:
            await loop.terminate()
            await has_status(loop, "terminated")


async def test_a_restart_is_whole_when_the_worker_dies_with_it(place: Place, opened: OpenEngine) -> None:
    dying = Mortal(place.store())
    dying.last = "commit"
    dying.fatal = lambda batch: any(commit.successor is not None for commit in batch)
    async with opened(store=dying) as first:
        await first.start(COUNT, {"n": 1, "shop": ""}, id="r")
        await soon(dying.dead.wait())
    await bury_all(place)
    async with opened() as engine:
        assert await engine.run("r").result(10) == 0
        assert [info.id for info in await engine.runs("workflow = 'count'")] == ["r", "r~1"]


async def test_a_question_of_a_restarted_run_can_be_answered(opened: OpenEngine) -> None:
    text = """
workflow: ask
steps:
  - {id: q, ask: {prompt: "again?", form: {type: boolean}}}
  - if: steps.q.answer
    restart: {input: {}}
"""
    async with opened() as engine:
        run = await engine.start(text, id="r")
        for number in range(3):
            await eventually(lambda: engine.asks("r"))
            await run.answer("q", number < 2)
            if number < 2:
                await existing(engine, f"r~{number + 1}")
        await run.result(10)
        assert await engine.asks() == []


async def test_a_restart_with_many_unread_signals_keeps_its_questions_and_waits(opened: OpenEngine) -> None:
    text = """
workflow: ask
steps:
  - if: input.n == 0
    steps: [{id: go, wait: {signal: go}}, {restart: {input: {n: 1}}}]
  - {id: q, ask: {prompt: "?"}}
"""
    async with opened() as engine:
        run = await engine.start(text, {"n": 0}, id="r")
        for number in range(80):
            await run.signal("noise", number)
        await run.signal("go")
        await eventually(lambda: engine.asks("r"))
        await run.answer("q", "yes")
        assert (await run.result(10))["answer"] == "yes"
        assert [unread["data"] for unread in (await run.describe()).unread] == list(range(80))


async def test_a_restarted_run_hears_events_although_its_activity_has_to_queue(opened: OpenEngine, gate: Gate) -> None:
    text = """
workflow: again
steps:
  - if: input.n == 0
    steps: [{id: go, wait: {signal: go}}, {restart: {input: {n: 1}}}]
  - id: both
    parallel:
      branches:
        work: [{id: w, activity: echo, with: {value: 1}}]
        hear: [{id: e, wait: {event: ping}}]
output: "{{ steps.e }}"
"""
    async with opened(concurrency=1) as engine:
        await engine.start("workflow: w\nsteps:\n  - {id: h, activity: hold}\n")
        await gate.entered.wait()
        run = await engine.start(text, {"n": 0}, id="r")
        await run.signal("go")
        await eventually(lambda: engine.emit("ping", 5))
        gate.open.set()
        assert await run.result(10) == 5


async def test_a_retried_run_undoes_counts_and_begins_with_its_variables(opened: OpenEngine, gate: Gate) -> None:
    text = """
workflow: retried
retry: {attempts: 3, delay: 1ms}
vars: {seen: []}
steps:
  - {set: {seen: "{{ vars.seen + [run.attempt] }}"}}
  - {id: a, activity: echo, with: {value: "{{ run.attempt }}"}, compensate: {activity: undo, with: {what: a}}}
  - if: run.attempt < 3
    fail: {type: Early, message: no}
output: "{{ [vars.seen, steps.a] }}"
"""
    async with opened() as engine:
        run = await engine.start(text)
        assert await run.result(10) == [[3], 3]
        assert gate.calls == ["echo 1", "undo a", "echo 2", "undo a", "echo 3"]
        info = await run.describe()
        assert (info.attempt, info.undone) == (3, ["a", "a"])
        failing = await engine.start(text.replace("run.attempt < 3", "true"))
        with pytest.raises(RunFailed) as caught:
            await failing.result(10)
        assert caught.value.undone == ["a", "a", "a"]
        assert caught.value.error is not None
        assert (caught.value.error["type"], caught.value.error["attempt"]) == ("Early", 3)


async def test_a_whole_retry_sleeps_over_a_restart_of_the_worker(opened: OpenEngine, tmp_path: Path) -> None:
    text = """
workflow: retried
retry: {attempts: 2, delay: 300ms, jitter: 0}
steps:
  - if: run.attempt < 2
    fail: {type: Early, message: no}
output: "{{ run.attempt }}"
"""
    async with opened() as engine:
        run = await engine.start(text, id="r")
        assert [part["status"] for part in await eventually(lambda: live(run))] == ["retrying"]
    async with opened() as engine:
        assert await engine.run("r").result(10) == 2
