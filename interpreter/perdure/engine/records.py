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


def iso(at: int | None) -> str | None:
    return None if at is None else format_time(at)
