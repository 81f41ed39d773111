"""What the tests of schedules share: a clock that is set by hand, and schedulers that look when they are told to."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import perdure
from perdure.engine import Engine
from perdure.engine.scheduler import Scheduler
from perdure.errors import StoreUnavailable
from perdure.stores.store import Closing, Commit, Store
from perdure.values import HOUR, decode, encode, format_time, parse_time

NOON = parse_time("2026-06-01T12:00:00Z")
HOURLY = "{cron: '0 * * * *'}"


class HandClock:
    """A clock that stands still until it is set."""

    def __init__(self, at: int = NOON) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    def set(self, time: str) -> None:
        self.at = parse_time(time)

    def advance(self, span: int) -> None:
        self.at += span


class World:
    """A client on a store, and a scheduler of its own; nobody moves the runs, so tests say when one ends."""

    def __init__(self, engine: Engine, clock: HandClock) -> None:
        self.engine = engine
        self.clock = clock
        self.store: Store = engine._store
        self.scheduler = self.another()

    def another(self, store: Any = None) -> Scheduler:
        """A further scheduler, as another process has it."""
        return Scheduler(store or self.store, self.engine._programs, self.clock, self.engine._stop, lambda: None)

    async def deploy(self, schedule: str, *, name: str = "t", head: str = "", step: str = "a: 1") -> perdure.Definition:
        text = f"workflow: {name}\n{head}schedule: {schedule}\nsteps: [{{set: {{{step}}}}}]\n"
        return await self.engine.deploy(text)

    async def look(self) -> list[str]:
        """What runs there are once the scheduler has looked."""
        await self.scheduler.look()
        return await self.runs()

    async def at(self, time: str) -> list[str]:
        """The same at a time of June 1, 2026, or of another day where one is given."""
        self.clock.set(time if "T" in time else f"2026-06-01T{time}:00Z")
        return await self.look()

    async def runs(self) -> list[str]:
        """All runs by what stands behind the schedule's id, oldest first."""
        rows = await self.store.runs(limit=10_000)
        return [row.id.partition("/")[2].removeprefix("2026-06-01T").removesuffix(":00Z") for row in reversed(rows)]

    async def end(self, run: str, status: str = "completed") -> None:
        """End a run of the schedule `t`, named as `runs` does."""
        long = run if run.startswith("t/") else f"t/2026-06-01T{run}:00Z"
        row = await self.store.find(long)
        assert row is not None
        assert row.closed_at is None
        outcome = encode({"output": None, "error": None, "undone": [], "not_undone": []})
        [answer] = await self.store.commit([Commit(row.key, closing=Closing(status, self.clock.now(), outcome))])
        assert answer == row.key

    async def input(self, run: str) -> Any:
        return (await self.engine.run(run).describe()).input

    async def letters(self, run: str) -> list[tuple[str, str]]:
        """Kind and reason of what waits for a run of the schedule `t`."""
        row = await self.store.find(f"t/2026-06-01T{run}:00Z")
        assert row is not None
        return [(letter.kind, decode(letter.body)["reason"]) for letter in await self.store.letters_of(row.key)]


def hours(since: str, until: str) -> list[str]:
    """The whole hours between two times, as run ids have them."""
    return [format_time(at) for at in range(parse_time(since), parse_time(until), HOUR)]


class Dying:
    """A store whose process dies at the call of this number: `before` it does its work, or right after."""

    def __init__(self, store: Store, last: int, *, before: bool) -> None:
        self._store = store
        self._left = last
        self._before = before
        self.dead = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            if self.dead:
                raise StoreUnavailable("the process is dead")
            self._left -= 1
            self.dead = self._left < 0
            if self.dead and self._before:
                raise StoreUnavailable("the process is dead")
            answer = await method(*arguments, **options)
            if self.dead:
                raise StoreUnavailable("the process is dead")
            return answer

        return call


class Jostled:
    """A store whose calls let others go first, as chance has it."""

    def __init__(self, store: Store, chance: Random) -> None:
        self._store = store
        self._chance = chance

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            for _ in range(self._chance.randrange(4)):
                await asyncio.sleep(0)
            answer = await method(*arguments, **options)
            for _ in range(self._chance.randrange(4)):
                await asyncio.sleep(0)
            return answer

        return call
