"""Races between what people do to a run and what the run does: a promise each, in many orders.

Each scenario is run in so many orders (see `races`); what it asserts holds in all of them. `seen` is what came of them:
where a race can end in several ways, each of them has to happen in some order, or nothing was raced.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from engine_world import events, live
from races import World, attempted, explore, within

import perdure
from perdure.errors import RunCancelled, RunConflict, RunTerminated, UnknownRun

WORK = perdure.load("""
workflow: work
steps:
  - {id: a, activity: work, with: {value: a}}
  - {id: b, activity: work, with: {value: b}}
""")


def test_a_cancel_is_heeded_or_comes_too_late() -> None:
    seen = set()

    async def scenario(world: World) -> None:
        async with world.engine() as engine, world.engine(work=False) as client:
            run = await engine.start(WORK, id="one")
            await world.maybe_later()
            refused = await attempted(client.run("one").cancel(), RunConflict)
            outcome = await attempted(run.result(), RunCancelled)
            if isinstance(outcome, RunCancelled):
                assert refused is None
            else:
                assert outcome == "b"
            assert len(world.ended) == len(set(world.ended))
            seen.add(type(outcome))

    explore(scenario, 50)
    assert seen == {RunCancelled, str}


EVENT = perdure.load("""
workflow: hears
steps:
  - {id: before, activity: echo}
  - {id: e, wait: {event: news, timeout: 5s, default: nothing}}
""")


def test_an_event_is_heard_by_exactly_those_it_is_said_to_have_reached() -> None:
    seen = set()

    async def scenario(world: World) -> None:
        async with world.engine() as one, world.engine() as two:
            runs = [await engine.start(EVENT, id=f"run {n}") for n, engine in enumerate((one, two, one))]
            await world.maybe_later()
            reached = await two.emit("news", "rain")
            results = [await within(run.result()) for run in runs]
            assert results.count("rain") == reached
            assert results.count("nothing") == 3 - reached
            seen.add(reached)

    explore(scenario, 40)
    assert len(seen) > 2


def test_an_event_reaches_a_run_that_is_seen_to_wait_for_it() -> None:
    async def scenario(world: World) -> None:
        async with world.engine() as engine, world.engine(work=False) as client:
            run = await engine.start(EVENT, id="one")
            await live(client.run("one"), "e")
            assert await client.emit("news", 1) == 1
            assert await client.emit("news", 2) in (0, 1)
            assert await within(run.result()) == 1

    explore(scenario, 40)


COUNT = perdure.load("""
workflow: count
steps:
  - id: r
    receive:
      state: {got: []}
      on:
        - signal: add
          steps: [{activity: work, with: {value: "{{ message }}", seconds: 0.01}}]
          set: {got: "{{ state.got + [message] }}"}
        - update: put
          set: {got: "{{ state.got + [message] }}"}
          reply: "{{ state.got | length }}"
      until: "state.got | length == input.most"
output: "{{ steps.r.got }}"
""")


async def several(handle: perdure.Run, messages: range, world: World) -> None:
    """Send these one after the other."""
    for n in messages:
        await world.maybe_later()
        await handle.signal("add", n)


def in_order(got: list[int], messages: range) -> bool:
    return [n for n in got if n in messages] == list(messages)


def test_signals_to_a_run_that_is_paused_and_resumed_are_taken_once_and_in_order() -> None:
    async def scenario(world: World) -> None:
        async with world.engine() as engine, world.engine(work=False) as client:
            run = await engine.start(COUNT, {"most": 6}, id="one")

            async def pauses() -> None:
                for deed in (run.pause, run.resume, run.pause, run.resume):
                    await world.maybe_later()
                    await attempted(deed(), RunConflict)

            await asyncio.gather(
                several(run, range(3), world), several(client.run("one"), range(3, 6), world), pauses()
            )
            got = await within(run.result())
            assert sorted(got) == list(range(6))
            assert in_order(got, range(3))
            assert in_order(got, range(3, 6))
            assert Counter(world.began) == Counter(f"one {n}" for n in range(6))

    explore(scenario, 40)


def test_signals_to_a_run_that_comes_and_goes_between_two_workers_are_taken_once_and_in_order() -> None:
    async def scenario(world: World) -> None:
        async with world.engine() as one, world.engine() as two:
            run = await one.start(COUNT, {"most": 6}, id="one")
            await asyncio.gather(several(run, range(3), world), several(two.run("one"), range(3, 6), world))
            got = await within(run.result())
            assert sorted(got) == list(range(6))
            assert in_order(got, range(3))
            assert in_order(got, range(3, 6))
            assert Counter(world.began) == Counter(f"one {n}" for n in range(6))

    explore(scenario, 40)


def test_signals_to_many_runs_that_come_and_go_are_all_taken() -> None:
    async def scenario(world: World) -> None:
        async with world.engine() as one, world.engine(work=False) as client:
            runs = [await one.start(COUNT, {"most": 3}, id=f"run {n}") for n in range(4)]
            await asyncio.gather(*(several(client.run(run.id), range(3), world) for run in runs))
            for run in runs:
                assert await within(run.result()) == [0, 1, 2]

    explore(scenario, 20)


BUSY = perdure.load("""
workflow: busy
steps:
  - {id: before, activity: echo}
  - {id: s, wait: {signal: s}}
