"""Runs inside runs: results, failures, cancellations and ends that travel, and children that survive every crash."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from engine_world import Gate, OpenEngine, Place, events, eventually, live, settled
from live_world import Mortal, bury_all, has_status, in_memory, journal, soon

import perdure
from perdure.errors import RunCancelled, RunFailed, RunTerminated
from perdure.stores.store import Commit
from perdure.testing.cases import read_cases
from perdure.values import encode

PATTERNS = Path(__file__).parent.parent / "cases" / "patterns"

KID = """
workflow: kid
input: {type: object, required: [n], properties: {n: {type: integer}}}
steps:
  - {id: work, activity: echo, with: {value: "{{ input.n }}"}}
output: "{{ input.n * 10 }}"
"""

WAITING = """
workflow: kid
steps:
  - {id: book, activity: echo, with: {value: book}, compensate: {activity: undo, with: {what: book}}}
  - {id: s, wait: {signal: go}}
output: "{{ steps.s }}"
"""

MUM = """
workflow: mum
steps:
  - {id: k, workflow: kid, with: {n: "{{ input.n }}"}}
output: "{{ steps.k }}"
"""


def detached(closing: str) -> str:
    return f"""
workflow: mum
steps:
  - {{id: k, workflow: kid, detach: true, on_parent_close: {closing}}}
  - {{id: s, wait: {{signal: end}}}}
output: "{{{{ steps.k }}}}"
"""


async def kids(engine: perdure.Engine, workflow: str = "kid") -> list[perdure.RunInfo]:
    return list(reversed(await engine.runs(f"workflow = '{workflow}'", limit=5000)))


async def waiting_kid(engine: perdure.Engine) -> perdure.Run:
    """The only child, once it waits for its signal."""

    async def look() -> perdure.Run | None:
        found = await kids(engine)
        return engine.run(found[0].id) if found else None

    kid: perdure.Run = await eventually(look)
    await live(kid, "s")
    return kid


async def test_a_child_gives_its_output_and_knows_its_parent(opened: OpenEngine) -> None:
    async with opened() as engine:
        await engine.deploy(KID)
        run = await engine.start(MUM, {"n": 4}, id="mum")
        assert await run.result(10) == 40
        assert await events(run) == ["RunStarted", "ChildEnded k"]
        [kid] = await kids(engine)
        assert (kid.parent, kid.status, kid.output) == ("mum", "completed", 40)
        assert kid.id.startswith("mum/k/")
        assert (await engine.run(kid.id).describe()).input == {"n": 4}
        assert (await run.describe()).parent is None


async def test_a_failure_travels_up_with_its_causes(opened: OpenEngine) -> None:
    broken = "workflow: low\nsteps:\n  - {id: f, activity: fail, with: {type: Odd}}\n"
    middle = "workflow: mid\nsteps:\n  - {id: l, workflow: low}\n"
    top = "workflow: top\nsteps:\n  - {id: m, workflow: mid}\n"
    async with opened() as engine:
        await engine.deploy(broken)
        await engine.deploy(middle)
        run = await engine.start(top, id="top")
        with pytest.raises(RunFailed) as caught:
            await run.result(10)
        error: Any = caught.value.error
        chain = []
        while error is not None:
            chain.append((error["type"], error["step"]))
            error = error["cause"]
        assert chain == [("ChildFailed", "m"), ("ChildFailed", "l"), ("Odd", "f")]
        [mid] = await kids(engine, "mid")
        assert caught.value.error == {
            "type": "ChildFailed", "message": f"the run {mid.id} failed", "step": "m", "attempt": None,
            "details": {"run": mid.id, "status": "failed"}, "cause": mid.error,
        }  # fmt: skip


async def test_cancelling_the_parent_cancels_the_child_and_waits_for_its_undo(opened: OpenEngine, gate: Gate) -> None:
    text = WAITING.replace("activity: undo, with: {what: book}", "activity: hold, with: {value: undo}")
    mum = """
workflow: mum
steps:
  - {id: a, activity: echo, with: {value: a}, compensate: {activity: undo, with: {what: a}}}
  - {id: k, workflow: kid}
