"""Starts, stops and kills real worker processes for the tests, and reads the ledger their activities write."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import perdure

PROGRAM = Path(__file__).with_name("ledger_worker.py")


class Processes:
    """Worker processes on one store; `close` kills those that are left."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.url = str(folder / "runs.db")
        self.ledger = folder / "ledger"
        self._environment = {**os.environ, "LEDGER": str(self.ledger), **environment}
        self.all: list[asyncio.subprocess.Process] = []

    async def start(self) -> asyncio.subprocess.Process:
        """A worker that has registered."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(PROGRAM), self.url,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=self._environment,
        )  # fmt: skip
        self.all.append(process)
        assert process.stdout is not None
        assert await process.stdout.readline() in (b"ready\n", b"")
        return process

    async def close(self) -> None:
        for process in self.all:
            await kill(process)

    def lines(self) -> list[dict[str, Any]]:
        if not self.ledger.exists():
            return []
        return [json.loads(line) for line in self.ledger.read_text().splitlines()]


async def kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGCONT)
        process.kill()
    await process.communicate()


def client(processes: Processes) -> Any:
    return perdure.open(processes.url, work=False)