""")


def test_a_signal_to_a_run_that_is_just_being_started_is_taken() -> None:
    async def scenario(world: World) -> None:
        async with world.engine() as engine, world.engine(work=False) as client:

            async def insist() -> None:
                while isinstance(await attempted(client.run("one").signal("s", 1), UnknownRun), UnknownRun):
                    await asyncio.sleep(0)

            async def keep_reading() -> None:
                while not starting.done():
                    await engine.emit("noise")
                    await asyncio.sleep(0.001)

            starting = asyncio.create_task(engine.start(BUSY, id="one"))
            await asyncio.gather(insist(), keep_reading())
            run = await starting
            assert await within(run.result()) == 1

    explore(scenario, 40)


def test_two_workers_move_every_run_and_run_no_step_twice() -> None:
    async def scenario(world: World) -> None:
        async with world.engine(work=False) as client, world.engine() as one, world.engine():
            await client.deploy(WORK)
            runs = [await engine.start(WORK, id=f"run {n}") for n, engine in enumerate((client, one) * 3)]
            for run in runs:
                assert await within(run.result()) == "b"
                assert [row for row in await events(run) if "Started" not in row] == [
                    "ActivityCompleted a", "ActivityCompleted b",
                ]  # fmt: skip
            assert Counter(world.began) == Counter(f"run {n} {step}" for n in range(6) for step in "ab")

    explore(scenario, 30)


SLOW = perdure.load("""
workflow: slow
steps:
  - {id: a, activity: work, with: {value: a, seconds: 40}}
  - {id: b, activity: work, with: {value: b, seconds: 0.1}}
""")


def test_a_worker_whose_lease_ends_while_it_still_works_changes_nothing_any_more() -> None:
    seen = set()

    async def scenario(world: World) -> None:
        store = world.store()
        async with world.engine(store) as hangs, world.engine(work=False) as client:
            run = await hangs.start(SLOW, id="one")
            await asyncio.sleep(1)
            store.deaf = {"renew"}
            async with world.engine():
                await asyncio.sleep(35)
                await world.maybe_later()
                store.deaf = set()
                assert await within(client.run("one").result()) == "b"
            told = [row for row in await events(run) if row != "RunStarted" and not row.startswith("AttemptStarted")]
            assert told == ["AttemptLost a", "ActivityCompleted a", "ActivityCompleted b"]
            assert world.began.count("one b") == 1
            seen.add(world.ended.count("one a"))

    explore(scenario, 8)
    assert seen <= {1, 2}


def test_an_update_while_workers_come_and_go_is_carried_out_once_and_its_reply_is_kept() -> None:
    async def scenario(world: World) -> None:
        async with world.engine(work=False) as client:
            replies: list[Any] = []

            async def updates() -> None:
                for n in range(4):
                    await world.maybe_later()
                    replies.append(await within(client.run("one").update("put", n, id=f"u{n}")))

            async with world.engine() as first:
                await first.start(COUNT, {"most": 4}, id="one")
                sending = asyncio.create_task(updates())
                await world.maybe_later()
            async with world.engine():
                await world.maybe_later()
            async with world.engine():
                await within(sending)
                assert await within(client.run("one").result()) == [0, 1, 2, 3]
            assert replies == [1, 2, 3, 4]
            assert [await client.run("one").update("put", n, id=f"u{n}") for n in range(4)] == replies

    explore(scenario, 40)


KID = perdure.load("""
workflow: kid
steps:
  - {id: a, activity: work, with: {value: kid}, compensate: {activity: echo, with: {value: undo}}}
  - {id: b, activity: work, with: {value: kid again}}
