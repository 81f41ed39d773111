"""Updates: a reply, a refusal without a trace, one answer per id, and no caller that hangs, on every store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from engine_world import Gate, OpenEngine, eventually, live
from live_world import existing, has_status, in_memory, journal, posted, refusal, soon
from worker_processes import Processes

import perdure
from perdure.errors import InvalidInput, RunConflict, RunFailed, RunTerminated, UnknownRun

CART = """
workflow: cart
steps:
  - id: cart
    receive:
      state: {items: []}
      on:
        - update: add
          input: {type: object, required: [sku]}
          accept: "state.items | length < 3"
          set: {items: "{{ state.items + [message.sku] }}"}
          reply: "{{ state.items | length }}"
        - signal: put
          set: {items: "{{ state.items + [message] }}"}
        - signal: done
          stop: true
output: "{{ steps.cart.items }}"
"""

SLOW = """
workflow: slow
steps:
  - id: scope
    receive:
      state: {seen: []}
      on:
        - update: work
          steps: [{id: work, activity: hold, with: {value: "{{ message }}"}}]
          set: {seen: "{{ state.seen + [steps.work] }}"}
          reply: "{{ steps.work }}"
        - signal: note
          set: {seen: "{{ state.seen + [message] }}"}
        - signal: done
          stop: true
output: "{{ steps.scope.seen }}"
"""


async def test_an_update_is_handled_and_its_reply_comes_back(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(CART)
        assert await soon(run.update("add", {"sku": "a"})) == 1
        assert await soon(run.update("add", {"sku": "b"})) == 2
        await run.signal("done")
        assert await run.result(10) == ["a", "b"]
        assert await journal(run) == ["RunStarted", "UpdateReceived", "UpdateReceived", "SignalReceived"]


async def test_a_refused_update_leaves_no_trace_in_the_history(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(CART)
        for sku in "abc":
            await soon(run.update("add", {"sku": sku}))
        before = await run.history()
        assert "'sku' is a required property" in await refusal(run.update("add", {}))
        assert "not accepted: state.items | length < 3" in await refusal(run.update("add", {"sku": "d"}))
        assert "nothing receives it" in await refusal(run.update("nobody", 1))
        assert "nothing receives it" in await refusal(run.update("put", 1))
        assert await refusal(run.update("add", {"sku": "e"}, id="e")) == await refusal(
            run.update("add", {"sku": "e"}, id="e")
        )
        assert await refusal(run.update("add", {"sku": "f"}, wait="accepted"))
        assert await run.history() == before
        assert (await run.describe()).unread == []


async def test_an_update_where_nothing_receives_is_refused(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start("workflow: w\nsteps:\n  - {id: s, wait: {signal: add}}\n")
        assert "nothing receives it" in await refusal(run.update("add", 1))
        await run.signal("add", 2)
        assert await run.result(10) == 2


async def test_what_is_not_an_update_never_reaches_the_run(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(CART)
        for bad in (run.update(""), run.update("add", {1}), run.update("add", 1, wait="never")):
            with pytest.raises(InvalidInput):
                await bad
        with pytest.raises(UnknownRun):
            await soon(engine.run("nobody").update("add", 1))
        await run.signal("done")
        await run.result(10)
        with pytest.raises(RunConflict):
            await soon(run.update("add", {"sku": "late"}))


async def test_the_same_update_id_is_the_same_update_at_any_time(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(CART, id="r")
        assert await soon(run.update("add", {"sku": "a"}, id="u")) == 1
        assert await soon(run.update("add", {"sku": "a"}, id="u")) == 1
        at_once = [run.update("add", {"sku": "b"}, id="v") for _ in range(10)]
        assert await soon(asyncio.gather(*at_once)) == [2] * 10
    async with opened() as engine:
        run = engine.run("r")
        assert await soon(run.update("add", {"sku": "a"}, id="u")) == 1
        await run.signal("done")
        assert await run.result(10) == ["a", "b"]
        assert await soon(run.update("add", {"sku": "a"}, id="u")) == 1
        assert await soon(run.update("add", {"sku": "a"}, id="u", wait="accepted")) == "u"


async def test_waiting_for_acceptance_does_not_wait_for_the_handler(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(SLOW)
        assert await soon(run.update("work", 1, id="u", wait="accepted")) == "u"
        named = await soon(run.update("work", 1, id="u", wait="accepted"))
        completed = asyncio.create_task(run.update("work", 1, id=named))
        await gate.entered.wait()
        assert not completed.done()
        gate.open.set()
        assert await soon(completed) == 1
        assert gate.calls == ["hold 1"]


async def test_updates_are_handled_one_after_the_other_in_the_order_they_came(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(SLOW)
        callers = []
        for number in range(5):
            callers.append(asyncio.create_task(run.update("work", number, id=f"u{number}")))
            await posted(engine, run.id, f"u{number}")
        await gate.entered.wait()
        assert gate.calls == ["hold 0"]
        gate.open.set()
        assert await soon(asyncio.gather(*callers)) == [0, 1, 2, 3, 4]
        await run.signal("done")
        assert await run.result(10) == [0, 1, 2, 3, 4]


async def test_signals_and_updates_of_a_receive_keep_their_order(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(SLOW)
        first = asyncio.create_task(run.update("work", "u1"))
        await gate.entered.wait()
        second = asyncio.create_task(run.update("work", "u2", id="u2"))
        await posted(engine, run.id, "u2")
        await run.signal("note", "s3")
        third = asyncio.create_task(run.update("work", "u4", id="u4"))
        await posted(engine, run.id, "u4")
        await run.signal("done")
        gate.open.set()
        assert await soon(asyncio.gather(*[first, second, third])) == ["u1", "u2", "u4"]
        assert await run.result(10) == ["u1", "u2", "s3", "u4"]


async def test_a_signal_that_a_handler_waits_for_passes_the_updates_that_wait(opened: OpenEngine) -> None:
    text = """
