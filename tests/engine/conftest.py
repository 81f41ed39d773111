"""Fixtures for the tests of the engine: a place, a gate of activities, and what opens engines on them."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from engine_world import Gate, OpenEngine, Place, Shaky, opener
from schedule_world import HandClock, World

import perdure

LONGEST = 60 * int(os.environ.get("PERDURE_RACES", "1")) + 3 * int(os.environ.get("PERDURE_SOAK", "0"))
"""Seconds a test may take."""


@pytest.fixture(params=["memory", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(None if request.param == "memory" else tmp_path / "runs.db")


@pytest.fixture
def sqlite_place(tmp_path: Path) -> Place:
    return Place(tmp_path / "runs.db")


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()
    gate.thread_open.set()


@pytest.fixture
def opened(place: Place, gate: Gate) -> OpenEngine:
    """Opens an engine on the place; several are several processes."""
    return opener(place, gate)


@pytest.fixture
def opened_sqlite(sqlite_place: Place, gate: Gate) -> OpenEngine:
    return opener(sqlite_place, gate)


@pytest.fixture
def shaky(place: Place) -> Shaky:
    return Shaky(place.store())


@pytest.fixture
async def world(place: Place) -> AsyncIterator[World]:
    """Schedules, and a scheduler that looks when it is told to."""
    clock = HandClock()
    async with perdure.open(place.store(), clock=clock, work=False) as engine:
        yield World(engine, clock)


@pytest.fixture(autouse=True)
def _no_test_hangs() -> Iterator[None]:
    """A test that hangs fails, wherever it hangs."""

    def ring(*_: object) -> None:
        raise TimeoutError("the test hangs")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(LONGEST)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
