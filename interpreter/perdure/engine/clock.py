"""Where the engine gets the time from."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Microseconds since the epoch; may be replaced in tests."""

    def now(self) -> int: ...


class SystemClock:
    """The machine's clock, kept from running backwards within this process."""

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> int:
        now = time.time_ns() // 1000
        if now > self._last:
            self._last = now
        return self._last
