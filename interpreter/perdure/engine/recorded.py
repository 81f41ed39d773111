"""A run's history as the machine heard it, for those who fold it again outside of any worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.core import wire
from perdure.core.events import Event
from perdure.program import Program

if TYPE_CHECKING:
    from perdure.engine.engine import Engine


async def recorded(engine: Engine, run_id: str) -> tuple[Program, list[Event]]:
    """The program a run has, and its events. Raises UnknownRun, StoreError."""
    row = await engine._row(run_id)
    events: list[Event] = []
    after = 0
    while page := await engine._store.history(row.key, after=after):
        events += [wire.event_from_bytes(at, text) for _, at, text in page]
        after = page[-1][0]
    return await engine._programs.get(row.digest), events
