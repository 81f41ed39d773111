"""A run's journal as it grows: each look reads what is new and folds it, whoever is moving the run.

Differs from `Run.history` in that a look costs only what has come since the last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.cli.progress import Progress
from perdure.cli.wording import Line
from perdure.core import wire
from perdure.core.events import Event, Migrated, RunStarted
from perdure.errors import InternalError

if TYPE_CHECKING:
    from perdure.engine import Engine
    from perdure.stores.store import RunRow


class Journal:
    """Follows one run, over its restarts; `progress` is there after the first look."""

    def __init__(self, engine: Engine, run_id: str) -> None:
        self._engine = engine
        self._run_id = run_id
        self._key = 0
        self._seq = 0
        self.progress: Progress | None = None

    async def row(self) -> RunRow:
        """How the run stands. Raises UnknownRun, StoreError."""
        return await self._engine._row(self._run_id)

    async def look(self) -> tuple[RunRow, list[Line]]:
        """The run's row, and what has happened since the last look. Raises UnknownRun, StoreError."""
        row = await self.row()
        lines: list[Line] = []
        if self._key not in (0, row.key):
            lines += await self._read(self._key, "")
            lines.append(Line("run", "restarted"))
            self._seq, self.progress = 0, None
        self._key = row.key
        return row, lines + await self._read(row.key, row.digest)

    async def _read(self, key: int, digest: str) -> list[Line]:
        lines: list[Line] = []
        events = await self._new_events(key)
        for event in events:
            if isinstance(event, Migrated) and self.progress is not None:
                lines += self.progress.migrate(await self._engine._programs.get(event.digest), event)
            elif self.progress is not None:
                lines += self.progress.advance(event)
            elif isinstance(event, RunStarted):
                first = next((found.origin for found in events if isinstance(found, Migrated)), digest)
                self.progress = Progress(await self._engine._programs.get(first), event)
                lines += self.progress.lines()
            else:
                raise InternalError(f"the history of {self._run_id} does not begin with its start")
        return lines

    async def _new_events(self, key: int) -> list[Event]:
        events: list[Event] = []
        while page := await self._engine._store.history(key, after=self._seq):
            events.extend(wire.event_from_bytes(at, text) for _, at, text in page)
            self._seq = page[-1][0]
        return events
