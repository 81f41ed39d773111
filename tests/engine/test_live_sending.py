"""What runs say to each other: signals exactly once and in order, events to all who wait, cancellations."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from engine_world import Gate, OpenEngine, Place, events, eventually, live, settled
from live_world import Mortal, bury_all, existing, has_status, in_memory, journal, soon

from perdure.engine import Run
from perdure.errors import InvalidInput, RunCancelled, RunFailed

GATHER = """
workflow: gather
steps:
  - id: box
    receive:
      state: {got: []}
      on:
        - {signal: put, set: {got: "{{ state.got + [message] }}"}}
        - {signal: done, stop: true}
output: "{{ steps.box.got }}"
"""

SEND = """
workflow: send
steps:
  - id: each
    foreach: "{{ input.items }}"
    steps: [{id: post, send: {to: "{{ input.to }}", signal: put, data: "{{ item }}"}}]
output: sent
"""

AWAIT = """
workflow: await
steps:
  - {id: w, wait: {event: ping, match: "message.n == input.n"}}
output: "{{ steps.w.text }}"
"""


async def test_signals_sent_by_one_run_arrive_in_order(opened: OpenEngine) -> None:
    async with opened() as engine:
        box = await engine.start(GATHER, id="box")
        sender = await engine.start(SEND, {"to": "box", "items": list(range(30))})
        assert await sender.result(10) == "sent"
        await box.signal("done")
        assert await box.result(10) == list(range(30))
        assert await events(sender) == ["RunStarted", *(f"Delivered each[{n}]/post" for n in range(30))]


async def test_what_is_sent_to_nobody_is_an_error_that_can_be_caught(opened: OpenEngine) -> None:
    async with opened() as engine:
        sender = await engine.start(SEND, {"to": "nobody", "items": [1]})
        with pytest.raises(RunFailed) as caught:
            await sender.result(10)
        assert caught.value.error == {
            "type": "UnknownRun", "message": "no run has the id nobody", "details": None,
            "step": "each[0]/post", "attempt": None, "cause": None,
        }  # fmt: skip
        text = """
workflow: w
steps:
  - id: s
    send: {to: nobody, signal: x}
    catch: [{errors: [UnknownRun], as: e, steps: [{set: {seen: "{{ e.type }}"}}]}]
output: "{{ vars.seen }}"
"""
        assert await (await engine.start(text)).result(10) == "UnknownRun"


async def test_what_is_sent_to_an_ended_run_is_a_conflict(opened: OpenEngine) -> None:
    async with opened() as engine:
        box = await engine.start(GATHER, id="box")
        await box.signal("done")
        await box.result(10)
        sender = await engine.start(SEND, {"to": "box", "items": [1]})
        with pytest.raises(RunFailed, match="RunConflict: the run box has ended: it is completed"):
            await sender.result(10)


async def test_a_run_sends_to_itself(opened: OpenEngine) -> None:
    text = """
workflow: self
steps:
  - {id: a, send: {to: "{{ run.id }}", signal: me, data: 1}}
  - {id: b, send: {to: "{{ run.id }}", signal: me, data: 2}}
  - {id: x, wait: {signal: me}}
  - {id: y, wait: {signal: me}}
output: ["{{ steps.x }}", "{{ steps.y }}"]
"""
    async with opened() as engine:
        assert await (await engine.start(text)).result(10) == [1, 2]


async def test_a_run_cancels_another_and_itself_and_a_closed_one(opened: OpenEngine) -> None:
    text = """
workflow: w
steps:
  - {id: c, cancel: "{{ input.run or run.id }}"}
  - {id: after, wait: 200ms}
