"""The schedules of a store, for people and programs: list, look ahead, pause, start by hand, fill in what was missed.

Works from any process; what is due is started by the scheduler of whichever engine works. How schedules come into the
store, `registration` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from perdure.cron import clock_note
from perdure.definition import Definition
from perdure.engine.firing import NOTHING, AlreadyRun, Cause, Firings, Refused, run_id
from perdure.engine.records import NextTime, ScheduleChange, ScheduleInfo
from perdure.engine.registration import Registration
from perdure.engine.run import Run
from perdure.engine.standing import Spec, Standing, spec_of
from perdure.engine.starting import check_json
from perdure.errors import InvalidInput, UnknownSchedule
from perdure.program import Schedule
from perdure.stores.store import ScheduleRow
from perdure.values import JSON, decode, format_time, parse_time, to_microseconds

if TYPE_CHECKING:
    from perdure.engine.engine import Engine

MOST_BACKFILLED: Final = 1_000
"""Times that one backfill asks for."""


class Schedules:
    """All schedules of an engine's store; `engine.schedules`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._store = engine._store
        self._firings = Firings(engine._store, engine._programs, engine._clock)
        self._registration = Registration(engine._store, engine._programs, engine._clock)

    # -- looking

    async def describe(self, id: str) -> ScheduleInfo:
        """One schedule as it stands. Raises UnknownSchedule, StoreError."""
        return _info(await self._row(id), self._now())

    async def next(self, id: str, n: int = 5) -> Sequence[NextTime]:
        """Its next times, at most so many, also of one that is paused; none where events start its runs.

        Raises UnknownSchedule, InvalidInput, StoreError.
        """
        if not isinstance(n, int) or not 1 <= n <= MOST_BACKFILLED:
            raise InvalidInput(f"n is a whole number from 1 to {MOST_BACKFILLED:,}")
        row = await self._row(id)
        schedule, standing = spec_of(row).schedule, Standing.read(row)
        after = standing.cursor if standing.paused is None else max(standing.cursor, self._now())
        return _next_times(schedule, after, n)

    # -- acting

    async def pause(self, id: str, note: str | None = None) -> None:
        """Let it start nothing until it is resumed. Raises UnknownSchedule, StoreError."""
        if note is not None and not isinstance(note, str):
            raise InvalidInput("a note is a text")

        def edit(standing: Standing) -> None:
            standing.paused = {"at": format_time(self._now()), "note": note}

        await self._change(id, edit)

    async def resume(self, id: str) -> None:
        """Let it go on, from now: times that have passed while it was paused start nothing.

        Raises UnknownSchedule, StoreError.
        """

        def edit(standing: Standing) -> None:
            if standing.paused is not None:
                standing.paused = None
                standing.cursor = max(standing.cursor, self._now())

        await self._change(id, edit)

    async def trigger(self, id: str, *, message: JSON = NOTHING) -> Run:
        """Start a run of it now, whatever is open or paused. `message` stands in for an event.

        Raises UnknownSchedule, InvalidInput where no run can come of it, StoreError.
        """
        while True:
            row = await self._row(id)
            spec, standing, now = spec_of(row), Standing.read(row), self._now()
            if (spec.schedule.event is None) != (message is NOTHING):
                needs = "needs a message" if message is NOTHING else "takes no message: no event starts its runs"
                raise InvalidInput(f"the schedule {id} {needs}")
            if message is not NOTHING:
                check_json(message, "the message")
            cause = Cause(await self._free_id(id, now), now, message)
            if await self._fire(row, spec, standing, cause):
                return self._engine.run(cause.run)

    async def backfill(self, id: str, start: datetime | str, end: datetime | str) -> Sequence[Run]:
        """The runs of its times from `start` up to but not including `end`, those left out that had one.

        With `overlap: allow` they are started at once, otherwise one after another by the scheduler. Times without
        offset are read in the schedule's zone. Raises UnknownSchedule, InvalidInput, StoreError.
        """
        row = await self._row(id)
        schedule = spec_of(row).schedule
        if schedule.event is not None:
            raise InvalidInput(f"the schedule {id} has no times: events start its runs")
        since, until = _moment(start, schedule, "start"), _moment(end, schedule, "end")
        if since >= until or until > self._now():
            raise InvalidInput("a backfill goes from a start to a later end that is not in the future")
        nominals = await self._missing(schedule, since, until)
        if schedule.overlap == "allow":
            return [self._engine.run(run) for nominal in nominals if (run := await self._start_missed(id, nominal))]

        def edit(standing: Standing) -> None:
            standing.backfilled = sorted({*standing.backfilled, *nominals} - {*standing.buffered})
            if len(standing.backfilled) > MOST_BACKFILLED:
                raise InvalidInput(
                    f"more than {MOST_BACKFILLED:,} times would wait for their runs; backfill them later"
                )

        if nominals:
            await self._change(id, edit)
        return [self._engine.run(run_id(id, nominal)) for nominal in nominals]

    async def create(self, id: str, workflow: str, schedule: Mapping[str, JSON]) -> ScheduleInfo:
        """Make a schedule by hand, written as in a definition; it starts whatever is deployed as `workflow`.

        Raises DefinitionError for what cannot be a schedule, InvalidInput where the id is taken, StoreError.
        """
        await self._registration.create(id, workflow, schedule)
        self._engine._poke_schedules()
        return await self.describe(id)

    async def delete(self, id: str) -> None:
        """Let it start nothing any more; its runs stay. Deploying its definition again brings it back.

        Raises UnknownSchedule, StoreError.
        """
        if not await self._store.delete_schedule(id):
            await self._row(id)
        self._engine._poke_schedules()

    async def list(self, *, workflow: str | None = None) -> Sequence[ScheduleInfo]:
        """All schedules by id, or those of one workflow. Raises StoreError."""
        return [_info(row, self._now()) for row in await self._store.schedules(workflow=workflow)]

    # -- deploying

    async def changes(self, definition: Definition) -> Sequence[ScheduleChange]:
        """What deploying a definition would do to schedules. Raises InvalidInput where one made by hand is in the way,
        StoreError."""
        return await self._registration.changes(definition)

    async def _register(self, definition: Definition, changes: Sequence[ScheduleChange]) -> None:
        await self._registration.register(definition, changes)
        self._engine._poke_schedules()

    # -- the store

    async def _row(self, id: str) -> ScheduleRow:
        row = await self._store.schedule(id)
        if row is None:
            names = [row.id for row in await self._store.schedules()]
            near = get_close_matches(id, names, n=1)
            hint = f"; did you mean {near[0]}?" if near else "; deploying a definition makes its schedules known"
            raise UnknownSchedule(f"no schedule has the id {id}{hint}")
        return row

    async def _change(self, id: str, edit: Callable[[Standing], None]) -> None:
        """Edit how a schedule stands, again and again while others do."""
        changed = False
        while not changed:
            row = await self._row(id)
            schedule, standing = spec_of(row).schedule, Standing.read(row)
            edit(standing)
            changed = await self._store.change_schedule(
                id,
                row.revision,
                standing.write(),
                next_at=standing.next_at(schedule),
                event=standing.listens(schedule),
            )
        self._engine._poke_schedules()

    async def _missing(self, schedule: Schedule, since: int, until: int) -> Sequence[int]:
        """Its times between two moments that had no run."""
        fired = {*await self._store.fired(schedule.id, since, until)}
        found = []
        at = since - 1
        while (nominal := schedule.next_after(at)) is not None and nominal < until:
            at = nominal
            if nominal not in fired:
                found.append(nominal)
            if len(found) > MOST_BACKFILLED:
                raise InvalidInput(f"a backfill is at most {MOST_BACKFILLED:,} times; take a shorter stretch")
        return found

    async def _start_missed(self, id: str, nominal: int) -> str | None:
        """Start the run of one time; None where it has had one meanwhile."""
        while True:
            row = await self._row(id)
            if await self._store.fired(id, nominal, nominal + 1):
                return None
            cause = Cause(run_id(id, nominal), nominal, nominal=nominal)
            if await self._fire(row, spec_of(row), Standing.read(row), cause):
                return cause.run

    async def _fire(self, row: ScheduleRow, spec: Spec, standing: Standing, cause: Cause) -> bool:
        try:
            fired = await self._firings.fire(row, spec, standing, cause)
        except AlreadyRun:
            fired = True
        except Refused as problem:
            raise InvalidInput(f"the schedule {row.id} cannot start a run: {problem}") from None
        if fired:
            self._engine._poke()
        return fired

    async def _free_id(self, id: str, now: int) -> str:
        """The id of a run that somebody starts now; two may do so in the same instant."""
        while await self._store.find(run := run_id(f"{id}/trigger", now)) is not None:
            now += 1
        return run

    def _now(self) -> int:
        return self._engine._clock.now()


