"""What is read from an SQLite file: runs, their journals, letters and questions, definitions.

One connection answers everything, in its own thread; a question sees what was committed before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from perdure.stores.conditions import Condition
from perdure.stores.rows import AskRow, Letter, OpenAsk, RunRow, SlotRow, UpdateRow
from perdure.stores.sqlite_conditions import Parameters, runs_page
from perdure.stores.sqlite_handle import SQLiteHandle
from perdure.stores.sqlite_rows import run_row

_LARGEST: Final = 2**63 - 1


class SQLiteReading(SQLiteHandle):
    """The reading half of `Store`, but for schedules, tasks and workers."""

    async def load(self, run: int) -> tuple[tuple[int, bytes] | None, list[tuple[int, int, bytes]], dict[int, bytes]]:
        snapshot: tuple[int, bytes] | None = None
        events: list[tuple[int, int, bytes]] = []
        heartbeats: dict[int, bytes] = {}
        for kind, number, at, body in await self._read("load_run", {"run": run}):
            if kind == 1:
                events.append((number, at, body))
            elif kind == 0:
                snapshot = (number, body)
            else:
                heartbeats[number] = body
        events.sort(key=lambda event: event[0])  # SQL promises no order here; they nearly always have it
        return snapshot, events, heartbeats

    async def letters(self, worker_id: str, *, after: int = 0, limit: int = 1000) -> list[Letter]:
        rows = await self._read("letters_of_worker", (after, worker_id, max(limit, 0)))
        return [Letter(*row) for row in rows]

    async def letters_of(self, run: int) -> list[Letter]:
        return [Letter(*row) for row in await self._read("letters_of_run", (run,))]

    async def definition(self, digest: str) -> bytes | None:
        rows = await self._read("definition", (digest,))
        return rows[0][0] if rows else None

    async def latest(self, workflow: str, version: str | None = None) -> str | None:
        if version is None:
            rows = await self._read("newest_definition", (workflow,))
        else:
            rows = await self._read("newest_version", (workflow, version))
        return rows[0][0] if rows else None

    async def update(self, run_id: str, id: str) -> UpdateRow | None:
        rows = await self._read("find_update", (run_id, id))
        return UpdateRow(*rows[0]) if rows else None

    async def find(self, run_id: str) -> RunRow | None:
        rows = await self._read("find_run", (run_id,))
        return run_row(rows[0]) if rows else None

    async def runs(
        self,
        *,
        where: Condition | None = None,
        statuses: Sequence[str] | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[RunRow]:
        page: Parameters = {"before": _LARGEST if before is None else before, "limit": max(limit, 0)}
        text, wanted = runs_page(where, statuses, page)
        return [run_row(row) for row in await self._read_text(text, wanted)]

    async def ended(self, before: int, limit: int = 100) -> list[RunRow]:
        return [run_row(row) for row in await self._read("runs_ended", (before, max(limit, 0)))]

    async def cached(self, key: str, now: int) -> bytes | None:
        rows = await self._read("cached", (key, now))
        return rows[0][0] if rows else None

    async def slots(self, *, limit: int = 1000) -> list[SlotRow]:
        rows = await self._read("slots_page", (max(limit, 0),))
        return [
            SlotRow(key, run, workflow, frame, most, bool(granted)) for key, run, workflow, frame, most, granted in rows
        ]

    async def history(self, run: int, *, after: int = 0, limit: int = 1000) -> list[tuple[int, int, bytes]]:
        return list(await self._read("history", (run, after, max(limit, 0))))

    async def asks(self, run_id: str | None = None, *, limit: int = 1000) -> list[OpenAsk]:
        if run_id is None:
            rows = await self._read("asks_page", (max(limit, 0),))
        else:
            rows = await self._read("asks_page_of_run", (run_id, max(limit, 0)))
        return [OpenAsk(row[0], row[1], AskRow(*row[2:])) for row in rows]

    async def stamp(self) -> int:
        return self._open_writer().version()
