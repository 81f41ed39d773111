"""The attempts at activities under virtual time: each is a fake's reply, which ends as it says, or as it is told to.

One that is queued is another worker's to make: it rests until it is taken, and outlives the process of its run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass

from perdure.core.commands import CancelActivity, StartActivity
from perdure.core.events import ActivityCancelled, AttemptQueued, AttemptStarted, Event
from perdure.testing import laws
from perdure.testing.activities import Call, End, Fake, Reply, reply
from perdure.testing.agenda import ENDS, Agenda
from perdure.values import format_duration


@dataclass(slots=True)
class Running:
    """An attempt on its way; `queued` once other workers have it, `called` once it has begun, `marked` once the run
    knows, `stopping` once it has been told to stop."""

    call: Call
    reply: Reply
    command: StartActivity
    queued: bool = False
    called: bool = False
    marked: bool = False
    stopping: bool = False


class Attempts:
    """Those of one run. `find` knows the fakes, `apply` takes the events; `calls` are all that were made."""

    def __init__(self, find: Callable[[str], Fake | None], agenda: Agenda, apply: Callable[[Event], None]) -> None:
        self._find = find
        self._agenda = agenda
        self._apply = apply
        self.calls: list[Call] = []
        self._running: dict[int, Running] = {}
        self._numbers: Counter[str] = Counter()
        self._keys: dict[str, int] = {}

    @property
    def addresses(self) -> list[str]:
        """Where attempts are on their way."""
        return [attempt.call.address for attempt in self._running.values()]

    def start(self, command: StartActivity) -> None:
        now, number = self._agenda.now, self._numbers[command.name]
        self._numbers[command.name] += 1
        laws.check_key(self._keys, command)
        call = Call(command.name, command.arguments, command.address, command.attempt, command.key, number, now)
        call.queue, call.priority = command.queue, command.priority
        attempt = Running(call, reply(self._find(command.name), call), command)
        self._running[command.frame] = attempt
        if attempt.reply.queued:
            self._agenda.later(now, ENDS, lambda: self._queue(attempt))
        else:
            self._begin(attempt)

    def stop(self, command: CancelActivity) -> None:
        now, attempt = self._agenda.now, self._running.get(command.frame)
        if attempt is None:
            self._agenda.later(now, ENDS, lambda: self._apply(ActivityCancelled(self._agenda.now, command.frame)))
        elif not attempt.called:
            attempt.stopping = True
            self._later(attempt, 0, lambda: self._end(attempt, ActivityCancelled, "stop"))
        elif attempt.reply.on_cancel != "ignore" and not attempt.stopping:
            attempt.stopping = True
            event = attempt.reply.stopped
            self._later(attempt, attempt.reply.cleanup, lambda: self._end(attempt, event, "stop"))

    def is_elsewhere(self, frame: int) -> bool:
        """Whether other workers have the attempt."""
        return frame in self._running and self._running[frame].queued

    def lose(self) -> Collection[int]:
        """The process has died: the frames whose attempts it made, and which were known to have begun."""
        lost = {frame: attempt for frame, attempt in self._running.items() if not attempt.queued}
        for frame, attempt in lost.items():
            del self._running[frame]
            self._ended(attempt.call, "lost")
        return [frame for frame, attempt in lost.items() if attempt.marked]

    def close(self) -> None:
        """The run has ended."""
        self._running.clear()

    def _queue(self, attempt: Running) -> None:
        """Other workers have the attempt, until one of them takes it."""
        if not self._is_here(attempt) or attempt.stopping:
            return
        attempt.queued = True
        self._later(attempt, attempt.reply.queued, lambda: self._take(attempt))
        self._apply(AttemptQueued(self._agenda.now, attempt.command.frame))

    def _take(self, attempt: Running) -> None:
        """Another worker takes the attempt, and makes it unless that is too late; the run of one whose wait is limited
        hears of it first."""
        limit = attempt.command.queue_timeout
        if not self._is_here(attempt) or attempt.stopping:
            return
        if limit is not None and attempt.reply.queued > limit:
            self._end(attempt, timeout(f"no worker was free within {format_duration(limit)}").event, "ignore")
            return
        self._begin(attempt)
        if limit is not None:
            self._mark(attempt)

    def _begin(self, attempt: Running) -> None:
        said, limit = attempt.reply, attempt.command.heartbeat
        attempt.called = True
        attempt.call.started_at = self._agenda.now
        self.calls.append(attempt.call)
        if not attempt.queued and (attempt.command.committed or said.after or said.hang):
            self._later(attempt, 0, lambda: self._mark(attempt))
        if limit is not None and said.falls_silent(limit):
            event = timeout(f"no heartbeat within {format_duration(limit)}").event
            self._later(attempt, limit, lambda: self._end(attempt, event, "ignore"))
        elif not said.hang:
            self._later(attempt, said.after, lambda: self._end(attempt, said.end.event, "ignore"))

    def _later(self, attempt: Running, span: int, action: Callable[[], None]) -> None:
        self._agenda.later(self._agenda.now + span, ENDS, action, lasting=attempt.queued)

    def _is_here(self, attempt: Running) -> bool:
        return self._running.get(attempt.command.frame) is attempt

    def _mark(self, attempt: Running) -> None:
        if self._is_here(attempt):
            attempt.marked = True
            self._apply(AttemptStarted(self._agenda.now, attempt.command.frame))

    def _end(self, attempt: Running, event: Callable[[int, int], Event], way: str) -> None:
        """An attempt ends, unless it is gone, or has been told to stop and ends by that."""
        frame = attempt.command.frame
        if not self._is_here(attempt) or (attempt.stopping and way == "ignore"):
            return
        del self._running[frame]
        happened = event(self._agenda.now, frame)
        self._ended(attempt.call, type(happened).__name__.removeprefix("Activity").lower())
        self._apply(happened)

    def _ended(self, call: Call, how: str) -> None:
        call.ended = how
        call.ended_at = self._agenda.now


def timeout(message: str) -> End:
    """How a call ends whose time in a queue, or without a heartbeat, is over."""
    return End(error={"type": "Timeout", "message": message})
