"""Attempts at activities: started, watched, told to stop, and given up on.

Runs as many at a time as it may, the others queue. Each attempt ends in exactly one event, handed to `ended`; an
attempt that does not stop when told is given up after a grace period and its end, if ever, ignored. Plain functions
run in threads and cannot be interrupted: they see `context.cancelled`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from perdure.activities import ActivityFailure, Context, Registry
from perdure.core.commands import StartActivity
from perdure.core.events import ActivityCancelled, ActivityCompleted, ActivityFailed, Event
from perdure.engine.clock import Clock
from perdure.engine.live import LiveRun
from perdure.values import JSON, SECOND, decode, encode, format_duration

GRACE: Final = 10.0
"""Seconds that a cancelled activity has to stop."""

Ended = Callable[[LiveRun, int, Event], None]
Beat = Callable[[LiveRun, int, bytes], None]


@dataclass(slots=True, eq=False)
class Attempt:
    run: LiveRun
    command: StartActivity
    context: Context | None = None
    task: asyncio.Task[None] | None = None
    cancelled: bool = False
    over: bool = False
    marked: bool = False
    timers: list[asyncio.TimerHandle] = field(default_factory=list)


class Attempts:
    """All attempts of one worker, by (run, frame)."""

    def __init__(self, registry: Registry, clock: Clock, limit: int, ended: Ended, beat: Beat) -> None:
        self._registry = registry
        self._clock = clock
        self._limit = limit
        self._ended = ended
        self._beat = beat
        self._live: dict[tuple[int, int], Attempt] = {}
        self._queue: deque[Attempt] = deque()
        self._running = 0
        self.unmarked: dict[Attempt, None] = {}
        """Running attempts whose start is not in the journal yet."""

    def start(self, run: LiveRun, command: StartActivity, *, marked: bool) -> None:
        attempt = Attempt(run, command, marked=marked)
        self._live[run.key, command.frame] = attempt
        run.attempts.add(command.frame)
        if self._running < self._limit:
            self._launch(attempt)
            return
        self._queue.append(attempt)
        if command.queue is not None:
            message = f"no worker was free within {format_duration(command.queue)}"
            self._later(attempt, command.queue, lambda: self._end(attempt, _timeout(self._clock, command, message)))

    def cancel(self, run: LiveRun, frame: int) -> None:
        """Tell an attempt to stop; one that is not running here has stopped already."""
        attempt = self._live.get((run.key, frame))
        if attempt is None:
            self._ended(run, frame, ActivityCancelled(self._clock.now(), frame))
        elif attempt.task is None:
            self._end(attempt, ActivityCancelled(self._clock.now(), frame))
        else:
            self._stop(attempt)

    def drop(self, run: LiveRun) -> None:
        """Forget a run: its attempts are told to stop, and their ends do not matter."""
        for frame in tuple(run.attempts):
            attempt = self._live.get((run.key, frame))
            if attempt is not None:
                self._forget(attempt)
                self._interrupt(attempt)

    def running(self) -> list[asyncio.Task[None]]:
        return [attempt.task for attempt in self._live.values() if attempt.task is not None]

    def _launch(self, attempt: Attempt) -> None:
        run, command = attempt.run, attempt.command
        self._running += 1
        details = run.heartbeats.get(command.slot)
        attempt.context = Context(
            run_id=run.id,
            workflow=run.program.name,
            address=command.address,
            attempt=command.attempt,
            idempotency_key=command.key,
            heartbeat_details=None if details is None else decode(details),
            on_heartbeat=lambda details: self._heard(attempt, details),
        )
        if not attempt.marked:
            self.unmarked[attempt] = None
        if command.heartbeat is not None:
            self._watch(attempt)
        attempt.task = asyncio.get_running_loop().create_task(self._call(attempt, attempt.context))

    async def _call(self, attempt: Attempt, context: Context) -> None:
        command = attempt.command
        event: Event
        try:
            result = await self._registry.call(command.name, command.arguments, context)
            event = ActivityCompleted(self._clock.now(), command.frame, result)
        except ActivityFailure as failure:
            event = ActivityFailed(self._clock.now(), command.frame, failure.error, failure.retryable)
        except asyncio.CancelledError:
            event = ActivityCancelled(self._clock.now(), command.frame)
        finally:
            self._running -= 1
        self._end(attempt, event)
        while self._queue and self._running < self._limit:
            following = self._queue.popleft()
            if not following.over:
                for timer in following.timers:
                    timer.cancel()
                self._launch(following)

    def _end(self, attempt: Attempt, event: Event) -> None:
        if attempt.over:
            return
        self._forget(attempt)
        run, slot = attempt.run, attempt.command.slot
        if isinstance(event, ActivityCompleted) and slot in run.heartbeats:
            del run.heartbeats[slot]
            run.decided.heartbeats.pop(slot, None)
            run.decided.heartbeats_dropped.append(slot)
        self._ended(run, attempt.command.frame, event)

    def _forget(self, attempt: Attempt) -> None:
        attempt.over = True
        self.unmarked.pop(attempt, None)
        self._live.pop((attempt.run.key, attempt.command.frame), None)
        attempt.run.attempts.discard(attempt.command.frame)
        for timer in attempt.timers:
            timer.cancel()

    def _stop(self, attempt: Attempt) -> None:
        if attempt.cancelled:
            return
        attempt.cancelled = True
        self._interrupt(attempt)
        frame = attempt.command.frame
        self._later(
            attempt, round(GRACE * SECOND), lambda: self._end(attempt, ActivityCancelled(self._clock.now(), frame))
        )

    def _interrupt(self, attempt: Attempt) -> None:
        if attempt.context is not None:
            attempt.context.cancel()
        if attempt.task is not None:
            attempt.task.cancel()

    def _heard(self, attempt: Attempt, details: JSON) -> None:
        """A heartbeat, on the event loop."""
        if attempt.over:
            return
        if attempt.command.heartbeat is not None:
            self._watch(attempt)
        if details is not None:
            self._beat(attempt.run, attempt.command.slot, encode(details))

    def _watch(self, attempt: Attempt) -> None:
        """Expect the next heartbeat within its timeout."""
        limit = attempt.command.heartbeat
        assert limit is not None
        for timer in attempt.timers:
            timer.cancel()
        attempt.timers.clear()
        self._later(attempt, limit, lambda: self._silent(attempt, limit))

    def _silent(self, attempt: Attempt, limit: int) -> None:
        message = f"no heartbeat within {format_duration(limit)}"
        self._end(attempt, _timeout(self._clock, attempt.command, message))
        self._interrupt(attempt)

    def _later(self, attempt: Attempt, span: int, action: Callable[[], None]) -> None:
        attempt.timers.append(asyncio.get_running_loop().call_later(span / SECOND, action))


def _timeout(clock: Clock, command: StartActivity, message: str) -> Event:
    error = {"type": "Timeout", "message": message, "details": None, "cause": None}
    return ActivityFailed(clock.now(), command.frame, error)
