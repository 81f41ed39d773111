"""Ten thousand messages to one run: each is taken once and in order, and each costs the same, however many wait."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from engine_world import Gate, OpenEngine, Place, eventually

import perdure
from perdure.core import machine

MANY = 10_000

RECEIVE = """
workflow: many
input: {type: object}
steps:
  - id: r
    receive:
      state: {count: 0, last: -1, in_order: true}
      on:
        - signal: add
          set:
            count: "{{ state.count + 1 }}"
            last: "{{ message }}"
            in_order: "{{ state.in_order and message == state.last + 1 }}"
      until: state.count == input.most
output: ["{{ steps.r.count }}", "{{ steps.r.in_order }}"]
"""

LOOP = """
workflow: many
input: {type: object}
vars: {in_order: true}
steps:
  - {id: hold, wait: {signal: begin}}
  - repeat: {while: index < input.most}
    steps:
      - {id: s, wait: {signal: add}}
      - set: {in_order: "{{ vars.in_order and steps.s == index }}"}
output: "{{ vars.in_order }}"
"""

SLOW = """
workflow: slow
input: {type: object}
steps:
  - id: r
    receive:
      state: {count: 0}
      on:
        - update: wait
          steps: [{activity: hold}]
        - update: add
          steps: [{activity: echo}]
          set: {count: "{{ state.count + 1 }}"}
          reply: "{{ state.count }}"
      until: state.count == input.most
"""


class Counting:
    """A store that counts the letters it hands out."""

    def __init__(self, place: Place) -> None:
        self._store = place.store()
        self.letters_read = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in ("letters", "letters_of"):
            return method

        async def read(*arguments: Any, **options: Any) -> Any:
            found = await method(*arguments, **options)
            self.letters_read += len(found)
            return found

        return read


async def has_read(store: Counting, count: int) -> bool:
    return store.letters_read >= count


async def send(run: perdure.Run, count: int) -> None:
    """So many signals, in order; many are on their way at a time."""
    for first in range(0, count, 500):
        await asyncio.gather(*(run.signal("add", n) for n in range(first, min(first + 500, count))))


async def test_ten_thousand_signals_to_a_receive_are_handled_in_order(
    opened_sqlite: OpenEngine, sqlite_place: Place
) -> None:
    store = Counting(sqlite_place)
    async with opened_sqlite(store=store) as engine:
        run = await engine.start(RECEIVE, {"most": MANY})
        await send(run, MANY)
        assert await run.result(25) == [MANY, True]
        assert store.letters_read < 3 * MANY  # once when the run comes into memory, once in the order they came


async def test_ten_thousand_early_signals_are_kept_and_taken_in_order(opened_sqlite: OpenEngine) -> None:
    async with opened_sqlite() as engine:
        run = await engine.start(LOOP, {"most": MANY})
        await send(run, MANY)
        await run.signal("begin")
        assert await run.result(25) is True


async def test_ten_thousand_signals_to_a_paused_run_are_kept_and_taken_in_order(
    opened_sqlite: OpenEngine, sqlite_place: Place
) -> None:
    async with opened_sqlite() as engine:
        run = await engine.start(RECEIVE, {"most": MANY})
        await run.pause()
        await send(run, MANY)
        await run.resume()
        assert await run.result(25) == [MANY, True]


async def test_updates_behind_slow_handlers_are_read_once_and_looked_at_when_it_is_their_turn(
    opened_sqlite: OpenEngine, sqlite_place: Place, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, consider = 0, machine.consider

    def counted(*arguments: Any) -> Any:
        nonlocal looks
        looks += 1
        return consider(*arguments)

    monkeypatch.setattr(machine, "consider", counted)
    store, count = Counting(sqlite_place), 1000
    async with opened_sqlite(store=store) as engine:
        run = await engine.start(SLOW, {"most": count})
        first = asyncio.create_task(run.update("wait"))
        await gate.entered.wait()
        updates = [asyncio.create_task(run.update("add", id=f"u{n}")) for n in range(count)]
        await eventually(lambda: has_read(store, count))
        gate.open.set()
        assert sorted(await asyncio.gather(*updates)) == list(range(1, count + 1))
        await first
        await run.result(10)
    assert store.letters_read < count + 10
    assert looks < 10 * count
