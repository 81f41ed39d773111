"""Fake activities of the virtual-time host: how a call ends, and how it takes being told to stop.

A fake is a function of the call. Times are microseconds of virtual time; nothing here waits or runs by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from perdure.core.events import ActivityCancelled, ActivityCompleted, ActivityFailed, Event
from perdure.errors import ActivityError
from perdure.values import JSON

OnCancel = Literal["stop", "ignore", "end"]
"""Told to stop: it stops; it goes on to its own end; or it ends as `cancelled` says."""


@dataclass(frozen=True, slots=True)
class End:
    """With a value, or with an error {type, message, details, cause}."""

    value: JSON = None
    error: Mapping[str, JSON] | None = None
    retryable: bool = True

    def event(self, at: int, frame: int) -> Event:
        """What the machine hears of it."""
        if self.error is None:
            return ActivityCompleted(at, frame, self.value)
        error = {"type": "ActivityFailed", "message": "", "details": None, "cause": None, **self.error}
        return ActivityFailed(at, frame, error, self.retryable)


@dataclass(frozen=True, slots=True)
class Reply:
    """How a call goes: it ends after a while, or hangs until it is told to stop; stopping takes `cleanup`. For a while
    it may be `queued`, in a queue that the worker of the run does not serve. One that hangs is `silent`, it sends no
    heartbeats, and any other is not, unless that is said."""

    end: End = End()
    after: int = 0
    hang: bool = False
    on_cancel: OnCancel = "stop"
    cleanup: int = 0
    cancelled: End | None = None
    queued: int = 0
    silent: bool | None = None

    def falls_silent(self, limit: int | None) -> bool:
        """Whether there is no heartbeat for so long before it ends."""
        silent = self.hang if self.silent is None else self.silent
        return silent and limit is not None and (self.hang or limit < self.after)

    def stopped(self, at: int, frame: int) -> Event:
        """What the machine hears when the call has been told to stop and obeys."""
        if self.on_cancel == "end" and self.cancelled is not None:
            return self.cancelled.event(at, frame)
        return ActivityCancelled(at, frame)


@dataclass(slots=True)
class Call:
    """One attempt as the host saw it; `ended` is completed, failed, cancelled or lost, and None while it runs."""

    name: str
    arguments: JSON
    address: str
    attempt: int
    key: str
    number: int
    started_at: int
    ended_at: int | None = None
    ended: str | None = None
    queue: str | None = None
    priority: int = 0


Fake = Callable[[Call], Any]
"""Gives a Reply, or the plain value to return at once; may raise ActivityError."""


def reply(fake: Fake | None, call: Call) -> Reply:
    """What the fake says to a call; a call of nothing fails as any host would have it fail."""
    if fake is None:
        error = {"type": "UnknownActivity", "message": f"no activity is called {call.name}"}
        return Reply(End(error=error, retryable=False))
    try:
        said = fake(call)
    except ActivityError as raised:
        error = {"type": raised.type, "message": raised.message, "details": raised.details}
        return Reply(End(error=error, retryable=raised.retryable))
    return said if isinstance(said, Reply) else Reply(End(said))
