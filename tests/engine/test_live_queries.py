"""Queries: what a run has published, at any time, from any process, without a trace."""

from __future__ import annotations

import pytest
from engine_world import OpenEngine, eventually, live, settled
from live_world import has_status, in_memory

from perdure.errors import InvalidInput, RunTerminated, UnknownRun

SHOP = """
workflow: shop
version: "7"
queries:
  everything: state
  total: "state.total if state else 0"
  who: "[run.id, run.workflow, run.version]"
  attempt: run.attempt
  strict: state.total + 1
  when: now()
  dice: random()
steps:
  - {id: first, wait: {signal: go}}
  - publish: {total: "{{ steps.first }}"}
  - {id: second, wait: {signal: go}}
  - publish: {total: "{{ steps.second }}"}
  - {id: third, wait: {signal: go}}
"""


async def test_a_query_reads_what_was_published_last(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(SHOP, id="r")
        assert (await run.query("everything"), await run.query("total")) == (None, 0)
        for number, step in ((1, "second"), (2, "third")):
            await run.signal("go", number)
            await live(run, step)
            assert (await run.query("everything"), await run.query("strict")) == ({"total": number}, number + 1)
        before = await run.history()
        assert await run.query("who") == ["r", "shop", "7"]
        assert await run.history() == before


async def test_a_closed_run_answers_queries_in_any_process(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(SHOP, id="r")
        for number in range(3):
            await run.signal("go", number)
        await run.result(10)
    async with opened(work=False) as client:
        run = client.run("r")
        assert (await run.query("total"), await run.query("who")) == (1, ["r", "shop", "7"])
        assert isinstance(await run.query("when"), str)


async def test_a_terminated_run_answers_with_what_it_had_published(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(SHOP)
        await run.signal("go", 5)
        await live(run, "second")
        await run.terminate()
        with pytest.raises(RunTerminated):
            await run.result(10)
        assert await run.query("total") == 5


async def test_a_query_does_not_bring_a_run_into_memory(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(SHOP)
        await run.signal("go", 5)
        await live(run, "second")
        await settled(engine)
        assert await run.query("total") == 5
        assert in_memory(engine) == 0


async def test_what_cannot_be_asked_is_said_clearly(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(SHOP, id="r")
        with pytest.raises(InvalidInput, match=r"shop has no query toatl \(it has: everything, total, who"):
            await run.query("toatl")
        with pytest.raises(InvalidInput, match="the query strict cannot be answered now"):
            await run.query("strict")
        with pytest.raises(InvalidInput, match="random"):
            await run.query("dice")
        with pytest.raises(UnknownRun):
            await engine.run("nobody").query("total")
        plain = await engine.start("workflow: plain\nsteps:\n  - {wait: {signal: go}}\n")
        with pytest.raises(InvalidInput, match=r"plain has no query total \(it has: none\)"):
            await plain.query("total")


async def test_a_query_sees_which_attempt_of_the_whole_run_it_is_also_afterwards(opened: OpenEngine) -> None:
    text = """
workflow: w
retry: {attempts: 3, delay: 1ms}
queries: {attempt: run.attempt}
steps:
  - if: run.attempt < 2
    fail: {type: Early, message: no}
  - {id: s, wait: {signal: go}}
"""
    async with opened() as engine:
        run = await engine.start(text)
        await live(run, "s")
        assert ((await run.describe()).attempt, await run.query("attempt")) == (2, 2)
        await run.signal("go")
        info = await has_status(run, "completed")
        assert (info.attempt, await run.query("attempt")) == (2, 2)


async def test_a_query_sees_every_publication_in_order_and_never_an_older_one(opened: OpenEngine) -> None:
    text = """
workflow: w
queries: {n: "state.n if state else -1"}
steps:
  - id: each
    foreach: "{{ input.numbers }}"
    steps:
      - publish: {n: "{{ item }}"}
      - {activity: echo, with: {value: 1}}
"""
    async with opened() as engine:
        run = await engine.start(text, {"numbers": list(range(30))})
        seen: list[int] = []

        async def last() -> bool:
            seen.append(await run.query("n"))
            return seen[-1] == 29

        await eventually(last)
        assert seen == sorted(seen)
