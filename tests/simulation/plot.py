"""What a plot is: definitions, what the client does with them, and what must be true in the end besides all promises.

The random ones are in `drawn`, the written ones in `speaking` and `holding`; `plots` is the table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from perdure.values import decode

if TYPE_CHECKING:
    from stage import Stage

ORDINARY = ("resume", "cancel", "terminate")


class Plot:
    documents: tuple[Any, ...] = ()
    ends: tuple[str, ...] = ORDINARY
    workers = 1
    """How many it takes at least."""
    quick = True
    """Whether it takes few virtual seconds."""
    resumable = False
    """Whether it has a `play_on`."""

    def __init__(self, chance: Random, shorter: int, *, small: bool = False) -> None:
        self.chance = chance
        self.shorter = shorter
        self.small = small
        """Whether it is to be over soon."""

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(3 * seconds / self.shorter if self.small else seconds)

    def some(self, least: int, most: int) -> int:
        """How many there are of something."""
        return self.chance.randint(least, min(most, least + 1) if self.small else most)

    def __str__(self) -> str:
        return type(self).__name__.lower()

    def prepare(self) -> None:
        """Find out once what is expected, for a plot that is played often."""

    async def play(self, stage: Stage) -> None: ...

    def judge(self, stage: Stage) -> Iterator[str]:
        yield from ()


def outcome(stage: Stage, id: str) -> dict[str, Any]:
    row = stage.file.find(id)
    return {} if row is None else {"status": row.status, **decode(row.outcome or b"{}")}