"""
    async with opened() as engine:
        await engine.deploy(text)
        run = await engine.start(mum)
        kid = await waiting_kid(engine)
        await run.cancel("enough")
        await gate.entered.wait()
        assert ((await run.describe()).status, "undo a" in gate.calls) == ("running", False)
        gate.open.set()
        with pytest.raises(RunCancelled) as caught:
            await run.result(10)
        assert caught.value.undone == ["a"]
        info = await kid.describe()
        assert (info.status, info.undone) == ("cancelled", ["book"])
        assert gate.calls == ["echo a", "echo book", "hold undo", "undo a"]


@pytest.mark.parametrize("moment", range(4))
async def test_a_parent_cancelled_while_its_child_is_being_started_ends(opened: OpenEngine, moment: int) -> None:
    """The child must be there before it can be told; it is never left running."""
    async with opened() as engine:
        await engine.deploy(WAITING)
        runs = [await engine.start(MUM, {"n": 1}) for _ in range(5)]
        for _ in range(moment):
            await asyncio.sleep(0)
        for run in runs:
            await run.cancel()
        for run in runs:
            with pytest.raises(RunCancelled):
                await run.result(10)
        assert {info.status for info in await kids(engine)} <= {"cancelled"}


async def test_a_child_whose_start_takes_long_is_cancelled_after_it(
    place: Place, opened: OpenEngine, gate: Gate
) -> None:
    slow = Mortal(place.store())
    latest, held = slow.store.latest, asyncio.Event()

    async def hold(workflow: str) -> str | None:
        held.set()
        await gate.open.wait()
        return await latest(workflow)

    slow.store.latest = hold  # type: ignore[method-assign]
    async with opened(store=slow) as engine:
        await engine.deploy(WAITING)
        run = await engine.start("workflow: mum\nsteps:\n  - {id: p, wait: 1ms}\n  - {id: k, workflow: kid}\n")
        await soon(held.wait())
        await run.cancel()

        async def cancelling() -> bool:
            return [part["status"] for part in (await run.describe()).live] == ["cancelling"]

        await eventually(cancelling)
        gate.open.set()
        with pytest.raises(RunCancelled):
            await run.result(10)
        assert [info.status for info in await kids(engine)] == ["cancelled"]


async def test_a_child_whose_start_takes_long_is_not_begun_once_its_parent_has_ended(
    place: Place, opened: OpenEngine, gate: Gate
) -> None:
    slow = Mortal(place.store())
    latest, held, over = slow.store.latest, asyncio.Event(), asyncio.Event()

    async def hold(workflow: str) -> str | None:
        held.set()
        await gate.open.wait()
        asyncio.get_running_loop().call_later(0.2, over.set)
        return await latest(workflow)

    slow.store.latest = hold  # type: ignore[method-assign]
    async with opened(store=slow) as engine:
        await engine.deploy(WAITING)
        run = await engine.start("workflow: mum\nsteps:\n  - {id: p, wait: 1ms}\n  - {id: k, workflow: kid}\n")
        await soon(held.wait())
        await run.terminate()
        with pytest.raises(RunTerminated):
            await run.result(10)
        gate.open.set()
        await soon(over.wait())
        assert await kids(engine) == []


async def test_a_child_that_is_cancelled_or_terminated_fails_its_step(opened: OpenEngine) -> None:
    async with opened() as engine:
        await engine.deploy(WAITING)
        for deed, status, cause in (("cancel", "cancelled", "Cancelled"), ("terminate", "terminated", "Terminated")):
            run = await engine.start(MUM, {"n": 1}, id=deed)

            async def child(deed: str = deed) -> str | None:
                return next((info.id for info in await kids(engine) if info.parent == deed), None)

            kid = engine.run(await eventually(child))
            await live(kid, "s")
            await getattr(kid, deed)("from outside")
            with pytest.raises(RunFailed) as caught:
                await run.result(10)
            error: Any = caught.value.error
            assert (error["type"], error["details"]["status"]) == ("ChildFailed", status)
            assert (error["cause"]["type"], error["cause"]["message"]) == (cause, "from outside")


@pytest.mark.parametrize(
    ("closing", "ended", "undone"),
    [("cancel", "cancelled", ["book"]), ("terminate", "terminated", []), ("abandon", "running", [])],
)
@pytest.mark.parametrize("way", ["signal", "fail", "cancel", "terminate"])
async def test_a_detached_child_meets_the_policy_when_its_parent_ends(
    opened: OpenEngine, closing: str, ended: str, undone: list[str], way: str
) -> None:
    async with opened() as engine:
        await engine.deploy(WAITING)
        text = detached(closing)
        if way == "fail":
            text = text.replace("output:", "  - {fail: {type: Odd, message: no}}\noutput:")
        run = await engine.start(text, id="mum")
        kid = await waiting_kid(engine)
        if way in ("cancel", "terminate"):
            await live(run, "s")
            await getattr(run, way)()
        else:
            await run.signal("end")
        if way == "signal":
            assert await run.result(10) == kid.id
        else:
            with pytest.raises(RunFailed):
                await run.result(10)
        info = await has_status(kid, ended)
        assert info.undone == undone
        if ended == "running":
            await kid.signal("go", 1)
            assert await kid.result(10) == 1


@pytest.mark.parametrize(("closing", "ended"), [("cancel", "cancelled"), ("terminate", "terminated")])
async def test_terminating_a_parent_ends_the_child_it_waits_for(opened: OpenEngine, closing: str, ended: str) -> None:
    text = f"workflow: mum\nsteps:\n  - {{id: k, workflow: kid, on_parent_close: {closing}}}\n"
    async with opened() as engine:
        await engine.deploy(WAITING)
        run = await engine.start(text)
        kid = await waiting_kid(engine)
        await run.terminate()
        with pytest.raises(RunTerminated):
            await run.result(10)
        await has_status(kid, ended)


async def test_terminating_a_parent_whose_cancelled_child_lingers_terminates_the_child(
    opened: OpenEngine, gate: Gate
) -> None:
    lingering = WAITING.replace("activity: undo, with: {what: book}", "activity: hold, with: {value: undo}")
    async with opened() as engine:
        await engine.deploy(lingering)
        run = await engine.start("workflow: mum\nsteps:\n  - {id: k, workflow: kid, on_parent_close: terminate}\n")
        kid = await waiting_kid(engine)
        await run.cancel()
        await gate.entered.wait()
        await run.terminate()
        with pytest.raises(RunTerminated):
            await run.result(10)
        await has_status(kid, "terminated")


async def test_a_child_that_is_not_deployed_or_does_not_fit_fails_its_step(opened: OpenEngine) -> None:
    async with opened() as engine:
        with pytest.raises(RunFailed) as caught:
            await (await engine.start(MUM, {"n": 1})).result(10)
        assert caught.value.error == {
            "type": "ChildFailed", "message": "no definition of kid is deployed", "details": None, "step": "k",
            "attempt": None, "cause": None,
        }  # fmt: skip
        await engine.deploy(KID)
        with pytest.raises(RunFailed) as caught:
            await (await engine.start(MUM, {"n": "x"})).result(10)
        error: Any = caught.value.error
        assert (error["type"], error["step"], error["cause"]["type"]) == ("ChildFailed", "k", "InvalidInput")
        assert error["cause"]["details"]
        assert await kids(engine) == []


async def test_a_recursion_without_end_ends_at_the_limit(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start("workflow: deep\nsteps:\n  - {id: d, workflow: deep}\n")
        with pytest.raises(RunFailed) as caught:
            await run.result(20)
        error: Any = caught.value.error
        types = []
        while error is not None:
            types.append(error["type"])
            error = error["cause"]
        assert types == ["ChildFailed"] * 50 + ["LimitExceeded"]
        assert Counter(info.status for info in await engine.runs(limit=1000)) == {"failed": 51}


async def test_a_child_whose_id_is_taken_by_another_run_fails_its_step(opened: OpenEngine) -> None:
    async with opened() as engine:
        await engine.deploy(KID)
        first = await engine.start(MUM, {"n": 1}, id="mum")
        await first.result(10)
        [kid] = await kids(engine)
        await engine.start(KID, {"n": 1}, id=kid.id.replace("mum", "dad"))
        with pytest.raises(RunFailed, match=f"a run with the id {kid.id.replace('mum', 'dad')} exists already"):
            await (await engine.start(MUM, {"n": 1}, id="dad")).result(10)


async def test_children_are_started_once_when_the_worker_dies_after_starting_one(
    place: Place, opened: OpenEngine, gate: Gate
) -> None:
    dying = Mortal(place.store())
    dying.last = "commit"
    dying.fatal = lambda batch: any(getattr(commit.run, "parent", None) for commit in batch)
    async with opened(store=dying) as first:
        await first.deploy(KID)
        await first.start(MUM, {"n": 1}, id="mum")
        await soon(dying.dead.wait())
    await bury_all(place)
    async with opened() as engine:
        assert await engine.run("mum").result(10) == 10
        assert len(await kids(engine)) == 1
    assert gate.calls == ["echo 1"]


async def test_a_child_that_ended_while_its_parent_was_down_is_heard_of(place: Place, opened: OpenEngine) -> None:
    async with opened(only=["mum"]) as engine:
        await engine.deploy(WAITING)
        await engine.start(MUM, {"n": 1}, id="mum")
        kid = await waiting_kid(engine)
    async with opened(only=[kid.id]) as engine:
        await engine.run(kid.id).signal("go", "done")
        assert await engine.run(kid.id).result(10) == "done"
        assert (await engine.run("mum").describe()).status == "running"
    async with opened(only=["mum"]) as engine:
        assert await engine.run("mum").result(10) == "done"


async def test_a_worker_of_some_runs_only_moves_their_children_and_theirs(opened: OpenEngine) -> None:
    middle = "workflow: mid\nsteps:\n  - {id: k, workflow: kid, with: {n: 2}}\n"
    top = "workflow: top\nsteps:\n  - {id: m, workflow: mid}\n  - {id: t, send: {to: other, signal: go}}\n"
    async with opened(work=False) as client:
        other = await client.start("workflow: w\nsteps:\n  - {id: s, wait: {signal: go}}\n", id="other")
        await client.deploy(KID)
        await client.deploy(middle)
        async with opened(only=["top"]) as engine:
            run = await engine.start(top, id="top")
            await run.result(10)
            assert {info.status for info in await kids(engine)} == {"completed"}
        assert (await other.describe()).status == "running"
        assert await events(other) == ["RunStarted"]


async def test_parents_that_wait_leave_memory_so_that_their_children_find_room(
    opened: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.engine.owned.MOST_LIVE", 4)
    monkeypatch.setattr("perdure.engine.owned.ROOM", 1)
    async with opened(concurrency=4) as engine:
        await engine.deploy(KID)
        runs = [await engine.start(MUM, {"n": n}) for n in range(20)]
        assert await soon(asyncio.gather(*(run.result() for run in runs)), 20) == [n * 10 for n in range(20)]
        await settled(engine)
        await engine.deploy(WAITING)
        await engine.start(MUM, {"n": 1})
        await settled(engine)
        assert in_memory(engine) == 0


async def test_a_thousand_children_of_one_loop_fifty_at_a_time(opened_sqlite: OpenEngine) -> None:
    running, most = 0, 0

    @perdure.activity("count")
    async def count(n: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return n

    kid = "workflow: kid\nsteps:\n  - {id: c, activity: count, with: {n: '{{ input.n }}'}}\n"
    text = """
