"""What a store keeps, as rows that it hands out.

Plain values: they know neither how they came to be (`commits`) nor how they are asked for (`store`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

OPEN: Final = ("scheduled", "running", "paused", "stuck")
"""Statuses of runs that have not ended."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as stored. `key` is the store's own integer name for it; `outcome` is there once it has ended."""

    key: int
    id: str
    workflow: str
    version: str | None
    digest: str
    status: str
    created_at: int
    closed_at: int | None
    labels: Mapping[str, str]
    wake_at: int | None
    owner: str | None
    recoveries: int
    outcome: bytes | None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class AskRow:
    """An open question. `frame` names it within the run; `body` is JSON: prompt, form, of, reminders."""

    run: int
    frame: int
    address: str
    opened_at: int
    due: int | None
    body: bytes


@dataclass(frozen=True, slots=True)
class OpenAsk:
    """An `AskRow` with the id and workflow of its run, as `asks` lists it."""

    run_id: str
    workflow: str
    ask: AskRow


@dataclass(frozen=True, slots=True)
class SlotRow:
    """Somebody who has a slot of `key`, or waits for one: a frame of a run; so many as `limit` may have one then."""

    key: str
    run_id: str
    workflow: str
    frame: int
    limit: int
    granted: bool


@dataclass(frozen=True, slots=True)
class Letter:
    """Something that reached a run from outside and has not been journalled yet. `key` orders letters."""

    key: int
    run: int
    kind: str
    id: str
    at: int
    body: bytes


@dataclass(frozen=True, slots=True)
class UpdateRow:
    """How an update stands: waiting (for the run to look at it), accepted, completed or refused; `body` is the JSON
    that replied to it or refused it."""

    status: str
    body: bytes | None


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as stored. `worker` has taken it; `cancelled` where the run wants it no longer."""

    key: int
    run_id: str
    frame: int
    queue: str
    priority: int
    body: bytes
    worker: str | None
    cancelled: bool


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A schedule. `spec` and `state` are JSON of the engine's; `event` is the event whose publications it collects
    (None: none now); `revision` grows with every change, and every decision about it names the one it rests on."""

    id: str
    workflow: str
    spec: bytes
    state: bytes
    next_at: int | None
    event: str | None
    revision: int


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event that was published while a schedule listened to it, and for which no run was started yet. `id` is the
    publication's; keys grow and are never given twice."""

    key: int
    schedule: str
    id: str
    at: int
    body: bytes


@dataclass(frozen=True, slots=True)
class WorkerRow:
    id: str
    host: str
    boot: str
    pid: int
    pid_started: int
    lease_until: int
