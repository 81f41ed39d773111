"""Events that start runs: each publication that a schedule has collected becomes a run, or is let go.

The store collects them in the transaction that publishes the event, and deletes each in the commit that creates its
run. While an overlap has it wait, an event stays where it is.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from perdure.engine.firing import AlreadyRun, Cause, Firings, Moment, Refused, names_of
from perdure.engine.quarantine import Quarantine
from perdure.engine.standing import Spec, Standing, spec_of
from perdure.errors import ExpressionError
from perdure.program import Schedule
from perdure.stores.store import Occurrence, ScheduleRow, Store
from perdure.values import decode, digest

log = logging.getLogger("perdure.engine")

PAGE: Final = 100
LONGEST_ID: Final = 200
"""Characters of a run's id."""
ATTEMPTS: Final = 10
"""Times one event is tried in one look while others change its schedule."""

Free = Callable[[Schedule, Standing, str], Awaitable[bool]]
"""Whether a schedule's overlap lets a run begin now, which is asked with a name for the occasion."""


@dataclass(slots=True)
class _Look:
    """What one look has found: the event that waits, by schedule, and the runs it waits for."""

    waiting: dict[str, int] = field(default_factory=dict)
    awaited: set[str] = field(default_factory=set)


class Triggers:
    """Starts the runs of events. `started` is told when runs were created."""

    def __init__(self, store: Store, firings: Firings, free: Free, started: Callable[[], None]) -> None:
        self._store = store
        self._firings = firings
        self._free = free
        self._started = started
        self._quarantine = Quarantine()

    async def look(self) -> set[str]:
        """Deal with all events that are there; the runs whose end lets others begin. Raises StoreError."""
        look, after = _Look(), 0
        while page := await self._store.occurrences(after=after, limit=PAGE):
            for occurrence in page:
                await self._tend(occurrence, look)
            after = page[-1].key
        return look.awaited

    async def _tend(self, occurrence: Occurrence, look: _Look) -> None:
        for _ in range(ATTEMPTS):
            row = await self._store.schedule(occurrence.schedule)
            if row is None:
                await self._store.drop_occurrence(occurrence.key)
                return
            dealt_with = True
            with self._quarantine.around(row):
                dealt_with = await self._take(row, occurrence, look)
            if dealt_with:
                return

    async def _take(self, row: ScheduleRow, occurrence: Occurrence, look: _Look) -> bool:
        """Whether the event is dealt with for now; else somebody has changed the schedule."""
        spec, standing = spec_of(row), Standing.read(row)
        if standing.paused is not None:
            return True
        message = decode(occurrence.body)["data"]
        cause = Cause(_run_id(row.id, occurrence), occurrence.at, message, occurrence=occurrence.key)
        try:
            if not _fits(spec.schedule, cause):
                await self._store.drop_occurrence(occurrence.key)
                return True
            if row.id in look.waiting or not await self._free(spec.schedule, standing, str(occurrence.key)):
                look.awaited.update(standing.open)
                await self._wait(spec.schedule, occurrence, look)
                return True
            if await self._firings.fire(row, spec, standing, cause):
                self._started()
                return True
            return not await self._is_there(occurrence)
        except Refused as problem:
            return await self._let_go(row, spec, occurrence, problem)

    async def _wait(self, schedule: Schedule, occurrence: Occurrence, look: _Look) -> None:
        """An earlier run is open, or an earlier event waits."""
        earlier = look.waiting.get(schedule.id)
        match schedule.overlap:
            case "skip":
                await self._store.drop_occurrence(occurrence.key)
            case "buffer_one" if earlier is not None:
                await self._store.drop_occurrence(occurrence.key)
            case "cancel_running" | "terminate_running" if earlier is not None:
                await self._store.drop_occurrence(earlier)
                look.waiting[schedule.id] = occurrence.key
            case _:
                look.waiting.setdefault(schedule.id, occurrence.key)

    async def _is_there(self, occurrence: Occurrence) -> bool:
        found = await self._store.occurrences(after=occurrence.key - 1, limit=1)
        return bool(found) and found[0].key == occurrence.key

    async def _let_go(self, row: ScheduleRow, spec: Spec, occurrence: Occurrence, problem: Refused) -> bool:
        """Nothing can come of the event; why is kept first, then it is dropped."""
        if not isinstance(problem, AlreadyRun):
            log.error("schedule %s, event %s: %s", row.id, occurrence.id, problem)
            standing = Standing.read(row)
            standing.fail(occurrence.at, occurrence.at, problem.type, problem.message)
            event = standing.listens(spec.schedule)
            kept = await self._store.change_schedule(
                row.id, row.revision, standing.write(), next_at=row.next_at, event=event
            )
            if not kept:
                return False
        await self._store.drop_occurrence(occurrence.key)
        return True


def _fits(schedule: Schedule, cause: Cause) -> bool:
    """Whether the event is one that the schedule means. Raises Refused where `match` cannot say."""
    if schedule.event is None or not schedule.includes(cause.time):
        return False
    if schedule.match is None:
        return True
    names = names_of(schedule, cause.time, cause.message)
    try:
        return schedule.match.holds(names, Moment(cause.run, cause.time))
    except ExpressionError as problem:
        raise Refused("ExpressionFailed", f"match cannot be evaluated: {problem}") from None


def _run_id(schedule: str, occurrence: Occurrence) -> str:
    """Publications that nobody has named have ids that begin with `~`; what cannot be a run's id is named by digest."""
    run = f"{schedule}/{occurrence.id.removeprefix('~')}"
    if len(run) <= LONGEST_ID and run.isprintable() and not run.endswith("/"):
        return run
    return f"{schedule}/{digest(occurrence.id)[:32]}"
