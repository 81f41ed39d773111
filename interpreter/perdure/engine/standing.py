"""What is kept of a schedule: what it is, and how it stands. Both are JSON in its row.

Knows how the one changes when the other does; what is decided about its times, `scheduler` says.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache

from perdure.definition.schedules import read_schedule
from perdure.program import Schedule
from perdure.stores.store import ScheduleRow
from perdure.values import JSON, decode, encode, format_time


@dataclass(frozen=True, slots=True)
class Spec:
    """What a schedule is. `digest` names the definition it was deployed with, whose runs it starts; None for one that
    was made by hand, which starts runs of whatever is deployed under the workflow's name."""

    schedule: Schedule
    digest: str | None

    def write(self) -> bytes:
        return encode({"written": dict(self.schedule.written), "digest": self.digest})


def spec_of(row: ScheduleRow) -> Spec:
    """Raises ValueError or ExpressionError where this release does not understand what another has kept."""
    return _read(row.id, row.workflow, row.spec)


@lru_cache(maxsize=1024)
def _read(id: str, workflow: str, spec: bytes) -> Spec:
    kept = decode(spec)
    return Spec(read_schedule(workflow, kept["written"], id), kept["digest"])


@dataclass(slots=True)
class Standing:
    """How a schedule stands. Times up to `cursor` are decided; `open` are runs that may not have ended, as far as its
    overlap asks; `buffered` and `backfilled` are times that wait for them, the latter asked for by somebody."""

    cursor: int
    paused: JSON = None
    """{at, note} while it is paused."""
    open: list[str] = field(default_factory=list)
    buffered: list[int] = field(default_factory=list)
    backfilled: list[int] = field(default_factory=list)
    last_run: str | None = None
    last_error: JSON = None
    """{at, time, type, message}: why the latest time or event that should have started a run did not."""

    @classmethod
    def read(cls, row: ScheduleRow) -> Standing:
        return cls(**decode(row.state))

    def write(self) -> bytes:
        return encode(asdict(self))

    @property
    def waiting(self) -> list[int]:
        """Times that wait for earlier runs, in the order in which they go."""
        return [*self.buffered, *self.backfilled]

    def drop(self, nominal: int) -> None:
        """A time waits no longer."""
        self.buffered = [one for one in self.buffered if one != nominal]
        self.backfilled = [one for one in self.backfilled if one != nominal]

    def fail(self, at: int, time: int, type: str, message: str) -> None:
        """Note why a time or an event started nothing."""
        self.last_error = {"at": format_time(at), "time": format_time(time), "type": type, "message": message}

    def next_at(self, schedule: Schedule) -> int | None:
        """When it is to be looked at: in the past as long as something waits, never while it is paused."""
        if self.paused is not None or schedule.event is not None:
            return None
        if self.waiting:
            return schedule.due(min(self.waiting))
        nominal = schedule.next_after(self.cursor)
        return None if nominal is None else schedule.due(nominal)

    def listens(self, schedule: Schedule) -> str | None:
        """The event whose publications are collected for it."""
        return None if self.paused is not None else schedule.event

    def taken_over(self, old: Schedule, new: Schedule, now: int) -> Standing:
        """How it stands once it has become another: times that the old one has not decided are gone with it."""
        state = replace(self)
        if _timing(old) != _timing(new):
            state.cursor = max(state.cursor, now)
        if new.event is not None:
            state.buffered, state.backfilled = [], []
        return state


def _timing(schedule: Schedule) -> tuple[object, ...]:
    return (schedule.cron, schedule.every, schedule.event, schedule.timezone, schedule.start, schedule.end)
