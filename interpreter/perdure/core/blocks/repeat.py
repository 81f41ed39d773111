"""A loop: turns one after another while a condition holds, or until one does, at most `max` of them."""

from __future__ import annotations

from dataclasses import dataclass

from perdure.core.frame import Frame, Wrapper
from perdure.core.outcomes import Completed, Outcome, Stopped, new_error
from perdure.core.turn import Turn
from perdure.values import JSON


@dataclass(slots=True)
class RepeatFrame(Wrapper):
    """`while` is tested before a turn, `until` after it, inside the turn's scope; both may read `index`."""

    number: int = 0
    most: int | None = None
    last: JSON = None

    def enter(self, turn: Turn) -> None:
        if self.node.most is not None:
            self.most = turn.whole(self.node.most, self, "repeat.max", 0)
        self._turn(turn)

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        if not isinstance(outcome, Completed):
            turn.drop_scope(child.scope)
            turn.finish(self, outcome)
            return
        self.last = outcome.value
        try:
            done = self.node.after is not None and turn.holds(self.node.after, child.scope)
        finally:
            turn.drop_scope(child.scope)
        self.number += 1
        if done:
            turn.complete(self, self.last)
        elif self.cancelling:
            turn.finish(self, Stopped())
        else:
            self._turn(turn)

    def _turn(self, turn: Turn) -> None:
        node = self.node
        scope = turn.new_scope(self.scope, {"index": self.number}, home=True)
        if not self._goes_on(turn, scope):
            turn.drop_scope(scope)
            turn.complete(self, self.last)
        elif self.most is not None and self.number >= self.most:
            turn.drop_scope(scope)
            turn.fail(self, new_error("LimitExceeded", f"more than {self.most} turns"))
        else:
            self.child = turn.enter(node.body, self, scope=scope, turn=(node.step, self.number))

    def _goes_on(self, turn: Turn, scope: int) -> bool:
        if self.node.before is None:
            return True
        try:
            return turn.holds(self.node.before, scope)
        except Exception:
            turn.drop_scope(scope)
            raise
