"""The scheduler of a working engine: starts the runs of schedules when they are due.

Every decision is one commit that names the revision of the schedule it rests on, so any number of schedulers may look
at once: the slower one is refused, and looks again. What a time means while earlier runs are open, `_POLICIES` says;
events are `triggers`' business.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from perdure.engine.clock import Clock
from perdure.engine.firing import AlreadyRun, Cause, Firings, Refused, run_id
from perdure.engine.programs import Programs
from perdure.engine.quarantine import Quarantine
from perdure.engine.standing import Spec, Standing, spec_of
from perdure.engine.triggers import Triggers
from perdure.errors import StoreError
from perdure.program import Schedule
from perdure.stores.store import ScheduleRow, Store
from perdure.values import SECOND, format_time

log = logging.getLogger("perdure.engine")

SWEEP: Final = 1.0
"""Seconds between two looks at what may have changed elsewhere: schedules, events, runs that are waited for."""
PAGE: Final = 100
MOST_BUFFERED: Final = 1_000
"""Times that wait for earlier runs; beyond, further ones are skipped."""
MOST_DECISIONS: Final = 1_000
"""Decisions about one schedule in one look, so that one that has fallen behind does not hold up the others."""

Stop = Callable[[str, str, str, str], Awaitable[None]]
"""Ends a run: its id, `cancel` or `terminate`, the id of the letter, the reason."""


class Scheduler:
    """Looks at schedules until it is closed. `stop` ends runs for overlaps that ask for it; `started` is told when runs
    were created, which nobody owns yet."""

    def __init__(self, store: Store, programs: Programs, clock: Clock, stop: Stop, started: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._firings = Firings(store, programs, clock)
        self._triggers = Triggers(store, self._firings, self._free, started)
        self._stop = stop
        self._started = started
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._awaited: set[str] = set()
        """Runs whose end lets something begin."""
        self._stopped: set[str] = set()
        """Letters that told runs to stop, as far as this process has sent them."""
        self._quarantine = Quarantine()

    # -- life

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._keep(), name="perdure schedules")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def poke(self) -> None:
        """Look at once: a schedule has changed, or an event was published."""
        self._wake.set()

    def ended(self, run: str) -> None:
        """A run has ended, of a schedule or not."""
        if run in self._awaited:
            self._awaited.discard(run)
            self._wake.set()

    async def _keep(self) -> None:
        while True:
            self._wake.clear()
            pause = SWEEP
            try:
                await self.look()
                pause = await self._pause()
            except StoreError as problem:
                log.error("the schedules cannot be looked at; trying again: %s", problem)
            except Exception:
                log.exception("a fault in the scheduler; going on")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def _pause(self) -> float:
        """Seconds until something is due; what is overdue already waits for runs to end."""
        nearest, now = await self._store.next_schedule(), self._clock.now()
        return SWEEP if nearest is None or nearest <= now else min((nearest - now) / SECOND, SWEEP)

    # -- one look

    async def look(self) -> None:
        """Decide all that is to be decided now. Raises StoreError."""
        self._awaited.clear()
        nearest = await self._store.next_schedule()
        if nearest is not None and nearest <= self._clock.now():
            for row in await self._due():
                await self._tend(row)
        self._awaited |= await self._triggers.look()

    async def _due(self) -> list[ScheduleRow]:
        """All that are due, however many of them only wait for runs to end."""
        limit = PAGE
        while len(rows := await self._store.due_schedules(self._clock.now(), limit)) == limit:
            limit *= 4
        return rows

    async def _tend(self, row: ScheduleRow) -> None:
        """One schedule."""
        found: ScheduleRow | None = row
        with self._quarantine.around(row):
            for _ in range(MOST_DECISIONS):
                if found is None or not await self._decide(found):
                    return
                found = await self._store.schedule(row.id)

    async def _decide(self, row: ScheduleRow) -> bool:
        """Decide about one time of a schedule, the earliest; whether there may be another."""
        spec, standing = spec_of(row), Standing.read(row)
        now = self._clock.now()
        if standing.paused is not None or spec.schedule.event is not None:
            await self._write(row, spec, standing)  # it is not to be looked at any more
            return False
        standing.open = await self._still_open(standing.open)
        if standing.waiting:
            if not standing.open:
                return await self._fire(row, spec, standing, standing.waiting[0])
            await self._make_room(row, spec.schedule, standing)
        standing.cursor = _past_missed(spec.schedule, standing.cursor, now)
        nominal = spec.schedule.next_after(standing.cursor)
        if nominal is None or spec.schedule.due(nominal) > now:
            await self._write(row, spec, standing)
            return False
        standing.cursor = nominal
        busy = bool(standing.open or standing.waiting)
        if not busy or spec.schedule.overlap == "allow":
            return await self._fire(row, spec, standing, nominal)
        _POLICIES[spec.schedule.overlap](standing, nominal, now)
        await self._write(row, spec, standing)
        return True

    async def _fire(self, row: ScheduleRow, spec: Spec, standing: Standing, nominal: int) -> bool:
        standing.drop(nominal)
        if await self._store.fired(row.id, nominal, nominal + 1):
            await self._write(row, spec, standing)
            return True
        run = run_id(row.id, nominal)
        try:
            if await self._firings.fire(row, spec, standing, Cause(run, nominal, nominal=nominal)):
                self._started()
        except Refused as problem:
            if not isinstance(problem, AlreadyRun):
                standing.open = [one for one in standing.open if one != run]
                log.error("schedule %s, %s: %s", row.id, format_time(nominal), problem)
                standing.last_run = Standing.read(row).last_run
                standing.fail(self._clock.now(), nominal, problem.type, problem.message)
            await self._write(row, spec, standing)
        return True

    async def _write(self, row: ScheduleRow, spec: Spec, standing: Standing) -> None:
        """Keep what has changed, if anything; a schedule that somebody else has changed is looked at again soon."""
        state, next_at = standing.write(), standing.next_at(spec.schedule)
        if (state, next_at) == (row.state, row.next_at):
            return
        event = standing.listens(spec.schedule)
        if not await self._store.change_schedule(row.id, row.revision, state, next_at=next_at, event=event):
            self._wake.set()

    # -- runs that are open

    async def _still_open(self, runs: list[str]) -> list[str]:
        found = []
        for run in runs:
            row = await self._store.find(run)
            if row is not None and row.closed_at is None:
                found.append(run)
        return found

    async def _free(self, schedule: Schedule, standing: Standing, occasion: str) -> bool:
        """Whether an event may start a run now; else what is open is awaited, or told to stop."""
        if schedule.overlap == "allow":
            return True
        standing.open = await self._still_open(standing.open)
        if standing.open and schedule.overlap in _STOPS:
            await self._stop_all(schedule, standing.open, occasion)
        return not standing.open

    async def _make_room(self, row: ScheduleRow, schedule: Schedule, standing: Standing) -> None:
        """Something waits: tell the open runs to stop, where the overlap says so, and notice their end."""
        self._awaited.update(standing.open)
        if schedule.overlap in _STOPS and standing.buffered:
            await self._stop_all(schedule, standing.open, format_time(standing.buffered[0]))

    async def _stop_all(self, schedule: Schedule, runs: list[str], occasion: str) -> None:
        kind = _STOPS[schedule.overlap]
        for run in runs:
            letter = f"schedule/{schedule.id}/{occasion}"
            if f"{run} {letter}" not in self._stopped:
                await self._stop(run, kind, letter, f"the next run of the schedule {schedule.id} is due")
                self._stopped.add(f"{run} {letter}")


def _past_missed(schedule: Schedule, cursor: int, now: int) -> int:
    """The cursor behind all times that are over for too long."""
    horizon = now - schedule.catch_up - schedule.jitter - 1
    missed = schedule.next_after(cursor)
    if missed is not None and missed <= horizon:
        log.warning("schedule %s missed its times from %s on", schedule.id, format_time(missed))
        cursor = horizon
    while (nominal := schedule.next_after(cursor)) is not None and now - schedule.due(nominal) > schedule.catch_up:
        cursor = nominal
    return cursor


def _skip(standing: Standing, nominal: int, now: int) -> None:
    """The time goes by."""


def _buffer_one(standing: Standing, nominal: int, now: int) -> None:
    standing.buffered = standing.buffered or [nominal]


def _buffer_all(standing: Standing, nominal: int, now: int) -> None:
    if len(standing.buffered) < MOST_BUFFERED:
        standing.buffered = [*standing.buffered, nominal]
    else:
        standing.fail(now, nominal, "LimitExceeded", f"{MOST_BUFFERED:,} times wait already for earlier runs to end")


def _replace(standing: Standing, nominal: int, now: int) -> None:
    """The newest time is the one that counts; `_make_room` sees that it gets its turn."""
    standing.buffered = [nominal]


_POLICIES: Final[Mapping[str, Callable[[Standing, int, int], None]]] = {
    "skip": _skip,
    "buffer_one": _buffer_one,
    "buffer_all": _buffer_all,
    "cancel_running": _replace,
    "terminate_running": _replace,
}
"""What becomes of a time while an earlier run is open or waits; `allow` does not ask."""
_STOPS: Final = {"cancel_running": "cancel", "terminate_running": "terminate"}
