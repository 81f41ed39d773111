"""Runs that talk to each other end the same, whichever write their worker dies at: nothing lost, nothing done twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from engine_world import Gate, Place, eventually, live, opener
from live_world import Mortal, bury_all, has_status, posted, soon

from perdure.engine import Engine
from perdure.errors import StoreUnavailable

TOP = """
workflow: top
steps:
  - id: each
    foreach: "[1, 2]"
    concurrency: 2
    steps: [{id: k, workflow: kid, with: {n: "{{ item }}"}}]
  - {id: one, send: {to: box, signal: put, data: "{{ [input.n, 1] }}"}}
  - {id: two, send: {to: box, signal: put, data: "{{ [input.n, 2] }}"}}
  - {id: tell, emit: {event: ping, data: "{{ input.n }}"}}
  - {id: let, workflow: kid, with: {n: 9}, detach: true, on_parent_close: abandon}
  - if: input.n > 0
    restart: {input: {n: "{{ input.n - 1 }}"}}
output: "{{ steps.each }}"
"""

KID = """
workflow: kid
steps:
  - {id: e, activity: echo, with: {value: "{{ input.n }}"}}
output: "{{ input.n * 10 }}"
"""

BOX = """
workflow: box
steps:
  - id: scope
    receive:
      state: {got: []}
      on:
        - {signal: put, set: {got: "{{ state.got + [message] }}"}}
        - update: check
          steps: [{id: e, activity: echo, with: {value: checked}}]
          set: {got: "{{ state.got + [message] }}"}
          reply: "{{ state.got | length }}"
      until: state.got | length == 5
output: "{{ steps.scope.got }}"
"""

EAR = "workflow: ear\nsteps:\n  - {id: e, wait: {event: ping}}\n"

WRITES = ("commit", "post", "publish")
MOST = 60


class Doomed(Mortal):
    """Dies at the given number of its writes, before or after it does it."""

    def __init__(self, store: Any, writes: int, when: str) -> None:
        super().__init__(store)
        self.left, self.when = writes, when

    def __getattr__(self, name: str) -> Any:
        method = super().__getattr__(name)
        if name not in WRITES:
            return method

        async def call(*arguments: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left == 0 and self.when == "before":
                self.dead.set()
            answer = await method(*arguments, **options)
            if self.left == 0:
                self.dead.set()
                raise StoreUnavailable("the process is dead")
            return answer

        return call


@pytest.mark.parametrize("when", ["before", "after"])
async def test_runs_that_talk_end_the_same_whichever_write_their_worker_dies_at(gate: Gate, when: str) -> None:
    for number in range(1, MOST):
        place = Place(None)
        opened = opener(place, gate)
        async with opened() as engine:
            await engine.deploy(KID)
            await engine.start(BOX, id="box")
            await live(await engine.start(EAR, id="ear"), "e")
        async with opened(work=False) as client:
            await client.start(TOP, {"n": 1}, id="top")
            checking = asyncio.create_task(client.run("box").update("check", "u", id="u"))
            await posted(client, "box", "u")
            doomed = Doomed(place.store(), number, when)
            async with opened(store=doomed):
                died = await death_or_end(doomed, client)
            await bury_all(place)
            async with opened():
                await all_as_it_should(client, checking)
        if not died:
            assert number > 15
            return
    raise AssertionError("the runs never ended")


async def all_as_it_should(client: Engine, checking: asyncio.Task[Any]) -> None:
    assert await client.run("top").result(10) == [10, 20]
    assert isinstance(await soon(checking), int)
    got = await client.run("box").result(10)
    assert [message for message in got if message != "u"] == [[1, 1], [1, 2], [0, 1], [0, 2]]
    assert got.count("u") == 1
    assert await client.run("ear").result(10) in (0, 1)
    kids = await client.runs("workflow = 'kid'")
    for kid in kids:
        await has_status(client.run(kid.id), "completed")
    assert Counter(kid.parent for kid in kids) == {"top": 6}
    assert [info.id for info in await client.runs("workflow = 'top'")] == ["top", "top~1"]


async def death_or_end(doomed: Doomed, client: Engine) -> bool:
    """Whether the worker died; False where all runs ended first."""

    async def look() -> str | None:
        if doomed.dead.is_set():
            return "dead"
        rows = [await client._store.find(run) for run in ("top", "box", "ear")]
        return "ended" if all(row is not None and row.closed_at is not None for row in rows) else None

    return bool(await eventually(look) == "dead")
