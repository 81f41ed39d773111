"""Attempts at activities: started, watched, told to stop, and given up on.

Which of those that wait begins next, `Lanes` knows. Each attempt ends in exactly one event, handed to `ended`; an
attempt that does not stop when told is given up after a grace period and its end, if ever, ignored. Plain functions
run in threads and cannot be interrupted: they see `context.cancelled`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from perdure.activities import Context, Registry
from perdure.activities.failure import failure_of
from perdure.activities.rates import Rate
from perdure.activities.secrets import Source, reveal
from perdure.core.commands import StartActivity
from perdure.core.events import ActivityCancelled, ActivityCompleted, ActivityFailed, Event
from perdure.engine.clock import Clock
from perdure.engine.crew import Crew
from perdure.engine.lanes import Lanes
from perdure.values import JSON, SECOND, decode, encode, format_duration
from perdure.vault import may_hold_marker

GRACE: Final = 10.0
"""Seconds that a cancelled activity has to stop."""


class Owner(Protocol):
    """Whose attempts they are: a run of this worker, or a task from another's. `attempts` are the frames that have one
    here, `heartbeats` the details that earlier attempts have left, by slot."""

    @property
    def key(self) -> Hashable: ...
    @property
    def id(self) -> str: ...
    @property
    def workflow(self) -> str: ...
    @property
    def attempts(self) -> set[int]: ...
    @property
    def heartbeats(self) -> Mapping[int, bytes]: ...


@dataclass(slots=True, eq=False)
class Attempt:
    owner: Owner
    command: StartActivity
    marked: bool
    """Whether the journal says that it has begun."""
    context: Context | None = None
    task: asyncio.Task[None] | None = None
    cancelled: bool = False
    over: bool = False
    patience: asyncio.TimerHandle | None = None
    """Ends a queue or a heartbeat that takes too long."""
    grace: asyncio.TimerHandle | None = None


Ended = Callable[[Attempt, Event], None]
Beat = Callable[[Attempt, bytes], None]


class Attempts:
    """All attempts of one worker, by (owner, frame)."""

    def __init__(
        self, registry: Registry, secrets: Source, clock: Clock, lanes: Lanes[Attempt], ended: Ended, beat: Beat
    ) -> None:
        self._registry = registry
        self._secrets = secrets
        self._clock = clock
        self._lanes = lanes
        self._ended = ended
        self._beat = beat
        self._live: dict[tuple[Hashable, int], Attempt] = {}
        self._crew: Crew[Attempt] = Crew(self._call, self._left)
        self._closing = False
        self._young: dict[Attempt, None] = {}
        self._old: dict[Attempt, None] = {}
        self._ready: asyncio.TimerHandle | None = None
        """Rings when a rate lets an attempt begin."""

    def start(self, owner: Owner, command: StartActivity, *, marked: bool) -> None:
        """Begin an attempt as soon as its turn comes."""
        attempt = Attempt(owner, command, marked)
        self._live[owner.key, command.frame] = attempt
        owner.attempts.add(command.frame)
        rate = self._registry.rate(command.name)
        if rate is None and not self._closing and self._lanes.pass_by(attempt, command.queue):
            self._launch(attempt)
        else:
            self._queue(attempt, rate)

    def _queue(self, attempt: Attempt, rate: Rate | None) -> None:
        """Let an attempt wait for its turn."""
        command = attempt.command
        rated = None if rate is None else command.name
        self._lanes.put(attempt, command.queue, command.priority, rated, rate)
        self._launch_next()
        if attempt.context is None and command.queue_timeout is not None:
            message = f"no worker was free within {format_duration(command.queue_timeout)}"
            attempt.patience = _later(
                command.queue_timeout, lambda: self._end(attempt, _timeout(self._clock, command, message))
            )

    def cancel(self, owner: Owner, frame: int) -> bool:
        """Tell an attempt to stop; False for one that is not here: it has stopped already."""
        attempt = self._live.get((owner.key, frame))
        if attempt is None:
            return False
        if attempt.task is None:
            self._end(attempt, ActivityCancelled(self._clock.now(), frame))
        else:
            self._stop(attempt)
        return True

    def is_waiting(self, owner: Owner, frame: int) -> bool:
        """Whether an attempt is here that has not begun."""
        attempt = self._live.get((owner.key, frame))
        return attempt is not None and attempt.task is None

    def drop(self, owner: Owner) -> None:
        """Forget an owner: its attempts are told to stop, and their ends do not matter."""
        for frame in tuple(owner.attempts):
            attempt = self._live.get((owner.key, frame))
            if attempt is not None:
                self._forget(attempt)
                self._interrupt(attempt)

    async def drain(self, seconds: float) -> bool:
        """Launch no more and wait for those that run; whether all have ended."""
        self._closing = True
        _cancel(self._ready)
        return await self._crew.rest(seconds)

    @property
    def unmarked(self) -> bool:
        """Whether attempts run whose start is not in the journal yet."""
        return bool(self._young or self._old)

    def outlived(self) -> list[Attempt]:
        """Attempts that have run since before the last call: their start is worth a row. Each is named once."""
        outlived, self._old, self._young = list(self._old), self._young, {}
        return outlived

    def _launch_next(self) -> None:
        """Launch all whose turn it is, and look again when a rate allows more."""
        while not self._closing and (attempt := self._lanes.take(self._clock.now())) is not None:
            _cancel(attempt.patience)
            self._launch(attempt)
        moment = None if self._closing else self._lanes.ready_at()
        _cancel(self._ready)
        self._ready = None
        if moment is not None:
            self._ready = _later(max(moment - self._clock.now(), 0), self._launch_next)

    def _launch(self, attempt: Attempt) -> None:
        owner, command = attempt.owner, attempt.command
        details = owner.heartbeats.get(command.slot)
        attempt.context = Context(
            run_id=owner.id,
            workflow=owner.workflow,
            address=command.address,
            attempt=command.attempt,
            idempotency_key=command.key,
            heartbeat_details=None if details is None else decode(details),
            on_heartbeat=partial(self._heard, attempt),
        )
        if not attempt.marked:
            self._young[attempt] = None
        if command.heartbeat is not None:
            self._watch(attempt)
        self._crew.put(attempt)

    async def _call(self, attempt: Attempt) -> None:
        command, context = attempt.command, attempt.context
        assert context is not None
        event: Event
        try:
            arguments = command.arguments
            if may_hold_marker(arguments):
                arguments, context.redaction = await reveal(self._secrets, arguments, command.vault)
            result = await self._registry.call(command.name, arguments, context)
            if context.redaction is not None:
                result = context.redaction.value(result)
            event = ActivityCompleted(self._clock.now(), command.frame, result)
        except asyncio.CancelledError:
            event = ActivityCancelled(self._clock.now(), command.frame)
        except KeyboardInterrupt:  # all is to end then
            raise
        except BaseException as raised:
            failure = failure_of(raised)
            error = failure.error if context.redaction is None else context.redaction.error(failure.error)
            event = ActivityFailed(self._clock.now(), command.frame, error, failure.retryable)
        self._end(attempt, event)

    def _left(self, attempt: Attempt) -> None:
        """An attempt needs its place no longer, nor its context: as a circle they would wait for a collection."""
        attempt.context = None
        self._lanes.leave(attempt)
        if self._lanes.waiting:
            self._launch_next()

    def _end(self, attempt: Attempt, event: Event) -> None:
        if not attempt.over:
            self._forget(attempt)
            self._ended(attempt, event)

    def _forget(self, attempt: Attempt) -> None:
        attempt.over = True
        if attempt.context is None:
            self._lanes.drop(attempt)
        self._young.pop(attempt, None)
        self._old.pop(attempt, None)
        self._live.pop((attempt.owner.key, attempt.command.frame), None)
        attempt.owner.attempts.discard(attempt.command.frame)
        if attempt.patience is not None:
            attempt.patience.cancel()
        if attempt.grace is not None:
            attempt.grace.cancel()

    def _stop(self, attempt: Attempt) -> None:
        if attempt.cancelled:
            return
        attempt.cancelled = True
        _cancel(attempt.patience)
        attempt.grace = _later(round(GRACE * SECOND), lambda: self._give_up(attempt))
        if attempt.context is not None and attempt.context.threaded:
            attempt.context.cancel()  # how the thread ends decides whether there is anything to undo
        else:
            self._interrupt(attempt)

    def _give_up(self, attempt: Attempt) -> None:
        self._end(attempt, ActivityCancelled(self._clock.now(), attempt.command.frame))
        self._interrupt(attempt)

    def _interrupt(self, attempt: Attempt) -> None:
        if attempt.context is not None:
            attempt.context.cancel()
        if attempt.task is not None:
            attempt.task.cancel()

    def _heard(self, attempt: Attempt, details: JSON) -> None:
        """A heartbeat, on the event loop."""
        if attempt.over:
            return
        if attempt.command.heartbeat is not None and not attempt.cancelled:
            self._watch(attempt)
        if details is not None:
            redaction = None if attempt.context is None else attempt.context.redaction
            self._beat(attempt, encode(details if redaction is None else redaction.value(details)))

    def _watch(self, attempt: Attempt) -> None:
        """Expect the next heartbeat within its timeout."""
        limit = attempt.command.heartbeat
        assert limit is not None
        _cancel(attempt.patience)
        attempt.patience = _later(limit, lambda: self._silent(attempt, limit))

    def _silent(self, attempt: Attempt, limit: int) -> None:
        message = f"no heartbeat within {format_duration(limit)}"
        self._end(attempt, _timeout(self._clock, attempt.command, message))
        self._interrupt(attempt)


def _later(span: int, action: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(span / SECOND, action)


def _cancel(handle: asyncio.TimerHandle | None) -> None:
    if handle is not None:
        handle.cancel()


def _timeout(clock: Clock, command: StartActivity, message: str) -> Event:
    error = {"type": "Timeout", "message": message, "details": None, "cause": None}
    return ActivityFailed(clock.now(), command.frame, error)
