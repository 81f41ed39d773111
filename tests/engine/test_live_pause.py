"""Paused runs begin nothing: what runs ends, timers keep their times, messages their order; cancelling acts at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from engine_world import Gate, OpenEngine, Place, events, eventually, settled
from live_world import has_status, in_memory, journal, posted, soon

from perdure.errors import RunCancelled, RunConflict, RunFailed, RunTerminated, UnknownRun
from perdure.stores.store import Commit, Store

TWO = """
workflow: two
steps:
  - {id: a, activity: hold, with: {value: 1}, compensate: {activity: undo, with: {what: a}}}
  - {id: b, activity: echo, with: {value: 2}}
"""


async def test_what_runs_ends_and_is_kept_and_nothing_new_begins_until_resumed(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(TWO)
        await gate.entered.wait()
        await run.pause("lunch")
        await has_status(run, "paused")
        gate.open.set()
        assert await journal(run, "ActivityCompleted a") == ["RunStarted", "PauseRequested", "ActivityCompleted a"]
        await settled(engine)
        assert gate.calls == ["hold 1"]
        assert [(info.id, info.status) for info in await engine.runs("status = 'paused'")] == [(run.id, "paused")]
        await run.resume()
        assert await run.result(10) == 2
        assert gate.calls == ["hold 1", "echo 2"]


async def test_a_pause_holds_over_a_restart_of_the_worker(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(TWO, id="r")
        await gate.entered.wait()
        await run.pause()
        await has_status(run, "paused")
        gate.open.set()
        await journal(run, "ActivityCompleted a")
    async with opened() as engine:
        run = engine.run("r")
        assert (await run.describe()).status == "paused"
        await run.pause()
        await run.resume()
        assert await run.result(10) == 2
        assert gate.calls == ["hold 1", "echo 2"]


async def test_messages_to_a_paused_run_are_kept_in_their_order(opened: OpenEngine) -> None:
    text = """
workflow: box
steps:
  - id: scope
    receive:
      state: {got: []}
      on:
        - {signal: put, set: {got: "{{ state.got + [message] }}"}}
        - {update: add, set: {got: "{{ state.got + [message] }}"}, reply: "{{ state.got | length }}"}
      until: state.got | length == 4
output: "{{ steps.scope.got }}"
"""
    async with opened() as engine:
        run = await engine.start(text, id="r")
        await run.pause()
        await has_status(run, "paused")
        await run.signal("put", 1)
        first = asyncio.create_task(run.update("add", 2, id="u"))
        await posted(engine, "r", "u")
        await run.signal("put", 3)
        with pytest.raises(TimeoutError):
            await soon(asyncio.shield(first), 0.1)
        assert await events(run) == ["RunStarted", "PauseRequested"]
    first.cancel()
    async with opened() as engine:
        run = engine.run("r")
        second = asyncio.create_task(run.update("add", 2, id="u"))
        await run.resume()
        assert await soon(second) == 2
        await run.signal("put", 4)
        assert await run.result(10) == [1, 2, 3, 4]


async def test_answers_and_events_wait_too(opened: OpenEngine) -> None:
    text = """
workflow: w
steps:
  - id: both
    parallel:
      branches:
        ask: [{id: q, ask: {prompt: "?"}}]
        hear: [{id: e, wait: {event: ping}}]
output: ["{{ steps.q.answer }}", "{{ steps.e }}"]
"""
    async with opened() as engine:
        run = await engine.start(text)
        await run.pause()
        await has_status(run, "paused")
        await run.answer("q", "yes")
        assert await engine.emit("ping", 1) == 1
        with pytest.raises(RunConflict):
            await run.answer("q", "no")
        await run.resume()
        assert await run.result(10) == ["yes", 1]


async def test_timers_keep_their_times_and_deadlines_go_on(opened: OpenEngine) -> None:
    text = """
workflow: w
steps:
  - {id: nap, wait: 150ms}
  - {id: e, activity: echo, with: {value: 1}}
