"""A working engine in memory, with the activities of the shipped definitions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from shipped import FOLDER

import perdure


@pytest.fixture
async def engine(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[perdure.Engine]:
    monkeypatch.syspath_prepend(str(FOLDER.parent))
    async with perdure.open("memory://", activities=["definitions.activities"]) as engine:
        yield engine
