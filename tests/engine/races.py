"""Race tests: whole engines on one memory store, in many orders. See `exploring_loop` for how an order is chosen.

`explore` runs a scenario once per seed; `explore_closely` first come first served, then with every single change to
that order. What a scenario asserts must hold in every order. `PERDURE_RACES=n` explores n times as many orders,
`PERDURE_SEED=n` begins at another seed. A failure names the seed and the fewest changes of order that still show it.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeVar

import exploring_loop
from engine_world import events, eventually
from exploring_loop import Choices

import perdure
from perdure.activities import activity, context
from perdure.engine import Engine
from perdure.errors import StoreUnavailable
from perdure.stores import MemoryStore, Store
from perdure.stores.memory_file import MemoryFile
from perdure.values import SECOND

T = TypeVar("T")

FACTOR: Final = int(os.environ.get("PERDURE_RACES", "1"))
FIRST_SEED: Final = int(os.environ.get("PERDURE_SEED", "0"))
EPOCH: Final = 1_800_000_000 * SECOND
PAUSES: Final = (None, 0.0, 0.0, 0.001, 0.004, 0.03)
"""What a call of the store may wait before and after its work; None is no wait at all."""


class Elsewhere:
    """A handle of another process on the file: every call takes its time, before its work and after it, as a thread or
    a network would make it. While `deaf` names a call, or all by `*`, it fails."""

    def __init__(self, file: MemoryFile, choices: Choices) -> None:
        self._store = MemoryStore(file)
        self._choices = choices
        self.deaf: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            await self._pause()
            self._reach(name)
            answer = await method(*arguments, **options)
            await self._pause()
            self._reach("*" if name != "close" else name)
            return answer

        return call

    def _reach(self, name: str) -> None:
        if name != "close" and self.deaf & {name, "*"}:
            raise StoreUnavailable(f"{name}: no way to the database")

    async def _pause(self) -> None:
        seconds = PAUSES[self._choices.choose(len(PAUSES))]
        if seconds is not None:
            await asyncio.sleep(seconds)


class Ticks:
    """The loop's time as an engine's clock."""

    def now(self) -> int:
        return EPOCH + round(asyncio.get_running_loop().time() * SECOND)


class World:
    """One file, the engines on it, and what their activities did."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.file = MemoryFile()
        self.began: list[str] = []
        self.ended: list[str] = []

    def store(self) -> Elsewhere:
        return Elsewhere(self.file, self.choices)

    def engine(self, store: Elsewhere | None = None, **options: Any) -> AbstractAsyncContextManager[Engine]:
        options.setdefault("grace", 0.05)
        handle: Any = store or self.store()
        return perdure.open(handle, activities=self._activities(), clock=Ticks(), **options)

    async def at(self, moment: float) -> None:
        """That moment of the loop's time, or now if it is over."""
        await asyncio.sleep(max(moment - asyncio.get_running_loop().time(), 0))

    async def maybe_later(self) -> None:
        """Any moment from now on."""
        seconds = (None, 0.0, 0.001, 0.01, 0.05, 0.2)[self.choices.choose(6)]
        if seconds is not None:
            await asyncio.sleep(seconds)

    def _activities(self) -> list[Any]:
        @activity("echo")
        async def echo(value: Any = None) -> Any:
            self.began.append(f"{context().run_id} {value}")
            self.ended.append(f"{context().run_id} {value}")
            return value

        @activity("work")
        async def work(value: Any = None, seconds: float = 0.05) -> Any:
            """Takes its time; `ended` only knows of it where it was not stopped."""
            self.began.append(f"{context().run_id} {value}")
            await asyncio.sleep(seconds)
            self.ended.append(f"{context().run_id} {value}")
            return value

        return [echo, work]


Scenario = Callable[[World], Awaitable[None]]


def explore(scenario: Scenario, orders: int) -> None:
    """Run the scenario in so many orders."""
    for seed in range(FIRST_SEED, FIRST_SEED + orders * FACTOR):
        choices = Choices(seed)
        problem = _tried(scenario, choices)
        if problem is not None:
            _explain(scenario, choices, problem, f"seed {seed}")


def explore_closely(scenario: Scenario, orders: int) -> None:
    """Run the scenario first come, first served, then with single changes to that order: all, or `orders` of them."""
    plain = Choices(deviations={})
    problem = _tried(scenario, plain)
    if problem is not None:
        _explain(scenario, plain, problem, "first come, first served")
    changes = [{question: answer} for question, width in enumerate(plain.widths) for answer in range(1, width)]
    for change in random.Random(FIRST_SEED).sample(changes, min(len(changes), orders * FACTOR)):
        choices = Choices(deviations=change)
        problem = _tried(scenario, choices)
        if problem is not None:
            _explain(scenario, choices, problem, f"one change, {change}")


def _tried(scenario: Scenario, choices: Choices) -> BaseException | None:
    """What goes wrong under these choices. Ids are made from them too, so that the same choices go the same way."""
    urandom, chance = os.urandom, random.Random(7)
    os.urandom = chance.randbytes
    try:
        exploring_loop.run(lambda: scenario(World(choices)), choices)
    except (Exception, asyncio.CancelledError) as problem:
        return problem
    finally:
        os.urandom = urandom
    return None


def _explain(scenario: Scenario, choices: Choices, problem: BaseException, order: str) -> None:
    fewest = _boiled_down(scenario, choices.deviations, type(problem))
    again = _tried(scenario, Choices(deviations=fewest)) or problem
    message = f"{type(again).__name__}: {again}\nfound with {order}; it takes these changes of order: {fewest}"
    raise AssertionError(message) from again


def _boiled_down(scenario: Scenario, deviations: dict[int, int], kind: type, attempts: int = 100) -> dict[int, int]:
    """The fewest changes of order, as far as leaving out parts goes, under which the same kind of thing goes wrong."""
    kept, size = dict(deviations), max(len(deviations) // 2, 1)
    while attempts and kept:
        questions = list(kept)
        for first in range(0, len(questions), size):
            fewer = {q: kept[q] for q in kept if q not in questions[first : first + size]}
            attempts -= 1
            if type(_tried(scenario, Choices(deviations=fewer))) is kind:
                kept = fewer
            if not attempts:
                return kept
        if size == 1:
            return kept
        size = max(size // 2, 1)
    return kept


async def attempted(awaited: Awaitable[T], *refusals: type[Exception]) -> T | Exception:
    """What comes of something, also where that is one of these refusals."""
    try:
        return await within(awaited)
    except refusals as refusal:
        return refusal


async def within(awaited: Awaitable[T], seconds: float = 100) -> T:
    """What comes of something that always ends; the seconds are virtual."""
    async with asyncio.timeout(seconds):
        return await awaited


async def gone_through(run: perdure.Run, event: str) -> int:
    """How often an event is in a run's journal."""
    return [row.split(" ")[0] for row in await events(run)].count(event)


async def journalled(run: perdure.Run, event: str) -> None:
    """Wait until there is such an event."""
    await eventually(lambda: gone_through(run, event), 100)


__all__ = ["Elsewhere", "Store", "World", "attempted", "explore", "explore_closely", "journalled", "within"]
