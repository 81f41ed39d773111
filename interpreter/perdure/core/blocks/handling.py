"""The modifiers that deal with a step's end: `catch` and `finally`."""

from __future__ import annotations

from dataclasses import dataclass

from perdure.core.blocks.undoing import Undoing, undo
from perdure.core.frame import Frame, Wrapper
from perdure.core.outcomes import Completed, Failed, Outcome, Stopped, new_error, with_cause
from perdure.core.turn import Turn
from perdure.errors import ExpressionError
from perdure.program import matches


@dataclass(slots=True)
class CatchFrame(Wrapper):
    """`caught` is the error an arm deals with, `arm` its number; a run's own cancellation is never caught."""

    caught: Outcome | None = None
    arm: int = -1
    undoing: bool = False

    def enter(self, turn: Turn) -> None:
        self.child = turn.enter(self.node.child, self)

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        if isinstance(child, Undoing):
            self.undoing = False
            if self.cancelling:
                turn.finish(self, Stopped())
            else:
                self._handle(turn)
        elif self.caught is not None:
            turn.drop_scope(child.scope)
            turn.finish(self, with_cause(outcome, self.caught))
        elif isinstance(outcome, Failed) and not self.cancelling:
            self._catch(turn, outcome)
        else:
            turn.finish(self, outcome)

    def cancel(self, turn: Turn) -> None:
        self.cancelling = True
        if not self.undoing:
            turn.cancel(self.child)

    def _catch(self, turn: Turn, failure: Failed) -> None:
        try:
            arm = self._matching(turn, failure)
        except ExpressionError as problem:
            error = new_error("ExpressionFailed", f"catch.if: {problem.message}", cause=failure.error)
            turn.fail(self, error)
            return
        if arm is None:
            turn.finish(self, failure)
            return
        self.caught = failure
        self.arm = arm
        if self.node.handlers[arm].compensate and any(self.id in entry.within for entry in turn.state.undos):
            self.undoing = True
            self.child = undo(turn, self, boundary=self.id)
        else:
            self._handle(turn)

    def _matching(self, turn: Turn, failure: Failed) -> int | None:
        for number, handler in enumerate(self.node.handlers):
            if not matches(handler.errors, failure.error["type"]):
                continue
            if handler.when is None:
                return number
            scope = self._scope(turn, number, failure)
            try:
                if turn.holds(handler.when, scope):
                    return number
            finally:
                turn.drop_scope(scope)
        return None

    def _handle(self, turn: Turn) -> None:
        assert isinstance(self.caught, Failed)
        scope = self._scope(turn, self.arm, self.caught)
        self.child = turn.enter(self.node.handlers[self.arm].body, self, scope=scope)

    def _scope(self, turn: Turn, arm: int, failure: Failed) -> int:
        bindings = {"error": failure.error}
        name = self.node.handlers[arm].name
        if name is not None:
            bindings[name] = failure.error
        return turn.new_scope(self.scope, bindings, home=False)


@dataclass(slots=True)
class FinallyFrame(Wrapper):
    """`held` is how the step ended while the closing steps run; these are shielded from cancellation. Their own
    failure replaces whatever was held, a `return` too."""

    held: Outcome | None = None

    @property
    def shields(self) -> bool:
        return self.held is not None

    def enter(self, turn: Turn) -> None:
        self.child = turn.enter(self.node.child, self)

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        if self.held is None:
            self.held = outcome
            self.child = turn.enter(self.node.body, self)
        elif isinstance(outcome, Completed):
            turn.finish(self, self.held)
        else:
            turn.finish(self, with_cause(outcome, self.held))

    def cancel(self, turn: Turn) -> None:
        self.cancelling = True
        if self.held is None:
            turn.cancel(self.child)
