"""Rows for tests of stores, with defaults that a test does not care about; part of the store suite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from perdure.stores.store import (
    AskRow,
    Commit,
    NewRun,
    RunRow,
    Store,
    WorkerRow,
)

MakeStore = Callable[[], Store]

LARGEST = 2**63 - 1


def new_run(id: str = "order-1", **changes: Any) -> NewRun:
    """A run that is due at 100, unless told otherwise."""
    fields: dict[str, Any] = {
        "id": id,
        "workflow": "order",
        "version": "1",
        "digest": "d1",
        "status": "running",
        "created_at": 100,
        "wake_at": 100,
    }
    return NewRun(**(fields | changes))


def worker(id: str = "w1", **changes: Any) -> WorkerRow:
    fields: dict[str, Any] = {
        "id": id,
        "host": "h",
        "boot": "b",
        "pid": 1,
        "pid_started": 2,
        "lease_until": 3,
    }
    return WorkerRow(**(fields | changes))


def ask(frame: int = 5, **changes: Any) -> AskRow:
    fields: dict[str, Any] = {
        "run": 0,
        "frame": frame,
        "address": "approve",
        "opened_at": 110,
        "due": None,
        "body": b"{}",
    }
    return AskRow(**(fields | changes))


def events(*numbers: int) -> list[tuple[int, int, bytes]]:
    return [(number, 100 + number, b"event %d" % number) for number in numbers]


async def commit(store: Store, run: int | NewRun, **fields: Any) -> int:
    """One commit that must be accepted; the run's key."""
    [outcome] = await store.commit([Commit(run=run, **fields)])
    assert isinstance(outcome, int), outcome
    return outcome


async def found(store: Store, run_id: str = "order-1") -> RunRow:
    row = await store.find(run_id)
    assert row is not None
    return row


def kinds(outcomes: Sequence[object]) -> list[type]:
    return [type(outcome) for outcome in outcomes]


class OpenStore(Protocol):
    async def __call__(self) -> Store: ...
