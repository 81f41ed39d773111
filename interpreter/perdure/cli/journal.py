"""A run's journal as it grows: each look reads what is new and folds it, whoever is moving the run.

Differs from `Run.history` in that a look costs only what has come since the last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.cli.progress import Progress
from perdure.cli.wording import Line
from perdure.core import wire
from perdure.core.events import RunStarted
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
        while page := await self._engine._store.history(key, after=self._seq):
            for seq, at, text in page:
                event = wire.event_from_bytes(at, text)
                if self.progress is not None:
                    lines += self.progress.advance(event)
                elif isinstance(event, RunStarted):
                    self.progress = Progress(await self._engine._programs.get(digest), event)
                    lines += self.progress.lines()
                else:
                    raise InternalError(f"the history of {self._run_id} does not begin with its start")
                self._seq = seq
        return lines
