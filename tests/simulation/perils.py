"""What may happen to a process, and the store's handle to which it happens.

A peril is a plain value: a plan of them is drawn from a seed, and fewer of them can be tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from exploring_loop import Choices
from mortal_loop import Process

from perdure.errors import StoreUnavailable

UNCOUNTED: Final = ("open", "close", "stamp")
PAUSES: Final = (None, None, None, 0.0, 0.0, 0.001, 0.004, 0.03)
AT_CALLS: Final = (
    "die before",
    "die after",
    "die before",
    "die after",
    "fail",
    "lose the answer",
    "stall before",
    "stall after",
)
AT_MOMENTS: Final = ("die", "die", "sleep", "jump", "drift", "close")


@dataclass(frozen=True, order=True)
class Peril:
    """`what` befalls worker number `whom`: at a `moment` (virtual seconds), or at its `call`th call of the store, of
    those that write a `batch` of commits if so. `measure` is how long or how far, in seconds."""

    moment: float | None
    call: int | None
    whom: int
    what: str
    batch: bool = False
    measure: float = 0.0

    def __str__(self) -> str:
        when = f"at {self.moment:.3f}" if self.call is None else f"{'commit' if self.batch else 'call'} {self.call}"
        return f"worker {self.whom}, {when}: {self.what}" + (f" {self.measure:.3f} s" if self.measure else "")


def draw(chance: Random, workers: int, seconds: float, most: int) -> list[Peril]:
    """Up to so many perils within so many seconds."""
    return [_one(chance, workers, seconds) for _ in range(chance.randint(1, most))]


def _one(chance: Random, workers: int, seconds: float) -> Peril:
    whom = chance.randrange(workers + 1) - 1  # -1 is the client
    measure = chance.choice((0.5, 5.0, 35.0, 70.0)) * chance.uniform(0.5, 1.5)
    if whom < 0 or chance.random() < 0.65:
        batch = whom >= 0 and chance.random() < 0.6
        call = int(chance.triangular(1, 16 if batch else 60, 1))
        what = chance.choice(AT_CALLS[4:] if whom < 0 else AT_CALLS)
        return Peril(None, call, whom, what, batch, measure if "stall" in what else 0.0)
    what = chance.choice(AT_MOMENTS)
    if what in ("jump", "drift") and chance.random() < 0.4:
        measure = -min(measure, 20.0)
    measured = what in ("sleep", "jump", "drift")
    return Peril(chance.triangular(0, seconds, 0), None, whom, what, False, measure if measured else 0.0)


class Watched:
    """A process's handle on the file. Calls take their time; what is planned for one happens at it."""

    def __init__(
        self,
        store: Any,
        choices: Choices,
        process: Process,
        perils: Sequence[Peril],
        calls: dict[bool, int],
        befall: Callable[[Peril], None],
        landed: Callable[[Process, Any, Any], Any],
    ) -> None:
        self._store = store
        self._choices = choices
        self._process = process
        self._perils = {(peril.batch, peril.call): peril for peril in perils if peril.call is not None}
        self._calls = calls
        self._befall = befall
        self._landed = landed
        self.stalled_until = 0.0
        """The moment of the event loop at which the last call that was held up goes on."""

    def heal(self) -> None:
        """Nothing happens to this process any more."""
        self._perils.clear()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        return method if name in UNCOUNTED else lambda *given, **named: self._call(name, method, given, named)

    async def _call(self, name: str, method: Any, given: Any, named: Any) -> Any:
        met = [peril for batch in (False, True) if (peril := self._count(batch, name)) is not None]
        kinds = {peril.what for peril in met}
        await self._pause()
        for peril in met:
            self._befall(peril)
            if peril.what == "stall before":
                await self._stall(peril)
        if "die before" in kinds:
            await self._die()
        if "fail" in kinds:
            raise StoreUnavailable(f"{name}: no way to the database")
        answer = await self._landed(name, given, lambda: method(*given, **named))
        if "die after" in kinds:
            await self._die()
        for peril in met:
            if peril.what == "stall after":
                await self._stall(peril)
        await self._pause()
        if "lose the answer" in kinds:
            raise StoreUnavailable(f"{name}: the answer was lost")
        return answer

    def _count(self, batch: bool, name: str) -> Peril | None:
        if batch and name != "commit":
            return None
        self._calls[batch] = self._calls.get(batch, 0) + 1
        return self._perils.get((batch, self._calls[batch]))

    async def _stall(self, peril: Peril) -> None:
        self.stalled_until = max(self.stalled_until, asyncio.get_running_loop().time() + peril.measure)
        await asyncio.sleep(peril.measure)

    async def _die(self) -> None:
        self._process.dead.set()
        await asyncio.Event().wait()

    async def _pause(self) -> None:
        seconds = PAUSES[self._choices.choose(len(PAUSES))]
        if seconds is not None:
            await asyncio.sleep(seconds)
