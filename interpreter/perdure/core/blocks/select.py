"""Deferred choice: the first thing to happen picks the arm, the others are withdrawn."""

from __future__ import annotations

from dataclasses import dataclass

from perdure.core.blocks.waiting import TriggerFrame
from perdure.core.frame import Frame
from perdure.core.outcomes import Outcome
from perdure.core.turn import Turn
from perdure.values import JSON


@dataclass(slots=True)
class SelectFrame(TriggerFrame):
    """In the chosen arm `message` is the payload."""

    child: int = 0

    waits = "select"

    def fired(self, turn: Turn, name: str, data: JSON) -> bool:
        self.withdraw(turn)
        scope = turn.new_scope(self.scope, {"message": data}, home=False)
        self.child = turn.enter(self.node.arms[name], self, scope=scope)
        return True

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        turn.drop_scope(child.scope)
        turn.finish(self, outcome)

    def cancel(self, turn: Turn) -> None:
        self.cancelling = True
        if self.child:
            turn.cancel(self.child)
        else:
            self.withdraw(turn)
            turn.stop(self)
