"""How schedules come into a store: with the definition that is deployed, or made by hand.

Each is put there under the revision that was read, so that nothing a scheduler decides meanwhile is lost. Knows what
becomes of an earlier schedule of the same id; what schedules do then, `scheduler` and `triggers` say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from perdure.definition import Definition, inspect
from perdure.engine.clock import Clock
from perdure.engine.firing import LABEL
from perdure.engine.programs import Programs
from perdure.engine.records import ScheduleChange
from perdure.engine.standing import Spec, Standing, spec_of
from perdure.engine.starting import check_json
from perdure.errors import DefinitionError, InvalidInput
from perdure.program import Schedule
from perdure.stores.conditions import Label
from perdure.stores.store import OPEN, ScheduleRow, Store
from perdure.values import JSON, encode

MOST_OPEN: Final = 1_000
"""Open runs that are looked up where a schedule begins to care about them."""


class Registration:
    """Puts schedules into one store."""

    def __init__(self, store: Store, programs: Programs, clock: Clock) -> None:
        self._store = store
        self._programs = programs
        self._clock = clock

    async def changes(self, definition: Definition) -> list[ScheduleChange]:
        """What deploying a definition would do. Raises InvalidInput where a schedule of its has an id that another one
        has, StoreError."""
        rows = {row.id: row for row in await self._store.schedules()}
        found = []
        for schedule in definition.program.schedules:
            row = rows.get(schedule.id)
            if row is not None and (row.workflow != definition.name or spec_of(row).digest is None):
                raise InvalidInput(f"there is a schedule {row.id} that was made by hand; delete it first")
            same = row is not None and spec_of(row).schedule.written == schedule.written
            change = "new" if row is None else "unchanged" if same else "changed"
            found.append(ScheduleChange(id=schedule.id, change=change))
        kept = {schedule.id for schedule in definition.program.schedules}
        gone = [
            row.id
            for row in rows.values()
            if row.workflow == definition.name and row.id not in kept and spec_of(row).digest is not None
        ]
        return [*found, *(ScheduleChange(id=id, change="removed") for id in gone)]

    async def register(self, definition: Definition, changes: Sequence[ScheduleChange]) -> None:
        """Make the schedules of a deployed definition the store's."""
        written = {schedule.id: schedule for schedule in definition.program.schedules}
        for change in changes:
            if change.change == "removed":
                await self._store.delete_schedule(change.id)
            else:
                await self._register(Spec(written[change.id], definition.digest))

    async def _register(self, spec: Spec) -> None:
        while True:
            row = await self._store.schedule(spec.schedule.id)
            standing = Standing(self._clock.now())
            if row is not None:
                if row.spec == spec.write():
                    return
                old = spec_of(row).schedule
                standing = Standing.read(row).taken_over(old, spec.schedule, self._clock.now())
                if old.overlap == "allow" != spec.schedule.overlap:
                    standing.open = await self._open_runs(row.id)
            if await self._put(row, spec, standing):
                return

    async def _open_runs(self, id: str) -> list[str]:
        """Nobody has kept count of them so far."""
        rows = await self._store.runs(where=Label(LABEL, "=", id), statuses=OPEN, limit=MOST_OPEN)
        return [row.id for row in rows]

    async def create(self, id: str, workflow: str, written: Mapping[str, JSON]) -> None:
        """Make a schedule by hand. Raises DefinitionError, InvalidInput, StoreError."""
        if not isinstance(id, str) or not id or len(id) > 150 or not id.isprintable():
            raise InvalidInput("a schedule's id is a printable text of 1 to 150 characters")
        spec = Spec(await self._checked(id, workflow, written), None)
        if not await self._put(None, spec, Standing(self._clock.now())):
            raise InvalidInput(f"there is a schedule {id} already")

    async def _put(self, row: ScheduleRow | None, spec: Spec, standing: Standing) -> bool:
        """Create a schedule, or replace the one that was read; False where somebody else has done so."""
        schedule = spec.schedule
        return await self._store.put_schedule(
            schedule.id,
            schedule.workflow,
            spec.write(),
            standing.write(),
            next_at=standing.next_at(schedule),
            event=standing.listens(schedule),
            revision=0 if row is None else row.revision,
        )

    async def _checked(self, id: str, workflow: str, written: Mapping[str, JSON]) -> Schedule:
        """A schedule made by hand is checked as part of a definition with the workflow's input."""
        check_json(written, "the schedule")
        if not isinstance(written, dict):
            raise InvalidInput("a schedule is a mapping, written as in a definition")
        digest = await self._store.latest(workflow)
        if digest is None:
            raise InvalidInput(f"no definition of {workflow} is deployed")
        schema = (await self._programs.get(digest)).input_schema
        stand_in: dict[str, Any] = {"workflow": workflow, "schedule": written, "steps": [{"steps": []}]}
        inspection = inspect(encode({**stand_in, **({} if schema is None else {"input": schema})}).decode())
        if inspection.definition is None:
            raise DefinitionError([found for found in inspection.diagnostics if found.severity == "error"])
        [schedule] = inspection.definition.program.schedules
        return spec_of(ScheduleRow(id, workflow, Spec(schedule, None).write(), b"", None, None, 0)).schedule
