"""What the tests of locks share: a room that notices who is in it, and a clock that is turned by hand."""

from __future__ import annotations

import asyncio
from typing import Any

from perdure.activities import activity, context


class Room:
    """An activity `visit` that says how many visitors were in the room at once, and which runs came, in order."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.visitors: list[str] = []

    def activity(self) -> Any:
        @activity("visit")
        async def visit(value: Any = None) -> Any:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.visitors.append(context().run_id)
            try:
                for _ in range(5):
                    await asyncio.sleep(0)
            finally:
                self.inside -= 1
            return value

        return visit


class HandClock:
    """Stands still until it is turned."""

    def __init__(self, now: int = 1_700_000_000_000_000) -> None:
        self.time = now

    def now(self) -> int:
        return self.time
