"""Kinds that are done as soon as they begin, or only steer the run: set, return, fail, rollback, use."""

from __future__ import annotations

from dataclasses import dataclass

from perdure.core.blocks.undoing import undo
from perdure.core.frame import Frame, Wrapper
from perdure.core.outcomes import Completed, Outcome, Stopped, new_error
from perdure.core.turn import Turn
from perdure.errors import ExpressionError
from perdure.schemas import check_value
from perdure.values import encode


@dataclass(slots=True)
class SetFrame(Frame):
    """All values are computed before any is assigned."""

    def enter(self, turn: Turn) -> None:
        values = turn.value(self.node.values, self)
        turn.state.vars.update(values)
        turn.complete(self, values)


@dataclass(slots=True)
class ReturnFrame(Frame):
    """The run unwinds and then is completed with this value; of two at once the first counts."""

    def enter(self, turn: Turn) -> None:
        turn.finish(self, Stopped(True, turn.value(self.node.value, self)))


@dataclass(slots=True)
class FailFrame(Frame):
    def enter(self, turn: Turn) -> None:
        error = turn.value(self.node.error, self)
        type, message = error.get("type", "Failed"), error.get("message", "")
        if not isinstance(type, str) or not type:
            raise ExpressionError(f"fail.type must be a text, not {type!r}")
        text = message if isinstance(message, str) else encode(message).decode()
        turn.fail(self, new_error(type, text, details=error.get("details")))


@dataclass(slots=True)
class RollbackFrame(Wrapper):
    """Undoes what was registered since a step completed, within the member of a group that the step belongs to."""

    def enter(self, turn: Turn) -> None:
        to = self.node.to
        if to is None:
            self.child = undo(turn, self)
            return
        scope = turn.state.home(self.scope)
        while to not in scope.marks and scope.parent in turn.state.scopes:
            scope = turn.state.home(scope.parent)
        if to not in scope.marks:
            raise ExpressionError(f"rollback: step {to} has not completed, so there is nothing to go back to")
        after, boundary = scope.marks[to]
        self.child = undo(turn, self, boundary=boundary, after=after)

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        if self.cancelling:
            turn.stop(self)
        else:
            turn.complete(self, None)

    def cancel(self, turn: Turn) -> None:
        self.cancelling = True


@dataclass(slots=True)
class UseFrame(Wrapper):
    """A fragment's steps see their arguments as `input`, and keep their results to themselves."""

    def enter(self, turn: Turn) -> None:
        node = self.node
        arguments = turn.value(node.arguments, self)
        problems = [] if node.schema is None else check_value(node.schema, arguments)
        if problems:
            turn.fail(self, new_error("InvalidInput", "the fragment's input does not fit", details=problems))
            return
        scope = turn.new_scope(self.scope, {"input": arguments}, home=True)
        self.child = turn.enter(node.body, self, scope=scope)

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        try:
            if isinstance(outcome, Completed) and self.node.output is not None:
                names = turn.state.scopes[child.scope].names
                outcome = Completed(self.node.output.evaluate(names, turn))
        finally:
            turn.drop_scope(child.scope)
        turn.finish(self, outcome)
