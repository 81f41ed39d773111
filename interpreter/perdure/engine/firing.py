"""A schedule starts a run: one commit that creates the run and says what has become of the schedule.

Whoever was faster, or a schedule that has changed meanwhile, refuses the whole commit; so a time or an event has its
run exactly once, over crashes and any number of processes. Knows what a run is made of; whether one is to be started,
`scheduler`, `triggers` and `schedules` decide.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from uuid import UUID, uuid4

from perdure.core.events import RunStarted
from perdure.engine.clock import Clock
from perdure.engine.creation import begin
from perdure.engine.programs import Programs
from perdure.engine.standing import Spec, Standing
from perdure.errors import DefinitionError, ExpressionError, StoreCorrupt
from perdure.program import Program, Schedule
from perdure.schemas import check_value
from perdure.stores.store import Commit, Firing, RunExists, ScheduleRow, SlotTaken, StaleSchedule, Store
from perdure.values import JSON, check, format_time

log = logging.getLogger("perdure.engine")

LABEL: Final = "schedule"
"""The label that names the schedule of a run."""


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


NOTHING: Final[Any] = _Nothing()
"""The message of a run that no event has started."""


class Refused(Exception):
    """No run can come of this time or event, now or later."""

    def __init__(self, type: str, message: str) -> None:
        self.type = type
        self.message = message
        super().__init__(message)


class AlreadyRun(Refused):
    """The run is there: this time or event has had it under an earlier life of the schedule."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a run is started: the id it gets, the time that `schedule.time` gives, what the event carried. `nominal` and
    `occurrence` are what must not have had a run yet."""

    run: str
    time: int
    message: JSON = NOTHING
    nominal: int | None = None
    occurrence: int | None = None


class Firings:
    """Starts runs of schedules on one store."""

    def __init__(self, store: Store, programs: Programs, clock: Clock) -> None:
        self._store = store
        self._programs = programs
        self._clock = clock

    async def fire(self, row: ScheduleRow, spec: Spec, standing: Standing, cause: Cause) -> bool:
        """Start the run, the schedule becoming what `standing` says, which is amended by the run.

        False where the schedule has changed since the row was read, or the time or event has had its run. Raises
        Refused, StoreError.
        """
        now = self._clock.now()
        if spec.schedule.overlap != "allow":
            standing.open.append(cause.run)
        standing.last_run = cause.run
        commit = _first_commit(await self._program(row, spec), spec.schedule, cause, now)
        commit.firing = Firing(
            schedule=row.id,
            revision=row.revision,
            state=standing.write(),
            next_at=standing.next_at(spec.schedule),
            nominal=cause.nominal,
            occurrence=cause.occurrence,
        )
        [answer] = await self._store.commit([commit])
        match answer:
            case int():
                log.info("schedule %s started run %s", row.id, cause.run)
                return True
            case StaleSchedule():
                return False
            case RunExists():
                own = answer.row.labels.get(LABEL) == row.id
                raise (AlreadyRun if own else Refused)("RunConflict", f"there is a run {cause.run} already")
            case SlotTaken():
                raise Refused("RunConflict", answer.message)
            case _:
                raise answer

    async def _program(self, row: ScheduleRow, spec: Spec) -> Program:
        digest = spec.digest or await self._store.latest(row.workflow)
        if digest is None:
            raise Refused("UnknownWorkflow", f"no definition of {row.workflow} is deployed")
        try:
            return await self._programs.get(digest)
        except (StoreCorrupt, DefinitionError) as problem:
            raise Refused("UnknownWorkflow", f"the definition of {row.workflow} cannot be read: {problem}") from None


def _first_commit(program: Program, schedule: Schedule, cause: Cause, now: int) -> Commit:
    """The run, before its schedule is put beside it. Raises Refused where its input or its labels do not hold."""
    started = RunStarted(now, cause.run, _input(program, schedule, cause), uuid4().hex)
    try:
        return begin(program, started, labels={LABEL: schedule.id})
    except ExpressionError as problem:
        raise Refused("ExpressionFailed", f"the run's labels cannot be made: {problem}") from None


def names_of(schedule: Schedule, time: int, message: JSON) -> Mapping[str, JSON]:
    """What the expressions of a schedule read."""
    names: dict[str, JSON] = {"schedule": {"id": schedule.id, "time": schedule.local(time)}}
    if message is not NOTHING:
        names["message"] = message
    return names


def run_id(schedule: str, nominal: int) -> str:
    """The id of the run of a nominal time."""
    return f"{schedule}/{format_time(nominal)}"


class Moment:
    """The ambient of a schedule's expressions: the time is the nominal one, chance follows from the run's id."""

    def __init__(self, run: str, time: int) -> None:
        self._time = time
        self._chance = Random(run)

    def now(self) -> int:
        return self._time

    def random(self) -> float:
        return self._chance.random()

    def uuid(self) -> str:
        return str(UUID(int=self._chance.getrandbits(128), version=4))


def _input(program: Program, schedule: Schedule, cause: Cause) -> JSON:
    """What the schedule says, else what the event carried, else nothing."""
    value: JSON = {} if cause.message is NOTHING else cause.message
    if schedule.input is not None:
        names = names_of(schedule, cause.time, cause.message)
        try:
            value = schedule.input.evaluate(names, Moment(cause.run, cause.time))
        except ExpressionError as problem:
            raise Refused("ExpressionFailed", f"the input cannot be made: {problem}") from None
    if not isinstance(value, dict):
        raise Refused("InvalidInput", "the input is no mapping")
    try:
        check(value)
    except ValueError as problem:
        raise Refused("InvalidInput", f"the input is not JSON: {problem}") from None
    problems = [] if program.input_schema is None else check_value(program.input_schema, value)
    if problems:
        raise Refused("InvalidInput", f"the input does not fit: {'; '.join(problems)}")
    return value
