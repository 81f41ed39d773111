"""Where the shipped definitions are, and how their tests start and follow them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import perdure

FOLDER = Path(__file__).parents[2] / "definitions"
DEFINITIONS = sorted(path for path in FOLDER.glob("*.yaml") if not path.name.endswith(".test.yaml"))


async def start(engine: perdure.Engine, name: str, *, id: str | None = None, **input: Any) -> perdure.Run:
    return await engine.start(FOLDER / f"{name}.yaml", input, id=id)


async def until(run: perdure.Run, address: str) -> None:
    """Wait until the run has come to a step."""
    while not any(part["address"] == address for part in (await run.describe()).live):
        await asyncio.sleep(0.01)
