"""Waiting for a run while showing how it goes, until it ends, gets stuck, time is up or the user detaches."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from perdure.cli import hints
from perdure.cli.display import Display, Nothing
from perdure.cli.journal import Journal
from perdure.cli.settings import Settings

if TYPE_CHECKING:
    from perdure.engine import Engine, RunInfo

LOOK: Final = 0.1
"""Seconds between two looks at the journal."""

End = Literal["ended", "stuck", "timeout", "detached"]


@dataclass(frozen=True, slots=True)
class Followed:
    """Why the following ended, and how the run stood then."""

    end: End
    info: RunInfo


async def follow(
    engine: Engine, run_id: str, asked: asyncio.Event, chosen: Settings, display: Display, timeout: float | None = None
) -> Followed:
    """Follow a run to its end, or until it is asked to stop following. Raises UnknownRun, StoreError."""
    settled = asyncio.create_task(_settled(engine, run_id, chosen, display))
    stopping = asyncio.create_task(asked.wait())
    try:
        done, _ = await asyncio.wait((settled, stopping), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (settled, stopping):
            task.cancel()
        await asyncio.gather(settled, stopping, return_exceptions=True)
        display.close()
    if settled in done:
        end = settled.result()
    else:
        end = "detached" if stopping in done else "timeout"
    info = await engine.run(run_id).describe()
    return Followed("ended" if info.closed_at is not None else end, info)


async def _settled(engine: Engine, run_id: str, chosen: Settings, display: Display) -> End:
    """Show each change; returns once the run has ended or cannot go on."""
    journal = Journal(engine, run_id)
    while True:
        if isinstance(display, Nothing):
            row = await journal.row()
        else:
            row, lines = await journal.look()
            if journal.progress is not None:
                answerable = row.closed_at is None and chosen.keeps
                told = hints.for_waiting(chosen, run_id, journal.progress) if answerable else []
                display.show(journal.progress, row.status, lines, told)
        if row.closed_at is not None:
            return "ended"
        if row.status == "stuck":
            return "stuck"
        await asyncio.sleep(LOOK)