def _info(row: ScheduleRow, now: int) -> ScheduleInfo:
    kept = decode(row.spec)
    standing = Standing.read(row)
    over = row.next_at is None and row.event is None
    paused = standing.paused
    return ScheduleInfo(
        id=row.id,
        workflow=row.workflow,
        status="paused" if paused is not None else "ended" if over else "active",
        written=kept["written"],
        digest=kept["digest"],
        note=None if paused is None else paused["note"],
        next_at=None if row.next_at is None else format_time(max(row.next_at, now)),
        waiting=[format_time(nominal) for nominal in standing.waiting],
        open=standing.open,
        last_run=standing.last_run,
        last_error=standing.last_error,
    )


def _next_times(schedule: Schedule, after: int, n: int) -> list[NextTime]:
    found: list[NextTime] = []
    while len(found) < n and (at := schedule.next_after(after)) is not None:
        found.append(_next_time(schedule, at))
        after = at
    return found


def _next_time(schedule: Schedule, at: int) -> NextTime:
    return NextTime(
        at=format_time(at),
        local=schedule.local(at),
        due=format_time(schedule.due(at)),
        note=clock_note(schedule.cron, at, schedule.zone),
    )


def _moment(given: datetime | str, schedule: Schedule, what: str) -> int:
    """Microseconds of a time as callers give it. Raises InvalidInput."""
    try:
        if isinstance(given, datetime):
            return to_microseconds(given if given.tzinfo is not None else given.replace(tzinfo=schedule.zone))
        return parse_time(given, schedule.zone)
    except (ValueError, OverflowError) as problem:
        raise InvalidInput(f"{what}: {problem}") from None
