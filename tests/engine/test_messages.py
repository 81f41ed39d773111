"""Signals and questions: kept in order, checked, and taken exactly once; on every store."""

from __future__ import annotations

import asyncio

import pytest
from engine_world import Gate, OpenEngine, eventually, live

import perdure
from perdure.errors import InvalidInput, RunConflict

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


async def test_signals_that_come_early_are_kept_in_order(opened: OpenEngine, gate: Gate) -> None:
    text = """
workflow: w
steps:
  - {id: a, activity: hold}
  - {id: one, wait: {signal: go}}
  - {id: two, wait: {signal: go}}
  - {id: three, wait: {signal: other}}
output: ["{{ steps.one }}", "{{ steps.two }}", "{{ steps.three }}"]
"""
    async with opened() as engine:
        run = await engine.start(text)
        for name, data in (("go", 1), ("other", "x"), ("go", 2), ("go", 3)):
            await run.signal(name, data)
        await run.signal("never", {"read": False})
        await eventually(lambda: unread(run))
        gate.open.set()
        assert await run.result(10) == [1, 2, "x"]
        left = (await run.describe()).unread
        assert [(entry["signal"], entry["data"]) for entry in left] == [("go", 3), ("never", {"read": False})]


async def unread(run: perdure.Run) -> bool:
    return len((await run.describe()).unread) == 5


async def test_two_hundred_signals_arrive_in_order(opened: OpenEngine) -> None:
    text = """
workflow: w
steps:
  - id: loop
    foreach: "{{ input.numbers }}"
    steps: [{id: s, wait: {signal: go}}]
"""
    async with opened() as engine:
        run = await engine.start(text, {"numbers": list(range(200))})
        for number in range(200):
            await run.signal("go", number)
        assert await run.result(20) == list(range(200))


async def test_a_signal_with_the_same_id_is_the_same_signal_for_ever(opened: OpenEngine) -> None:
    text = "workflow: w\nsteps:\n  - {id: a, wait: {signal: go}}\n  - {id: b, wait: {signal: go}}\n"
    async with opened() as engine:
        run = await engine.start(text)
        await run.signal("go", 1, id="one")
        await run.signal("go", 1, id="one")
        await live(run, "b")
        await run.signal("go", 1, id="one")
        await run.signal("go", 2, id="two")
        assert await run.result(10) == 2


async def test_a_signal_with_the_same_id_is_the_same_signal_while_it_waits(opened: OpenEngine) -> None:
    async with opened(work=False) as client:
        run = await client.start("workflow: w\nsteps:\n  - {id: a, wait: {all: [{signal: go}, {signal: end}]}}\n")
        for data in (1, 2, 3):
            await run.signal("go", data, id="one")
        async with opened():
            await run.signal("end")
            assert await run.result(10) == {"go": 1, "end": None}
            assert (await run.describe()).unread == []


async def test_a_signal_must_be_json_with_a_name(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(WAIT)
        for name, data in (("", 1), (7, 1), ("go", object()), ("go", float("inf"))):
            with pytest.raises(InvalidInput):
                await run.signal(name, data)  # type: ignore[arg-type]
        assert (await run.describe()).unread == []


async def test_asks_are_listed_answered_and_checked(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(TWO_ASKS, id="r")
        await live(run, "legal", "money")
        asks = await engine.asks()
        assert [(ask.run, ask.workflow, ask.step, ask.prompt, ask.form) for ask in asks] == [
            ("r", "asks", "legal", "legal?", {"type": "boolean"}),
            ("r", "asks", "money", "money?", {"enum": ["yes", "no"]}),
        ]
        assert (await run.describe()).asks == asks == await engine.asks("r")
        with pytest.raises(InvalidInput) as caught:
            await run.answer("legal", "perhaps")
        assert len(caught.value.problems) == 1
        with pytest.raises(RunConflict, match="no question is open at nowhere"):
            await run.answer("nowhere", True)
        assert len(await engine.asks()) == 2
        await run.answer("legal", True, by="ann")
        with pytest.raises(RunConflict):
            await run.answer("legal", True, by="bob")
        await run.answer("money", "no")
        result = await run.result(10)
        assert (result["left"]["answer"], result["left"]["by"]) == (True, "ann")
        assert (result["right"]["answer"], result["right"]["by"]) == ("no", None)
        assert await engine.asks() == []


async def test_of_two_answers_at_once_exactly_one_wins(opened: OpenEngine) -> None:
    text = "workflow: w\nsteps:\n  - {id: q, ask: {prompt: 'who?', reminders: [10ms, 20ms, 30ms]}}\n"
    async with opened() as engine, opened(work=False) as client:
        for turn in range(10):
            run = await engine.start(text, id=f"r{turn}")
            await live(run, "q")
            answers = await asyncio.gather(
                *(one.run(run.id).answer("q", n) for n, one in enumerate([engine, client] * 5)),
                return_exceptions=True,
            )
            won = [number for number, answer in enumerate(answers) if answer is None]
            assert len(won) == 1
            assert {type(answer) for answer in answers if answer is not None} == {RunConflict}
            assert (await run.result(10))["answer"] == won[0]


async def test_an_answer_by_id_is_refused_while_several_questions_are_open_there(opened: OpenEngine) -> None:
    text = """
workflow: w
steps:
  - id: each
    foreach: "[1, 2]"
    concurrency: 2
    steps: [{id: q, ask: {prompt: "{{ item }}?"}}]
"""
    async with opened() as engine:
        run = await engine.start(text)
        await live(run, "each[0]/q", "each[1]/q")
        with pytest.raises(RunConflict, match="several questions"):
            await run.answer("q", 1)
        await run.answer("each[1]/q", "b")
        await live(run, "each[0]/q")
        await run.answer("q", "a")
        assert [entry["answer"] for entry in await run.result(10)] == ["a", "b"]
