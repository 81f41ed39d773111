"""A call of an activity: one attempt. Trying again is the retry block's business, unless the worker died."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from perdure.core.blocks.queued import PRIORITY, QUEUE, priority_of, queue_of
from perdure.core.blocks.retry import RetryFrame
from perdure.core.blocks.undoing import Undoing
from perdure.core.commands import CancelActivity, Command, StartActivity
from perdure.core.events import (
    ActivityCancelled,
    ActivityCompleted,
    ActivityFailed,
    AttemptLost,
    AttemptQueued,
    AttemptStarted,
    Event,
    TimerFired,
)
from perdure.core.frame import Frame
from perdure.core.outcomes import Outcome, new_error
from perdure.core.turn import Turn
from perdure.errors import InternalError
from perdure.values import JSON, format_duration

MOST_LOSSES: Final = 10
"""Workers that one call may cost when it is made for the run of another; a run's own worker is counted by the host."""


@dataclass(slots=True)
class ActivityFrame(Frame):
    """`started` once a journalled mark says that the attempt runs; `queued` while other workers have it, with a timer
    until it is started, and `expired` once that was too late."""

    arguments: JSON = None
    attempt: int = 1
    started: bool = False
    since: int = 0
    queue: str | None = None
    priority: int = 0
    queue_timeout: int | None = None
    heartbeat: int | None = None
    queued: bool = False
    expired: bool = False

    waits = "activity"

    def enter(self, turn: Turn) -> None:
        node = self.node
        names = turn.state.scopes[self.scope].names
        self.arguments = node.arguments.evaluate(names, turn)
        retry = self._retry(turn)
        if retry is not None:
            self.attempt = retry.attempt
        self.queue = names.get(QUEUE) if node.queue is None else queue_of(turn, node.queue, self)
        self.priority = names.get(PRIORITY, 0) if node.priority is None else priority_of(turn, node.priority, self)
        if node.queue_timeout is not None:
            self.queue_timeout = turn.duration(node.queue_timeout, self, "timeout.queue")
        if node.heartbeat is not None:
            self.heartbeat = turn.duration(node.heartbeat, self, "timeout.heartbeat")
        self.since = turn.state.now
        turn.commands.append(self._start(turn, retry))

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        raise InternalError("an activity has no children")

    def handle(self, turn: Turn, event: Event) -> None:
        match event:
            case ActivityCompleted():
                turn.complete(self, event.result)
            case ActivityFailed() if self.cancelling:
                turn.stop(self)
            case ActivityFailed():
                self._failed(turn, event.error, final=not event.retryable)
            case ActivityCancelled():
                self._cancelled(turn)
            case AttemptQueued():
                self.queued = True
                if self.queue_timeout is not None:
                    turn.set_timer(self, turn.state.now + self.queue_timeout)
            case AttemptStarted():
                self.started = True
                turn.clear_timer(self)
            case AttemptLost():
                self._lost(turn)
            case TimerFired():
                self.expired = True
                turn.commands.append(CancelActivity(self.id))
            case _:
                pass

    def cancel(self, turn: Turn) -> None:
        self.cancelling = True
        turn.clear_timer(self)
        turn.commands.append(CancelActivity(self.id))

    def reopen(self, turn: Turn, gap: int, *, anew: bool) -> None:
        self.started = self.queued = self.expired = False
        self.due = None
        self.since = turn.state.now

    def outstanding(self, turn: Turn) -> Iterable[Command]:
        if self.cancelling or self.expired:
            yield CancelActivity(self.id)
        elif not self.queued:
            yield self._start(turn, self._retry(turn))

    def _start(self, turn: Turn, retry: RetryFrame | None) -> StartActivity:
        address = turn.program.label(self.node.step, turn.state.turns(self))
        return StartActivity(
            self.id,
            address,
            self.node.name,
            self.arguments,
            self.attempt,
            f"{turn.state.name}/{address}/{self._round(turn)}",
            self.id if retry is None else retry.id,
            retry is not None and retry.most == 1,
            self.queue,
            self.priority,
            self.queue_timeout,
            self.heartbeat,
            turn.state.secrets.key,
        )

    def _failed(self, turn: Turn, error: dict[str, JSON], *, final: bool = False) -> None:
        error = {**new_error("ActivityFailed", ""), **error, "step": None, "attempt": self.attempt}
        turn.fail(self, error, final=final)

    def _cancelled(self, turn: Turn) -> None:
        if self.cancelling:
            turn.stop(self)
        elif self.expired:
            limit = format_duration(self.queue_timeout or 0)
            self._failed(turn, new_error("Timeout", f"no worker was free within {limit}"))
        else:
            self._failed(turn, new_error("Cancelled", "the activity was cancelled by its worker"))

    def _lost(self, turn: Turn) -> None:
        if self.cancelling or self.expired:
            self._cancelled(turn)
        elif self._retry(turn) is not None or (self.queued and self.attempt >= MOST_LOSSES):
            self._failed(turn, new_error("WorkerLost", f"the worker was lost during attempt {self.attempt}"))
        else:
            self.attempt += 1
            self.started = self.queued = False
            turn.clear_timer(self)
            self.since = turn.state.now
            turn.commands.append(self._start(turn, None))

    def _retry(self, turn: Turn) -> RetryFrame | None:
        """The retry modifier of this very step."""
        frame = turn.state.frames.get(self.parent)
        while frame is not None and frame.node.step == self.node.step:
            if isinstance(frame, RetryFrame):
                return frame
            frame = turn.state.frames.get(frame.parent)
        return None

    def _round(self, turn: Turn) -> str:
        """Which attempt of the blocks around, and which undo this is: what is done anew is a new deed."""
        rounds: list[str] = []
        frames = turn.state.frames
        frame = frames.get(self.parent)
        while frame is not None:
            if type(frame) is RetryFrame and frame.node.block:
                rounds.append(str(frame.attempt))
            elif type(frame) is Undoing:
                rounds.append(f"u{frame.order}")
            frame = frames.get(frame.parent)
        return ".".join(reversed(rounds)) if rounds else "1"