workflow: w
steps:
  - id: scope
    receive:
      state: {seen: []}
      on:
        - update: work
          steps: [{id: go, wait: {signal: go}}]
          set: {seen: "{{ state.seen + [message + steps.go] }}"}
        - signal: done
          stop: true
output: "{{ steps.scope.seen }}"
"""
    async with opened() as engine:
        run = await engine.start(text)
        first = asyncio.create_task(run.update("work", "a", id="a"))
        await soon(run.update("work", "a", id="a", wait="accepted"))
        second = asyncio.create_task(run.update("work", "b", id="b"))
        await posted(engine, run.id, "b")
        await run.signal("go", "1")
        await run.signal("go", "2")
        await soon(asyncio.gather(first, second))
        await run.signal("done")
        assert await run.result(10) == ["a1", "b2"]


async def test_an_update_that_waits_when_its_scope_ends_is_refused(opened: OpenEngine, gate: Gate) -> None:
    text = SLOW.replace('set: {seen: "{{ state.seen + [steps.work] }}"}', "stop: true")
    async with opened() as engine:
        run = await engine.start(text)
        first = asyncio.create_task(run.update("work", 1))
        await gate.entered.wait()
        second = asyncio.create_task(run.update("work", 2, id="b"))
        await posted(engine, run.id, "b")
        gate.open.set()
        assert await soon(first) == 1
        assert await refusal(second)
        assert await run.result(10) == []


async def test_no_caller_hangs_when_the_run_is_terminated(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(SLOW)
        accepted = asyncio.create_task(run.update("work", 1))
        await gate.entered.wait()
        waiting = asyncio.create_task(run.update("work", 2, id="b"))
        await posted(engine, run.id, "b")
        await run.terminate("enough")
        assert "it is terminated" in await refusal(accepted)
        assert "it is terminated" in await refusal(waiting)
        assert "it is terminated" in await refusal(run.update("work", 2, id="b"))
        with pytest.raises(RunTerminated):
            await run.result(10)


async def test_no_caller_hangs_when_the_run_is_cancelled(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start(SLOW)
        accepted = asyncio.create_task(run.update("work", 1))
        await gate.entered.wait()
        waiting = asyncio.create_task(run.update("work", 2, id="b"))
        await posted(engine, run.id, "b")
        await run.cancel()
        assert "Cancelled" in await refusal(accepted)
        assert await refusal(waiting)


async def test_a_handler_that_fails_tells_its_caller_and_fails_the_scope(opened: OpenEngine) -> None:
    text = SLOW.replace('activity: hold, with: {value: "{{ message }}"}', "activity: fail, with: {type: Odd}")
    async with opened() as engine:
        run = await engine.start(text)
        message = await refusal(run.update("work", 1, id="u"))
        assert "Odd: it broke" in message
        assert await refusal(run.update("work", 1, id="u")) == message
        assert await soon(run.update("work", 1, id="u", wait="accepted")) == "u"
        with pytest.raises(RunFailed, match="Odd"):
            await run.result(10)


async def test_updates_that_come_while_no_worker_is_up_are_handled_later(opened: OpenEngine) -> None:
    async with opened(work=False) as client:
        run = await client.start(CART, id="r")
        callers = []
        for number in range(3):
            callers.append(asyncio.create_task(run.update("add", {"sku": f"s{number}"}, id=f"u{number}")))
            await posted(client, "r", f"u{number}")
        with pytest.raises(TimeoutError):
            await soon(asyncio.shield(callers[0]), 0.05)
        async with opened():
            assert await soon(asyncio.gather(*callers)) == [1, 2, 3]
            await run.signal("done")
            assert await run.result(10) == ["s0", "s1", "s2"]


async def test_an_update_goes_on_over_a_restart_of_the_worker(opened: OpenEngine, gate: Gate) -> None:
    async with opened(work=False) as client:
        async with opened():
            run = await client.start(SLOW, id="r")
            accepted = asyncio.create_task(run.update("work", 1, id="a"))
            await gate.entered.wait()
            waiting = asyncio.create_task(run.update("work", 2, id="b"))
            await posted(client, "r", "b")
        gate.open.set()
        async with opened():
            assert await soon(asyncio.gather(*[accepted, waiting])) == [1, 2]
            await run.signal("done")
            assert await run.result(10) == [1, 2]
    assert gate.calls == ["hold 1", "hold 1", "hold 2"]


async def test_updates_from_another_process_are_replied_to(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    try:
        await processes.start()
        async with perdure.open(processes.url, work=False) as client:
            run = await client.start(CART)
            assert await soon(run.update("add", {"sku": "a"})) == 1
            assert "not accepted" not in await refusal(run.update("add", {}))
            await run.signal("done")
            assert await run.result(10) == ["a"]
    finally:
        await processes.close()


async def test_many_updates_at_once_on_a_run_that_left_memory(opened: OpenEngine) -> None:
    text = CART.replace("length < 3", "length < 100")
    async with opened() as engine:
        run = await engine.start(text)
        await live(run, "cart")
        replies = await soon(asyncio.gather(*(run.update("add", {"sku": n}) for n in range(40))))
        assert sorted(replies) == list(range(1, 41))

        async def parked() -> bool:
            return in_memory(engine) == 0

        await eventually(parked)
        await run.signal("done")
        assert sorted(await run.result(10)) == list(range(40))


async def test_a_run_starts_with_an_update_or_a_signal_or_not_at_all(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(CART, id="u", update=("add", {"sku": "first"}))
        again = await engine.start(CART, id="u", update=("add", {"sku": "second"}))
        await again.signal("done")
        assert await run.result(10) == ["first", "second"]
        run = await engine.start(CART, id="s", signal=("put", "first"))
        await engine.start(CART, id="s", signal=("done", None))
        assert await run.result(10) == ["first"]
        with pytest.raises(RunConflict):
            await engine.start(CART, id="s", signal=("put", "late"))
        wrong: list[Any] = [("", 1), (7, 1), ("put", {1}), "put", ("put",)]
        for bad in wrong:
            with pytest.raises(InvalidInput):
                await engine.start(CART, id="never", signal=bad)
        with pytest.raises(UnknownRun):
            await engine.run("never").describe()


async def test_a_start_whose_update_is_refused_says_so_and_the_run_stays(opened: OpenEngine) -> None:
    async with opened() as engine:
        assert "required" in await refusal(engine.start(CART, id="r", update=("add", {})))
        run = engine.run("r")
        assert (await has_status(run, "running")).unread == []
        await run.signal("done")
        assert await run.result(10) == []


async def test_a_start_from_a_pure_client_keeps_its_message_for_the_worker(opened: OpenEngine) -> None:
    async with opened(work=False) as client:
        starting = asyncio.create_task(client.start(CART, id="r", signal=("put", "s"), update=("add", {"sku": "u"})))
        await existing(client, "r")
        async with opened():
            run = await soon(starting)
            await run.signal("done")
            assert await run.result(10) == ["s", "u"]


async def test_messages_of_a_run_that_is_over_at_once_are_accounted_for(opened: OpenEngine) -> None:
    text = "workflow: w\nsteps:\n  - {return: 1}\n"
    async with opened() as engine:
        run = await engine.start(text, signal=("late", 7))
        assert await run.result(10) == 1
        assert [(unread["signal"], unread["data"]) for unread in (await run.describe()).unread] == [("late", 7)]
        assert "the run has ended" in await refusal(engine.start(text, update=("late", 7)))
