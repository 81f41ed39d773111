"""A list of steps, run in order. It also waits for the losers that a group inside left running (`rest: finish`)."""

from __future__ import annotations

from dataclasses import dataclass, field

from perdure.core.frame import Frame
from perdure.core.outcomes import Completed, Failed, Outcome, Stopped
from perdure.core.turn import Turn


@dataclass(slots=True)
class SequenceFrame(Frame):
    """`current` is the address of the step that runs, so that an edit above it does not matter; `rest` are losers
    still running; `held` is what the list came to, while it waits for them."""

    current: str = ""
    child: int = 0
    rest: list[int] = field(default_factory=list)
    held: Outcome | None = None

    def enter(self, turn: Turn) -> None:
        children = self.node.children
        if children:
            self.current = children[0]
            self.child = turn.enter(self.current, self)
        else:
            turn.complete(self, None)

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        if child.id != self.child:
            self._straggler_done(turn, child, outcome)
            return
        if isinstance(outcome, Completed):
            node = self.node
            following = node.order[self.current] + 1
            if following < len(node.children):
                if self.cancelling:
                    self._end(turn, Stopped())
                    return
                self.current = node.children[following]
                self.child = turn.enter(self.current, self)
                return
        self._end(turn, outcome)

    def cancel(self, turn: Turn) -> None:
        self.cancelling = True
        turn.cancel(self.child)
        for straggler in self.rest:
            turn.cancel(straggler)

    def adopt(self, turn: Turn, straggler: Frame) -> None:
        """Take over a losing lane or turn of a group inside; this list will not end before it."""
        straggler.parent = self.id
        self.rest.append(straggler.id)
        if self.cancelling:
            turn.cancel(straggler.id)

    def _straggler_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        self.rest.remove(child.id)
        if child.scope != self.scope:
            turn.drop_scope(child.scope)
        if isinstance(outcome, Failed):
            turn.state.recorded.append(outcome.error)
        elif isinstance(outcome, Stopped) and outcome.returning:
            self._return_from(turn, outcome)
        if self.held is not None and not self.rest and not self.child:
            turn.finish(self, self.held)

    def _return_from(self, turn: Turn, outcome: Stopped) -> None:
        """A straggler has met a `return`: the whole run is ending, whatever the list itself comes to."""
        self.cancel(turn)
        if not isinstance(self.held, Stopped) or not self.held.returning:
            self.held = outcome

    def _end(self, turn: Turn, outcome: Outcome) -> None:
        self.child = 0
        if self.held is not None:
            outcome = self.held
        if not self.rest:
            turn.finish(self, outcome)
            return
        self.held = outcome
        if not isinstance(outcome, Completed):
            for straggler in self.rest:
                turn.cancel(straggler)