workflow: mum
steps:
  - id: each
    foreach: "{{ input.numbers }}"
    concurrency: 50
    steps: [{id: k, workflow: kid, with: {n: "{{ item }}"}}]
"""
    numbers = list(range(1000))
    async with opened_sqlite(count) as engine:
        await engine.deploy(kid)
        run = await engine.start(text, {"numbers": numbers})
        assert await run.result(25) == numbers
        assert Counter(info.status for info in await kids(engine)) == {"completed": 1000}
        assert most <= 50
        rows = await journal(run)
        assert len(rows) == 1001


async def test_a_stuck_child_that_is_terminated_tells_its_parent_and_its_children(
    opened: OpenEngine, place: Place
) -> None:
    middle = "workflow: mid\nsteps:\n  - {id: k, workflow: kid}\n"
    top = "workflow: top\nsteps:\n  - {id: m, workflow: mid}\n"
    async with opened() as engine:
        await engine.deploy(WAITING)
        await engine.deploy(middle)
        run = await engine.start(top)
        kid = await waiting_kid(engine)
        [mid] = await kids(engine, "mid")
        await settled(engine)
        row = await engine._store.find(mid.id)
        assert row is not None
        note = encode({"cause": "for the test"})
        await engine._store.commit([Commit(row.key, status="stuck", release=True, note=note)])
        stuck = engine.run(mid.id)
        await has_status(stuck, "stuck")
        await stuck.terminate("out of the way")
        with pytest.raises(RunFailed, match="ChildFailed"):
            await run.result(10)
        await has_status(kid, "cancelled")


async def test_a_run_may_begin_another_of_its_own_definition(opened: OpenEngine) -> None:
    [recursion] = [case for case in read_cases(PATTERNS / "iteration.yaml") if "begins another of its own" in case.name]
    async with opened() as engine:
        run = await engine.start(perdure.load(recursion.text), {"n": 4})
        assert await run.result(10) == 24
        assert sorted(kid.output for kid in await kids(engine, "factorial")) == [1, 2, 6, 24]
