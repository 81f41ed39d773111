"""What the engine tells about runs and questions: plain, frozen records."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from perdure.values import JSON, format_time


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """One run as it stands. `live` lists what it is doing: [{address, kind, status, attempt, since, due, summary}],
    times as ISO texts; `undone` and `not_undone` what was compensated; `unread` signals that nothing took; `begins_at`
    when one that waits for its time will begin."""

    id: str
    workflow: str
    version: str | None
    digest: str
    status: str
    attempt: int = 1
    input: JSON = None
    output: JSON = None
    error: JSON = None
    undone: list[str] = field(default_factory=list)
    not_undone: list[JSON] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    started_at: str = ""
    begins_at: str | None = None
    closed_at: str | None = None
    parent: str | None = None
    live: list[dict[str, JSON]] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    unread: list[JSON] = field(default_factory=list)
    recorded: list[JSON] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """An open question: where it stands, what it asks, and which answers fit (`form` is a JSON Schema)."""

    run: str
    workflow: str
    step: str
    prompt: JSON
    form: JSON
    of: JSON
    opened_at: str
    due: str | None
    reminders: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleInfo:
    """A schedule as it stands: what is `written`, its status (active, paused, or ended where it has no time left), when
    it is next due, the time that is then and how many wait. `digest` is the definition's that it starts, None for
    whatever is deployed; `last_error` says why the latest time or event that should have started a run did not."""

    id: str
    workflow: str
    status: str
    written: dict[str, JSON]
    digest: str | None
    note: str | None = None
    next_at: str | None = None
    waiting: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    last_run: str | None = None
    last_error: JSON = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockInfo:
    """A run that holds a `lock` or a place of its `concurrency`, or waits for one: `key` is `lock:<key>` or
    `concurrency:<workflow>:<key>`, `limit` how many may hold it beside each other as this run sees it."""

    key: str
    run: str
    workflow: str
    held: bool
    limit: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class NextTime:
    """A time of a schedule: `at` in UTC, `local` as its zone's clock shows it, `due` with its jitter, and a note where
    the clock is set around it."""

    at: str
    local: str
    due: str
    note: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChange:
    """What deploying a definition does to a schedule: it is new, changed, unchanged or removed."""

    id: str
    change: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def iso(at: int | None) -> str | None:
    return None if at is None else format_time(at)
