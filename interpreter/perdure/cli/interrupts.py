"""SIGINT and SIGTERM: the first asks to stop, the second stops at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Final

from perdure.cli.exits import INTERRUPTED

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interrupts() -> Iterator[asyncio.Event]:
    """An event that is set by the first signal; the second ends the process without clean-up, as a crash would."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def heard() -> None:
        if asked.is_set():
            os._exit(INTERRUPTED)
        asked.set()

    taken = []
    for number in SIGNALS:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread, or Windows
            loop.add_signal_handler(number, heard)
            taken.append(number)
    try:
        yield asked
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
