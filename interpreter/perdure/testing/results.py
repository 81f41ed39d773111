"""Results kept for later on the virtual-time host: what a store's cache is to an engine. Knows no machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from perdure.core.commands import ReadCache, WriteCache
from perdure.core.events import CacheRead, Event
from perdure.testing.agenda import ENDS, Agenda
from perdure.values import JSON


@dataclass(slots=True)
class Results:
    """By key, each with the moment it expires."""

    agenda: Agenda
    apply: Callable[[Event], None]
    kept: dict[str, tuple[JSON, int | None]] = field(default_factory=dict)

    def read(self, asked: ReadCache) -> None:
        """Look a result up, and tell."""
        self.agenda.later(self.agenda.now, ENDS, lambda: self.apply(self._found(asked)))

    def write(self, result: WriteCache) -> None:
        self.kept[result.key] = (result.value, result.expires_at)

    def _found(self, asked: ReadCache) -> CacheRead:
        now = self.agenda.now
        value, expires_at = self.kept.get(asked.key, (None, now))
        if expires_at is not None and expires_at <= now:
            return CacheRead(now, asked.frame, False)
        return CacheRead(now, asked.frame, True, value)