"""
    async with opened() as engine:
        run = await engine.start(text)
        due = (await run.describe()).live[0]["due"]
        await run.pause()
        info = await has_status(run, "paused")
        assert info.live[0]["due"] == due
        assert await journal(run, "TimerFired nap") == ["RunStarted", "PauseRequested", "TimerFired nap"]
        await run.resume()
        assert await run.result(10) == 1
        late = await engine.start("workflow: w\ntimeout: 150ms\nsteps:\n  - {id: s, wait: {signal: go}}\n")
        await late.pause()
        with pytest.raises(RunFailed, match="Timeout"):
            await late.result(10)


async def test_a_retry_that_is_due_waits_for_the_resumption(opened: OpenEngine, gate: Gate) -> None:
    text = """
workflow: w
steps:
  - {id: f, activity: fail, retry: {attempts: 2, delay: 100ms, jitter: 0}}
"""
    async with opened() as engine:
        run = await engine.start(text)
        await journal(run, "ActivityFailed f")
        await run.pause()
        await journal(run, "TimerFired f")
        await settled(engine)
        assert gate.calls == ["fail"]
        await run.resume()
        with pytest.raises(RunFailed, match="Broken"):
            await run.result(10)
        assert gate.calls == ["fail", "fail"]


async def test_cancelling_a_paused_run_acts_at_once_and_begins_nothing_but_undos(
    opened: OpenEngine, gate: Gate
) -> None:
    async with opened() as engine:
        run = await engine.start(TWO)
        await gate.entered.wait()
        await run.pause()
        await has_status(run, "paused")
        gate.open.set()
        await journal(run, "ActivityCompleted a")
        await run.cancel("enough")
        with pytest.raises(RunCancelled) as caught:
            await run.result(10)
        assert caught.value.undone == ["a"]
        assert gate.calls == ["hold 1", "undo a"]


async def test_cancelling_a_paused_run_stops_what_still_runs(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(TWO)
        await gate.entered.wait()
        await run.pause()
        await has_status(run, "paused")
        await run.cancel()
        with pytest.raises(RunCancelled):
            await run.result(10)
        assert (gate.stopped, gate.calls) == (["hold"], ["hold 1"])


async def test_terminating_a_paused_run_ends_it(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start("workflow: w\nsteps:\n  - {id: s, wait: {signal: go}}\n")
        await run.pause()
        await run.signal("go", 1)
        await has_status(run, "paused")
        await run.terminate()
        with pytest.raises(RunTerminated):
            await run.result(10)
        assert [unread["data"] for unread in (await run.describe()).unread] == [1]


async def test_a_paused_run_leaves_memory_and_comes_back_when_resumed(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start("workflow: w\nsteps:\n  - {id: s, wait: {signal: go}}\n")
        await run.pause()
        await has_status(run, "paused")
        await settled(engine)
        await run.resume()
        await has_status(run, "running")
        await settled(engine)
        assert in_memory(engine) == 0
        await run.signal("go", 1)
        assert await run.result(10) == 1


async def test_a_child_that_ends_is_heard_by_its_paused_parent(opened: OpenEngine, gate: Gate) -> None:
    mum = """
workflow: mum
steps:
  - {id: k, workflow: kid}
  - {id: e, activity: echo, with: {value: "{{ steps.k }}"}}
"""
    async with opened() as engine:
        await engine.deploy("workflow: kid\nsteps:\n  - {id: s, wait: {signal: go}}\n")
        run = await engine.start(mum, id="mum")
        [kid] = await eventually(lambda: engine.runs("workflow = 'kid'"))
        await run.pause()
        await has_status(run, "paused")
        await engine.run(kid.id).signal("go", 5)
        await journal(run, "ChildEnded k")
        assert gate.calls == []
        await run.resume()
        assert await run.result(10) == 5


async def test_pause_and_resume_on_what_is_not_open_or_not_paused(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start("workflow: w\nsteps:\n  - {id: s, wait: {signal: go}}\n")
        await run.resume()
        await run.pause()
        await run.resume()
        await run.signal("go", 1)
        assert await run.result(10) == 1
        for deed in (run.pause(), run.resume()):
            with pytest.raises(RunConflict):
                await deed
        with pytest.raises(UnknownRun):
            await engine.run("nobody").pause()


@pytest.mark.parametrize("times", range(6))
async def test_a_run_paused_and_resumed_at_any_moment_does_all_its_steps_once(
    opened: OpenEngine, gate: Gate, times: int
) -> None:
    text = """