output: done
"""
    async with opened() as engine:
        box = await engine.start(GATHER, id="box")
        assert await (await engine.start(text, {"run": "box"})).result(10) == "done"
        with pytest.raises(RunCancelled):
            await box.result(10)
        assert await (await engine.start(text, {"run": "box"})).result(10) == "done"
        with pytest.raises(RunFailed, match="UnknownRun"):
            await (await engine.start(text, {"run": "nobody"})).result(10)
        with pytest.raises(RunCancelled):
            await (await engine.start(text, {"run": ""})).result(10)


async def test_a_signal_is_sent_once_when_the_worker_dies_before_it_knows(place: Place, opened: OpenEngine) -> None:
    dying = Mortal(place.store())
    dying.last, dying.fatal = "post", lambda run_id, kind, body, **rest: kind == "signal"
    async with opened(store=dying) as first:
        await first.start(GATHER, id="box")
        await first.start(SEND, {"to": "box", "items": ["a", "b"]}, id="sender")
        await soon(dying.dead.wait())
    await bury_all(place)
    async with opened() as engine:
        assert await engine.run("sender").result(10) == "sent"
        await engine.run("box").signal("done")
        assert await engine.run("box").result(10) == ["a", "b"]


async def test_a_signal_that_arrived_before_a_crash_is_sent_although_its_run_has_ended_since(
    place: Place, opened: OpenEngine
) -> None:
    dying = Mortal(place.store())
    dying.last, dying.fatal = "post", lambda run_id, kind, body, **rest: kind == "signal"
    async with opened(store=dying) as first:
        await first.start("workflow: once\nsteps:\n  - {id: s, wait: {signal: put}}\n", id="box")
        await first.start(SEND, {"to": "box", "items": ["a"]}, id="sender")
        await soon(dying.dead.wait())
    await bury_all(place)
    async with opened(only=["box"]) as engine:
        assert await engine.run("box").result(10) == "a"
    async with opened() as engine:
        assert await engine.run("sender").result(10) == "sent"


async def test_an_event_reaches_every_run_that_waits_for_it_and_only_those(opened: OpenEngine) -> None:
    async with opened() as engine:
        ones = [await engine.start(AWAIT, {"n": 1}) for _ in range(10)]
        twos = [await engine.start(AWAIT, {"n": 2}) for _ in range(5)]
        other = await engine.start(AWAIT.replace("event: ping", "event: pong"), {"n": 1})
        assert await engine.emit("ping", {"n": 1, "text": "first"}) == 15
        assert await soon(asyncio.gather(*(run.result() for run in ones))) == ["first"] * 10
        await settled(engine)
        assert [await events(run) for run in (*twos, other)] == [["RunStarted"]] * 6
        assert await engine.emit("ping", {"n": 2, "text": "second"}) == 5
        assert await soon(asyncio.gather(*(run.result() for run in twos))) == ["second"] * 5
        assert await engine.emit("ping", {"n": 1}) == 0
        assert await events(ones[0]) == ["RunStarted", "EventReceived"]


async def test_an_event_with_the_same_id_reaches_a_run_once(opened: OpenEngine) -> None:
    text = """
workflow: w
steps:
  - {id: a, wait: {event: ping}}
  - {id: b, wait: {event: ping}}
output: ["{{ steps.a }}", "{{ steps.b }}"]
"""
    async with opened() as engine:
        run = await engine.start(text)
        assert await engine.emit("ping", 1, id="e1") == 1
        await live(run, "b")
        assert await engine.emit("ping", 1, id="e1") == 0
        assert await engine.emit("ping", 2, id="e2") == 1
        assert await run.result(10) == [1, 2]
        for bad in (engine.emit(""), engine.emit("ping", {1})):
            with pytest.raises(InvalidInput):
                await bad


async def test_events_are_not_kept_for_later_waits(opened: OpenEngine) -> None:
    text = "workflow: w\nsteps:\n  - {id: s, wait: {signal: go}}\n  - {id: e, wait: {event: ping}}\n"
    async with opened() as engine:
        run = await engine.start(text)
        assert await engine.emit("ping", "early") == 0
        await run.signal("go")
        await live(run, "e")
        assert await engine.emit("ping", "late") == 1
        assert await run.result(10) == "late"


async def test_a_run_that_emits_reaches_itself_and_others(opened: OpenEngine) -> None:
    text = """
workflow: w
steps:
  - id: both
    parallel:
      branches:
        hear: [{id: h, wait: {event: ping, timeout: 10s}}]
        say: [{id: e, emit: {event: ping, data: {n: 1, text: hello}}}]
