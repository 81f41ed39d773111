"""The small modifiers: `if`, `timeout`, and what follows on completion (`output`, `compensate`)."""

from __future__ import annotations

from dataclasses import dataclass

from perdure.core.blocks.queued import inherited
from perdure.core.events import Event
from perdure.core.frame import Frame, Wrapper
from perdure.core.outcomes import Completed, Failed, Outcome, Stopped, new_error
from perdure.core.state import Undo
from perdure.core.turn import Turn
from perdure.values import JSON, format_duration


@dataclass(slots=True)
class GuardFrame(Wrapper):
    """`if`: the step is skipped, with null as its result, unless the condition holds."""

    def enter(self, turn: Turn) -> None:
        if turn.holds(self.node.condition, self.scope):
            self.child = turn.enter(self.node.child, self)
        else:
            turn.complete(self, None)


@dataclass(slots=True)
class DeadlineFrame(Wrapper):
    """`timeout`: when it expires, what is inside is cancelled and Timeout raised once that has unwound."""

    limit: int = 0
    expired: bool = False

    def enter(self, turn: Turn) -> None:
        self.limit = turn.duration(self.node.limit, self, "timeout")
        turn.set_timer(self, turn.state.now + self.limit)
        self.child = turn.enter(self.node.child, self)

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        returning = isinstance(outcome, Stopped) and outcome.returning
        if self.expired and not self.cancelling and not returning:
            if isinstance(outcome, Failed):  # of a `finally`, say: Timeout takes its place, and nobody else hears of it
                turn.state.recorded.append(outcome.error)
            message = f"{self.node.of} timeout of {format_duration(self.limit)} passed"
            turn.fail(self, new_error("Timeout", message))
        else:
            turn.finish(self, outcome)

    def handle(self, turn: Turn, event: Event) -> None:
        self.expired = True
        turn.cancel(self.child)

    def reopen(self, turn: Turn, gap: int, *, anew: bool) -> None:
        if self.due is not None:
            self.due = turn.state.now + self.limit if anew else self.due + gap


@dataclass(slots=True)
class FinishFrame(Wrapper):
    """`output` replaces the result, then `compensate` registers the undo: both only on completion."""

    def enter(self, turn: Turn) -> None:
        self.child = turn.enter(self.node.child, self)

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        if not isinstance(outcome, Completed):
            turn.finish(self, outcome)
            return
        node = self.node
        value = outcome.value
        if node.output is not None:
            if node.own is not None:
                turn.keep(self.scope, node.own, value)
            value = turn.value(node.output, self)
        if node.undo is not None:
            if node.own is not None:
                turn.keep(self.scope, node.own, value)
            self._register(turn)
        turn.complete(self, value)

    def _register(self, turn: Turn) -> None:
        state = turn.state
        within = []
        frame: Frame | None = self
        while frame is not None:
            within.append(frame.id)
            frame = state.frames.get(frame.parent)
        turns = state.turns(self)
        label = turn.program.label(self.node.step, turns)
        state.undos.append(Undo(turn.next_id(), self.node.undo, label, turns, within, self._captured(turn)))

    def _captured(self, turn: Turn) -> dict[str, JSON]:
        """The undo's own copy of every name it reads, as the names stand now."""
        captures = self.node.captures
        names = turn.state.scopes[self.scope].names
        captured = {name: names[name] for name in captures.bindings if name in names} | inherited(names)
        if captures.steps:
            captured["steps"] = {id: names["steps"][id] for id in captures.steps}
        if captures.vars:
            captured["vars"] = dict(names["vars"])
        return captured
