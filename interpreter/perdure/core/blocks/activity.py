"""A call of an activity: one attempt. Trying again is the retry block's business, unless the worker died."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from perdure.core.blocks.retry import RetryFrame
from perdure.core.blocks.undoing import Undoing
from perdure.core.commands import CancelActivity, Command, StartActivity
from perdure.core.events import (
    ActivityCancelled,
    ActivityCompleted,
    ActivityFailed,
    AttemptLost,
    AttemptStarted,
    Event,
)
from perdure.core.frame import Frame
from perdure.core.outcomes import Outcome, new_error
from perdure.core.turn import Turn
from perdure.errors import InternalError
from perdure.values import JSON


@dataclass(slots=True)
class ActivityFrame(Frame):
    """`started` once a journalled mark says that the attempt runs."""

    arguments: JSON = None
    attempt: int = 1
    started: bool = False
    since: int = 0
    queue: int | None = None
    heartbeat: int | None = None

    waits = "activity"

    def enter(self, turn: Turn) -> None:
        node = self.node
        self.arguments = node.arguments.evaluate(turn.state.scopes[self.scope].names, turn)
        retry = self._retry(turn)
        if retry is not None:
            self.attempt = retry.attempt
        if node.queue is not None:
            self.queue = turn.duration(node.queue, self, "timeout.queue")
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
                if self.cancelling:
                    turn.stop(self)
                else:
                    self._failed(turn, new_error("Cancelled", "the activity was cancelled by its worker"))
            case AttemptStarted():
                self.started = True
            case AttemptLost():
                self._lost(turn)
            case _:
                pass

    def cancel(self, turn: Turn) -> None:
        self.cancelling = True
        turn.commands.append(CancelActivity(self.id))

    def reopen(self, turn: Turn, gap: int, *, anew: bool) -> None:
        self.started = False
        self.since = turn.state.now

    def outstanding(self, turn: Turn) -> Iterable[Command]:
        if self.cancelling:
            yield CancelActivity(self.id)
        else:
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
            committed=retry is not None and retry.most == 1,
            queue=self.queue,
            heartbeat=self.heartbeat,
        )

    def _failed(self, turn: Turn, error: dict[str, JSON], *, final: bool = False) -> None:
        error = {**new_error("ActivityFailed", ""), **error, "step": None, "attempt": self.attempt}
        turn.fail(self, error, final=final)

    def _lost(self, turn: Turn) -> None:
        if self.cancelling:
            turn.stop(self)
        elif self._retry(turn) is not None:
            self._failed(turn, new_error("WorkerLost", f"the worker was lost during attempt {self.attempt}"))
        else:
            self.attempt += 1
            self.started = False
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
        rounds = []
        frame = turn.state.frames.get(self.parent)
        while frame is not None:
            if isinstance(frame, RetryFrame) and frame.node.block:
                rounds.append(str(frame.attempt))
            elif isinstance(frame, Undoing):
                rounds.append(f"u{frame.order}")
            frame = turn.state.frames.get(frame.parent)
        return ".".join(reversed(rounds)) or "1"