""")

MUM = perdure.load("workflow: mum\nsteps:\n  - {id: k, workflow: kid}\n")


def test_a_child_and_its_cancelled_parent_both_end_and_agree() -> None:
    seen = set()

    async def scenario(world: World) -> None:
        async with world.engine() as one, world.engine():
            await one.deploy(KID)
            run = await one.start(MUM, id="mum")
            await world.maybe_later()
            await attempted(run.cancel(), RunConflict)
            outcome = await attempted(run.result(), RunCancelled)
            kids = await one.runs("workflow = kid")
            if not isinstance(outcome, RunCancelled):
                assert [kid.status for kid in kids] == ["completed"]
                assert outcome == "kid again"
            else:
                assert [kid.status for kid in kids] in ([], ["cancelled"], ["completed"])
            for kid in kids:
                undone = ["a"] if kid.status == "cancelled" and f"{kid.id} kid" in world.ended else []
                assert kid.undone == undone
                assert world.began.count(f"{kid.id} undo") == len(undone)
            seen.add((type(outcome), *(kid.status for kid in kids)))

    explore(scenario, 60)
    assert {(str, "completed"), (RunCancelled, "cancelled")} < seen


AGAIN = perdure.load("""
workflow: again
steps:
  - {id: s, wait: {signal: s}}
  - if: "input.got | length < input.most - 1"
    restart: {input: {most: "{{ input.most }}", got: "{{ input.got + [steps.s] }}"}}
output: "{{ input.got + [steps.s] }}"
""")


def test_no_signal_is_lost_or_doubled_by_restarts() -> None:
    async def scenario(world: World) -> None:
        async with world.engine() as one, world.engine() as two:
            run = await one.start(AGAIN, {"most": 6, "got": []}, id="one")

            async def send(handle: perdure.Run, messages: range) -> None:
                for n in messages:
                    await world.maybe_later()
                    await handle.signal("s", n)

            await asyncio.gather(send(run, range(3)), send(two.run("one"), range(3, 6)))
            got = await within(run.result())
            assert sorted(got) == list(range(6))
            assert in_order(got, range(3))
            assert in_order(got, range(3, 6))

    explore(scenario, 40)


def test_a_run_started_twice_at_once_is_one_run() -> None:
    seen = set()

    async def scenario(world: World) -> None:
        async with world.engine() as one, world.engine() as two, world.engine(work=False) as client:
            answers = await asyncio.gather(
                *(attempted(engine.start(COUNT, {"most": 1}, id="one"), RunConflict) for engine in (one, two)),
                attempted(client.start(COUNT, {"most": 2}, id="one"), RunConflict),
            )
            started = [answer for answer in answers if isinstance(answer, perdure.Run)]
            assert len(started) in (1, 2)
            assert len(started) == (2 if isinstance(answers[2], RunConflict) else 1)
            for n in range(3 - len(started)):
                await client.run("one").signal("add", n)
            for run in started:
                assert await within(run.result()) == list(range(3 - len(started)))
            assert len(await client.runs()) == 1
            seen.add(len(started))

    explore(scenario, 40)
    assert seen == {1, 2}


BOOKED = perdure.load("""
workflow: booked
steps:
  - {id: a, activity: echo, with: {value: a}, compensate: {activity: work, with: {value: undo a}}}
  - {id: b, activity: echo, with: {value: b}, compensate: {activity: work, with: {value: undo b}}}
  - {id: hang, wait: {signal: never}, finally: [{activity: work, with: {value: finally}}]}
""")


def test_a_run_that_is_terminated_while_it_unwinds_ends_once_and_begins_nothing_more() -> None:
    seen = set()

    async def scenario(world: World) -> None:
        async with world.engine() as engine, world.engine(work=False) as client:
            run = await engine.start(BOOKED, id="one")
            await world.maybe_later()
            await run.cancel()
            await world.maybe_later()
            refused = await attempted(client.run("one").terminate(), RunConflict)
            outcome = await attempted(run.result(), RunCancelled, RunTerminated)
            began = list(world.began)
            if isinstance(outcome, RunCancelled):
                undone = [step for step in "ba" if f"one {step}" in world.ended]
                assert outcome.undone == undone
                assert [f"one undo {step}" for step in undone] == [b for b in world.ended if "undo" in b]
            else:
                assert (type(outcome), refused) == (RunTerminated, None)
            await asyncio.sleep(5)
            assert world.began == began
            assert len(began) == len(set(began))
            seen.add(type(outcome))

    explore(scenario, 50)
    assert seen == {RunCancelled, RunTerminated}


SENDER = perdure.load("""
workflow: sender
steps:
  - foreach: [1, 2, 3]
    concurrency: 3
    steps: [{send: {to: box, signal: add, data: "{{ item }}"}}]
""")


def test_what_a_run_sends_arrives_once_though_its_workers_come_and_go() -> None:
    async def scenario(world: World) -> None:
        async with world.engine(work=False) as client:
            box = await client.start(COUNT, {"most": 4}, id="box")
            async with world.engine() as first:
                sender = await first.start(SENDER, id="sender")
                await world.maybe_later()
            async with world.engine(), world.engine():
                await within(client.run(sender.id).result())
                await box.signal("add", 4)
                assert sorted(await within(box.result())) == [1, 2, 3, 4]

    explore(scenario, 40)