workflow: w
steps:
  - id: all
    foreach: "[0, 1, 2, 3]"
    concurrency: 2
    steps:
      - {id: a, activity: echo, with: {value: "{{ item }}"}}
      - {id: n, wait: 1ms}
      - {id: b, activity: echo, with: {value: "{{ item }}"}}
"""
    async with opened() as engine:
        run = await engine.start(text)
        for _ in range(3):
            for _ in range(times):
                await asyncio.sleep(0)
            try:
                await run.pause()
                await run.resume()
            except RunConflict:
                break
        assert await run.result(10) == [0, 1, 2, 3]
        assert sorted(gate.calls) == sorted(f"echo {n}" for n in (0, 0, 1, 1, 2, 2, 3, 3))


class Claims:
    """A store that counts the runs that were claimed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.claimed = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def claim(self, *arguments: Any, **options: Any) -> Any:
        rows = await self._store.claim(*arguments, **options)
        self.claimed += len(rows)
        return rows


async def test_a_paused_run_with_messages_of_every_kind_costs_nothing(place: Place, opened: OpenEngine) -> None:
    text = """
workflow: w
steps:
  - id: all
    parallel:
      branches:
        ask: [{id: q, ask: {prompt: "?"}}]
        hear: [{id: e, wait: {event: ping}}]
        get: [{id: s, wait: {signal: go}}]
        serve: [{id: r, receive: {on: [{update: add, reply: "{{ message }}", stop: true}]}}]
output: ["{{ steps.q.answer }}", "{{ steps.e }}", "{{ steps.s }}"]
"""
    store = Claims(place.store())
    async with opened(store=store) as engine:
        run = await engine.start(text, id="r")
        teller = await engine.start(TELL)
        await eventually(lambda: engine.asks("r"))
        await run.pause()
        await has_status(run, "paused")
        await settled(engine)
        store.claimed = 0
        await run.answer("q", 1)
        assert await engine.emit("ping", 2) == 1
        await teller.signal("now", 3)
        await teller.result(10)
        update = asyncio.create_task(run.update("add", 4, id="u"))
        await posted(engine, "r", "u")
        store.claimed = 0
        await asyncio.sleep(0.3)
        assert (store.claimed, in_memory(engine)) == (0, 0)
        await run.resume()
        assert await run.result(10) == [1, 2, 3]
        assert await soon(update) == 4


TELL = """
workflow: tell
steps:
  - {id: s, wait: {signal: now}}
  - {id: t, send: {to: r, signal: go, data: "{{ steps.s }}"}}
"""


async def test_what_a_pause_holds_back_is_shown_as_held(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(TWO.replace("id: b,", "id: b, retry: {attempts: 3}, summary: the second,"))
        await gate.entered.wait()
        await run.pause()
        await has_status(run, "paused")
        gate.open.set()
        await journal(run, "ActivityCompleted a")
        [part] = (await run.describe()).live
        assert (part["address"], part["kind"], part["status"]) == ("b", "activity", "held")
        assert (part["attempt"], part["since"], part["due"], part["summary"]) == (1, None, None, "the second")
        await run.resume()
        assert await run.result(10) == 2


async def test_a_paused_run_that_was_stuck_is_listed_as_paused_again(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start("workflow: w\nsteps:\n  - {id: s, wait: {signal: go}}\n")
        await run.pause()
        await has_status(run, "paused")
        await settled(engine)
        row = await engine._row(run.id)
        await run._commit(Commit(row.key, status="stuck", release=True, note=b'{"cause": "a test"}'))
        await run.resume()
        await has_status(run, "paused")
        await run.resume()
        await has_status(run, "running")
