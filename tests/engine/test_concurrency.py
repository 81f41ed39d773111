"""How many runs of a workflow go on at once: they queue, are refused, or have those before them cancelled."""

from __future__ import annotations

import pytest
from engine_world import Gate, OpenEngine, eventually, live, settled
from live_world import existing, has_status, soon

import perdure
from perdure.engine import Engine
from perdure.errors import RunCancelled, RunConflict, RunFailed


def shop(conflict: str, limit: int = 1) -> str:
    return f"""
workflow: shop
concurrency: {{key: "{{{{ input.customer }}}}", limit: {limit}, on_conflict: {conflict}}}
steps: [{{id: w, wait: {{signal: go}}}}, {{activity: echo, with: {{value: "{{{{ run.id }}}}"}}}}]
"""


ANA = {"customer": "ana"}


async def kind_of(run: perdure.Run) -> str | None:
    """What the run does first."""
    found = (await run.describe()).live
    return str(found[0]["kind"]) if found else None


async def queues(run: perdure.Run) -> None:
    async def look() -> bool:
        return await kind_of(run) == "concurrency"

    await eventually(look)


async def test_a_run_waits_for_those_of_its_key_that_came_before(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        runs = [await engine.start(shop("queue"), ANA, id=f"r{n}") for n in range(3)]
        other = await engine.start(shop("queue"), {"customer": "ben"}, id="other")
        await live(runs[0], "w")
        await live(other, "w")
        for run in runs[1:]:
            await queues(run)
            await run.signal("go")
        await settled(engine)
        await runs[0].signal("go")
        assert [await run.result(10) for run in runs] == ["r0", "r1", "r2"]
    assert gate.calls == ["echo r0", "echo r1", "echo r2"]


async def test_as_many_runs_as_the_limit_go_on_at_once(opened: OpenEngine) -> None:
    async with opened() as engine:
        runs = [await engine.start(shop("queue", 2), ANA, id=f"r{n}") for n in range(3)]
        await live(runs[0], "w")
        await live(runs[1], "w")
        await queues(runs[2])
        await runs[1].signal("go")
        await runs[1].result(10)
        await live(runs[2], "w")


async def test_versions_of_a_workflow_count_together(opened: OpenEngine) -> None:
    async with opened() as engine:
        await live(await engine.start(shop("queue"), ANA), "w")
        await queues(await engine.start(shop("queue") + "description: changed\n", ANA))


async def test_a_start_is_refused_that_would_run_beside_another(opened: OpenEngine) -> None:
    async with opened() as engine, opened(work=False) as client:
        first = await engine.start(shop("reject"), ANA, id="first")
        for one in (engine, client):
            with pytest.raises(RunConflict, match=r"shop runs already.*first"):
                await one.start(shop("reject"), ANA, id="second")
            with pytest.raises(RunConflict):
                await one.start(shop("reject"), ANA, id="third", signal=("go", None))
        assert [info.id for info in await engine.runs()] == ["first"]
        await first.signal("go")
        assert await first.result(10) == "first"
        second = await client.start(shop("reject"), ANA, id="second", signal=("go", None))
        assert await second.result(10) == "second"


async def test_starting_the_very_run_again_attaches_to_it(opened: OpenEngine) -> None:
    async with opened() as engine:
        await engine.start(shop("reject"), ANA, id="first")
        again = await engine.start(shop("reject"), ANA, id="first")
        await again.signal("go")
        assert await again.result(10) == "first"


async def test_a_child_that_would_run_beside_another_fails_its_step(opened: OpenEngine) -> None:
    async with opened() as engine:
        await live(await engine.start(shop("reject"), ANA, id="first"), "w")
        mum = await engine.start("workflow: mum\nsteps: [{id: kid, workflow: shop, with: {customer: ana}}]\n")
        with pytest.raises(RunFailed) as failed:
            await mum.result(10)
        error = failed.value.error
        assert (error["type"], error["step"], error["cause"]["type"]) == ("ChildFailed", "kid", "RunConflict")
        assert "first" in error["cause"]["message"]


async def test_a_child_queues_behind_another_run(opened: OpenEngine) -> None:
    async with opened() as engine:
        first = await engine.start(shop("queue"), ANA, id="first")
        await live(first, "w")
        mum = await engine.start("workflow: mum\nsteps: [{id: kid, workflow: shop, with: {customer: ana}}]\n", id="m")
        await live(mum, "kid")
        kid = engine.run("m/kid/4")
        await existing(engine, kid.id)
        await queues(kid)
        await kid.signal("go")
        await first.signal("go")
        assert await mum.result(10) == kid.id


async def test_a_new_run_has_the_running_one_cancelled_and_waits_until_it_is(opened: OpenEngine, gate: Gate) -> None:
    text = """
workflow: shop
concurrency: {on_conflict: cancel_running}
steps: [{id: h, activity: hold, with: {value: "{{ run.id }}"}, finally: [{activity: echo, with: {value: left}}]}]
"""
    async with opened() as engine:
        first = await engine.start(text, id="first")
        await soon(gate.entered.wait())
        second = await engine.start(text, id="second")
        with pytest.raises(RunCancelled):
            await first.result(10)

        async def entered() -> bool:
            return "hold second" in gate.calls

        await eventually(entered)
        gate.open.set()
        assert await second.result(10) == "second"
    assert gate.calls == ["hold first", "echo left", "hold second", "echo left"]


async def test_of_runs_that_cancel_each_other_the_last_one_goes_on(opened: OpenEngine) -> None:
    async with opened() as engine:
        runs = [await engine.start(shop("cancel_running"), ANA, id=f"r{n}") for n in range(5)]
        for run in runs[:-1]:
            with pytest.raises(RunCancelled):
                await run.result(10)
        await runs[-1].signal("go")
        assert await runs[-1].result(10) == "r4"


async def test_a_child_has_the_running_one_cancelled(opened: OpenEngine) -> None:
    async with opened() as engine:
        first = await engine.start(shop("cancel_running"), ANA, id="first")
        await live(first, "w")
        await engine.start("workflow: mum\nsteps: [{id: kid, workflow: shop, with: {customer: ana}}]\n", id="m")
        await existing(engine, "m/kid/4")
        with pytest.raises(RunCancelled):
            await first.result(10)
        kid = engine.run("m/kid/4")
        await kid.signal("go")
        assert await kid.result(10) == "m/kid/4"


COUNTING = """
workflow: counting
concurrency: {key: "{{ input.key }}", on_conflict: CONFLICT}
steps:
  - {id: w, wait: {signal: "{{ input.n }}"}}
  - {if: input.n > 0, restart: {input: {n: "{{ input.n - 1 }}", key: "{{ input.next }}", next: "{{ input.next }}"}}}
output: "{{ input.key }}"
""".replace('"{{ input.n }}"}}', "go}}")


@pytest.mark.parametrize("conflict", ["queue", "reject"])
async def test_the_place_passes_to_the_run_that_goes_on(opened: OpenEngine, conflict: str) -> None:
    text = COUNTING.replace("CONFLICT", conflict)
    async with opened() as engine:
        first = await engine.start(text, {"n": 2, "key": "k", "next": "k"}, id="first")
        await live(first, "w")
        if conflict == "queue":
            second = await engine.start(text, {"n": 0, "key": "k", "next": "k"}, id="second")
            await queues(second)
        for n in (1, 0):
            await first.signal("go")

            async def restarted(n: int = n) -> bool:
                info = await first.describe()
                return info.input["n"] == n and [part["address"] for part in info.live] == ["w"]

            await eventually(restarted)
            assert await kind_of(first) == "wait"
        if conflict == "queue":
            assert await kind_of(second) == "concurrency"
        else:
            with pytest.raises(RunConflict):
                await engine.start(text, {"n": 0, "key": "k", "next": "k"}, id="second")
        await first.signal("go")
        assert await first.result(10) == "k"
        if conflict == "queue":
            await second.signal("go")
            assert await second.result(10) == "k"


@pytest.mark.parametrize("conflict", ["queue", "reject"])
async def test_a_restart_under_another_key_waits_for_its_place(opened: OpenEngine, conflict: str) -> None:
    text = COUNTING.replace("CONFLICT", conflict)
    async with opened() as engine:
        other = await engine.start(text, {"n": 0, "key": "b", "next": "b"}, id="other")
        await live(other, "w")
        first = await engine.start(text, {"n": 1, "key": "a", "next": "b"}, id="first")
        await live(first, "w")
        await first.signal("go")
        await queues(first)
        third = await engine.start(text, {"n": 0, "key": "a", "next": "a"}, id="third")
        await live(third, "w")
        await other.signal("go")
        await live(first, "w")
        await first.signal("go")
        assert await first.result(10) == "b"


async def test_a_run_keeps_its_place_while_it_undoes(opened: OpenEngine, gate: Gate) -> None:
    text = """
workflow: shop
concurrency: {}
steps:
  - {activity: echo, with: {value: "{{ run.id }}"}, compensate: {activity: hold, with: {value: "{{ run.id }}"}}}
  - {if: "run.id == 'first'", fail: {type: Boom}}
"""
    async with opened() as engine:
        first = await engine.start(text, id="first")
        await soon(gate.entered.wait())
        second = await engine.start(text, id="second")
        await queues(second)
        gate.open.set()
        await second.result(10)
        with pytest.raises(RunFailed):
            await first.result(10)
    assert gate.calls == ["echo first", "hold first", "echo second"]


async def test_a_queued_run_is_cancelled_at_once_and_leaves_the_queue(opened: OpenEngine) -> None:
    async with opened() as engine:
        runs = [await engine.start(shop("queue"), ANA, id=f"r{n}") for n in range(3)]
        await queues(runs[1])
        await runs[1].cancel()
        with pytest.raises(RunCancelled):
            await runs[1].result(10)
        await runs[0].cancel()
        await live(runs[2], "w")


async def test_a_paused_run_keeps_its_place(opened: OpenEngine) -> None:
    async with opened() as engine:
        runs = [await engine.start(shop("queue"), ANA, id=f"r{n}") for n in range(2)]
        await live(runs[0], "w")
        await runs[0].pause()
        await has_status(runs[0], "paused")
        await queues(runs[1])
        await runs[0].terminate()
        await live(runs[1], "w")


async def test_a_client_starts_runs_that_queue(opened: OpenEngine) -> None:
    async with opened(work=False) as client:
        runs = [await client.start(shop("queue"), ANA, id=f"r{n}", signal=("go", None)) for n in range(4)]
        async with opened(), opened():
            assert [await run.result(20) for run in runs] == ["r0", "r1", "r2", "r3"]


async def start_many(engine: Engine, text: str, count: int) -> list[perdure.Run]:
    return [await engine.start(text, ANA, id=f"r{n}", signal=("go", None)) for n in range(count)]


async def test_each_of_many_quick_runs_has_its_turn(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        runs = await start_many(engine, shop("queue"), 20)
        for run in runs:
            await run.result(20)
    assert gate.calls == [f"echo r{n}" for n in range(20)]


async def test_a_run_whose_child_could_only_follow_it_is_told(opened: OpenEngine) -> None:
    text = """
workflow: nested
concurrency: {}
steps: [{if: input.deep, id: kid, workflow: nested, with: {deep: false}}]
"""
    async with opened() as engine:
        run = await engine.start(text, {"deep": True})
        with pytest.raises(RunFailed) as failed:
            await run.result(10)
        assert failed.value.error["cause"]["type"] == "LimitExceeded"
        await (await engine.start(text, {"deep": False})).result(10)


async def test_a_child_started_by_an_undo_could_only_follow_too(opened: OpenEngine) -> None:
    text = """
workflow: nested
concurrency: {}
steps:
  - {id: a, activity: echo, compensate: {workflow: nested, with: {deep: false}}}
  - {if: input.deep, fail: {type: Boom}}
"""
    async with opened() as engine:
        run = await engine.start(text, {"deep": True})
        with pytest.raises(RunFailed, match="Boom") as failed:
            await run.result(10)
        assert [entry["step"] for entry in failed.value.not_undone] == ["a"]


async def test_a_restarted_child_still_knows_the_locks_around_it(opened: OpenEngine) -> None:
    kid = """
workflow: kid
steps:
  - {if: input.again, wait: 1ms}
  - {if: input.again, restart: {input: {again: false}}}
  - {id: k, activity: echo, lock: {key: room}}
"""
    async with opened() as engine:
        await engine.deploy(kid)
        mum = await engine.start(
            "workflow: mum\nsteps: [{lock: {key: room}, steps: [{workflow: kid, with: {again: true}}]}]\n"
        )
        with pytest.raises(RunFailed) as failed:
            await mum.result(10)
        assert failed.value.error["cause"]["type"] == "LimitExceeded"
