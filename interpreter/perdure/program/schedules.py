"""When runs of a workflow are started by themselves: at the times of a schedule, or by an event.

Pure: which times there are and when each is due. What has become of them, and of the runs, the host knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from perdure.cron import Cron, next_after
from perdure.expressions import Expression, Template
from perdure.values import HOUR, JSON, SECOND, to_datetime

CATCH_UP: Final = 1 * HOUR
LEAST_CATCH_UP: Final = 10 * SECOND
"""A worker is always a little late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One schedule; exactly one of `cron`, `every` and `event` is there. `written` is how it stands in the definition;
    spans and moments are microseconds, `end` the first moment that does not belong to it."""

    id: str
    workflow: str
    written: Mapping[str, JSON]
    cron: Cron | None = None
    every: int | None = None
    event: str | None = None
    timezone: str = "UTC"
    jitter: int = 0
    overlap: str = "skip"
    catch_up: int = CATCH_UP
    start: int | None = None
    end: int | None = None
    input: Template | None = None
    match: Expression | None = None

    @property
    def zone(self) -> tzinfo:
        from zoneinfo import ZoneInfo

        return ZoneInfo(self.timezone)

    def next_after(self, after: int) -> int | None:
        """The first of its times beyond a moment; None where there is none, or events start the runs."""
        if self.start is not None:
            after = max(after, self.start - 1)
        if self.cron is not None:
            found = next_after(self.cron, after, self.zone)
        elif self.every is not None:
            first = self.start or 0
            found = first + ((after - first) // self.every + 1) * self.every
        else:
            return None
        return None if found is None or (self.end is not None and found >= self.end) else found

    def due(self, nominal: int) -> int:
        """When the run of one of its times is to start: later by its jitter, which is always the same."""
        if not self.jitter:
            return nominal
        from hashlib import sha256

        drawn = sha256(f"{self.id}/{nominal}".encode()).digest()[:8]
        return nominal + int.from_bytes(drawn) * self.jitter // 2**64

    def local(self, at: int) -> str:
        """A moment as the clock of its zone shows it, with offset."""
        return to_datetime(at, self.zone).isoformat().replace("+00:00", "Z")

    def includes(self, at: int) -> bool:
        """Whether a moment lies between start and end."""
        return (self.start is None or at >= self.start) and (self.end is None or at < self.end)