output: "{{ steps.h.text }}"
"""
    async with opened() as engine:
        listener = await engine.start(AWAIT, {"n": 1})
        assert await (await engine.start(text)).result(10) == "hello"
        assert await listener.result(10) == "hello"


async def test_an_event_emitted_as_soon_as_a_run_can_be_seen_to_wait_is_never_missed(opened: OpenEngine) -> None:
    text = "workflow: w\nsteps:\n  - {id: a, activity: echo, with: {value: 1}}\n  - {id: e, wait: {event: ping}}\n"
    straight = "workflow: s\nsteps:\n  - {id: e, wait: {event: ping}}\n"
    async with opened() as engine:
        for number in range(40):
            run = await engine.start(straight if number % 2 else text)
            await live(run, "e")
            assert await engine.emit("ping", number) == 1
            assert await soon(run.result()) == number


async def test_a_restarted_run_that_waits_for_an_event_from_its_start_hears_it(opened: OpenEngine) -> None:
    text = """
workflow: again
steps:
  - {id: e, wait: {event: ping}}
  - if: input.n > 0
    restart: {input: {n: "{{ input.n - 1 }}"}}
output: "{{ steps.e }}"
"""
    async with opened() as engine:
        run = await engine.start(text, {"n": 2}, id="r")
        for number in range(3):
            await eventually(partial(engine.emit, "ping", number))
            if number < 2:
                await existing(engine, f"r~{number + 1}")
        assert await run.result(10) == 2


async def test_a_child_hears_events_from_its_beginning_although_nobody_moves_it_yet(
    place: Place, opened: OpenEngine
) -> None:
    dying = Mortal(place.store())
    dying.last, dying.fatal = "commit", lambda batch: any(getattr(commit.run, "parent", None) for commit in batch)
    async with opened(store=dying) as first:
        await first.deploy("workflow: kid\nsteps:\n  - {id: e, wait: {event: ping}}\n")
        await first.start("workflow: mum\nsteps:\n  - {id: k, workflow: kid}\n", id="mum")
        await soon(dying.dead.wait())
    await bury_all(place)
    async with opened(work=False) as client:
        assert await client.emit("ping", 5) == 1
    async with opened() as engine:
        assert await engine.run("mum").result(10) == 5


async def test_a_run_that_only_sent_leaves_memory(opened: OpenEngine) -> None:
    text = SEND.replace("output: sent", "  - {id: rest, wait: {signal: end}}\noutput: sent")
    async with opened() as engine:
        await engine.start(GATHER, id="box")
        run = await engine.start(text, {"to": "box", "items": [1, 2]})
        await live(run, "rest")
        await settled(engine)
        assert in_memory(engine) == 0
        await run.signal("end")
        assert await run.result(10) == "sent"
        assert await journal(run) == [
            "RunStarted", "Delivered each[0]/post", "Delivered each[1]/post", "SignalReceived",
        ]  # fmt: skip


async def test_a_cancellation_waits_for_what_is_being_sent(opened: OpenEngine, place: Place, gate: Gate) -> None:
    slow = Mortal(place.store())
    post, held = slow.store.post, asyncio.Event()

    async def hold_signals(run_id: str, kind: str, *rest: object, **options: object) -> object:
        if kind == "signal":
            held.set()
            await gate.open.wait()
        return await post(run_id, kind, *rest, **options)  # type: ignore[arg-type]

    slow.store.post = hold_signals  # type: ignore[method-assign,assignment]
    async with opened(store=slow) as engine:
        box = await engine.start(GATHER, id="box")
        sender = await engine.start(SEND, {"to": "box", "items": [1, 2]})
        await soon(held.wait())
        await sender.cancel()
        await eventually(lambda: cancelling(sender))
        gate.open.set()
        await has_status(sender, "cancelled")
        await box.signal("done")
        assert await box.result(10) == [1]


async def cancelling(run: Run) -> bool:
    return any(part["status"] == "cancelling" for part in (await run.describe()).live)
