"""The retry modifier: runs its child again after a failure, as often and as soon as the policy says.

Before a block is tried again, what its failed attempt completed is undone, and its steps' results are forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from perdure.core.blocks.undoing import undo
from perdure.core.events import Event
from perdure.core.frame import Frame, Wrapper
from perdure.core.outcomes import Failed, Outcome, Stopped
from perdure.core.turn import Turn
from perdure.errors import ExpressionError
from perdure.program import matches
from perdure.values import DAY, HOUR, SECOND

FIRST_DELAY: Final = SECOND
LONGEST_DELAY: Final = HOUR
JITTER: Final = 0.1


@dataclass(slots=True)
class RetryFrame(Wrapper):
    """`most` is the number of attempts allowed (None: no limit); `failure` the last one, while it undoes or sleeps."""

    attempt: int = 1
    most: int | None = None
    began: int = 0
    within: int | None = None
    backoff: str = "exponential"
    delay: int = FIRST_DELAY
    longest: int = LONGEST_DELAY
    factor: float = 2.0
    jitter: float = JITTER
    failure: Outcome | None = None
    undoing: bool = False
    since: int = 0

    waits = "retry"

    def enter(self, turn: Turn) -> None:
        node = self.node
        self.began = turn.state.now
        if node.attempts is not None:
            self.most = turn.whole(node.attempts, self, "retry.attempts", 1)
        if node.within is not None:
            self.within = turn.duration(node.within, self, "retry.within")
        if node.backoff is not None:
            self.backoff = turn.value(node.backoff, self)
            if self.backoff not in ("constant", "linear", "exponential"):
                raise ExpressionError(f"retry.backoff is constant, linear or exponential, not {self.backoff!r}")
        if node.delay is not None:
            self.delay = turn.duration(node.delay, self, "retry.delay")
        if node.max_delay is not None:
            self.longest = turn.duration(node.max_delay, self, "retry.max_delay")
        if node.factor is not None:
            self.factor = turn.number(node.factor, self, "retry.factor", 1, 1000)
        if node.jitter is not None:
            self.jitter = turn.number(node.jitter, self, "retry.jitter", 0, 1)
        self.child = turn.enter(node.child, self)

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        if self.undoing:
            self.undoing = False
            self._sleep(turn)
        elif isinstance(outcome, Failed):
            self._failed(turn, outcome)
        else:
            turn.finish(self, outcome)

    def handle(self, turn: Turn, event: Event) -> None:
        self.attempt += 1
        self.failure = None
        if self.node.whole:
            turn.start_over(self.attempt)
        if self.node.inner:
            kept = turn.state.home(self.scope).steps
            for id in self.node.inner:
                if kept is not None:
                    kept.pop(id, None)
        self.child = turn.enter(self.node.child, self)

    def cancel(self, turn: Turn) -> None:
        self.cancelling = True
        if self.due is not None:
            turn.stop(self)
        elif not self.undoing:
            turn.cancel(self.child)

    def reopen(self, turn: Turn, gap: int, *, anew: bool) -> None:
        Frame.reopen(self, turn, gap, anew=anew)
        self.began += gap
        self.since += gap

    def _failed(self, turn: Turn, outcome: Failed) -> None:
        error = outcome.error
        if self.cancelling or not self._again(turn, outcome):
            if error["attempt"] is None:
                outcome = Failed({**error, "attempt": self.attempt}, outcome.final)
            turn.finish(self, outcome)
            return
        self.failure = outcome
        if self.node.block and any(self.id in entry.within for entry in turn.state.undos):
            self.undoing = True
            self.child = undo(turn, self, boundary=self.id)
        else:
            self._sleep(turn)

    def _again(self, turn: Turn, outcome: Failed) -> bool:
        if self.most is not None and self.attempt >= self.most:
            return False
        if self.within is not None and turn.state.now - self.began + self._backoff() > self.within:
            return False
        type = outcome.error["type"]
        if type == "WorkerLost" and not self.node.block:
            return True
        return not outcome.final and matches(self.node.on, type) and not matches(self.node.excluded, type)

    def _sleep(self, turn: Turn) -> None:
        if self.cancelling:
            turn.finish(self, Stopped())
            return
        self.since = turn.state.now
        span = self._backoff() * (1 + self.jitter * (2 * turn.random() - 1))
        turn.set_timer(self, turn.state.now + min(round(span), self.longest))

    def _backoff(self) -> int:
        """The delay before the next attempt, in microseconds, before jitter."""
        if self.backoff == "constant":
            span: float = self.delay
        elif self.backoff == "linear":
            span = self.delay * self.attempt
        else:
            span = self.delay * self.factor ** min(self.attempt - 1, 100)
        return round(min(span, self.longest, 36_525 * DAY))
