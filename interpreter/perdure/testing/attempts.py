"""The attempts at activities under virtual time: each is a fake's reply, which ends as it says, or as it is told to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from perdure.core.commands import CancelActivity, StartActivity
from perdure.core.events import ActivityCancelled, AttemptStarted, Event
from perdure.testing import laws
from perdure.testing.activities import Call, Fake, Reply, reply
from perdure.testing.agenda import ENDS, Agenda


@dataclass(slots=True)
class Running:
    """An attempt on its way; `stopping` once it has been told to stop."""

    call: Call
    reply: Reply
    command: StartActivity
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
        self.calls.append(call)
        attempt = Running(call, reply(self._find(command.name), call), command)
        self._running[command.frame] = attempt
        if command.committed or attempt.reply.after or attempt.reply.hang:
            self._agenda.later(now, ENDS, lambda: self._mark(attempt))
        if not attempt.reply.hang:
            event = attempt.reply.end.event
            self._agenda.later(now + attempt.reply.after, ENDS, lambda: self._end(attempt, event, "ignore"))

    def stop(self, command: CancelActivity) -> None:
        now, attempt = self._agenda.now, self._running.get(command.frame)
        if attempt is None:
            self._agenda.later(now, ENDS, lambda: self._apply(ActivityCancelled(self._agenda.now, command.frame)))
        elif attempt.reply.on_cancel != "ignore" and not attempt.stopping:
            attempt.stopping = True
            event = attempt.reply.stopped
            self._agenda.later(now + attempt.reply.cleanup, ENDS, lambda: self._end(attempt, event, "stop"))

    def lose(self) -> Sequence[int]:
        """The process has died: the frames whose attempts were known to have begun."""
        lost, self._running = self._running, {}
        for attempt in lost.values():
            self._ended(attempt.call, "lost")
        return [frame for frame, attempt in lost.items() if attempt.marked]

    def close(self) -> None:
        """The run has ended."""
        self._running.clear()

    def _mark(self, attempt: Running) -> None:
        if self._running.get(attempt.command.frame) is attempt:
            attempt.marked = True
            self._apply(AttemptStarted(self._agenda.now, attempt.command.frame))

    def _end(self, attempt: Running, event: Callable[[int, int], Event], way: str) -> None:
        """An attempt ends, unless it is gone, or has been told to stop and ends by that."""
        frame = attempt.command.frame
        if self._running.get(frame) is not attempt or (attempt.stopping and way == "ignore"):
            return
        del self._running[frame]
        happened = event(self._agenda.now, frame)
        self._ended(attempt.call, type(happened).__name__.removeprefix("Activity").lower())
        self._apply(happened)

    def _ended(self, call: Call, how: str) -> None:
        call.ended = how
        call.ended_at = self._agenda.now
