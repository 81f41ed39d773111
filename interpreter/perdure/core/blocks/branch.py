"""Exclusive choice: the first arm that holds, or the arm whose case equals the value."""

from __future__ import annotations

from dataclasses import dataclass

from perdure.core.frame import Wrapper
from perdure.core.turn import Turn
from perdure.errors import ExpressionError
from perdure.program.nodes import Arm
from perdure.values import JSON, encode


@dataclass(slots=True)
class BranchFrame(Wrapper):
    """Ends with the arm's result; with null when no arm holds."""

    def enter(self, turn: Turn) -> None:
        arm = self._matching(turn)
        if arm is None:
            turn.complete(self, None)
        else:
            self.child = turn.enter(arm.body, self)

    def _matching(self, turn: Turn) -> Arm | None:
        node = self.node
        spelling = None if node.on is None else spelled(turn.expression(node.on, self.scope))
        for arm in node.arms:
            if arm.when is not None:
                if turn.holds(arm.when, self.scope):
                    return arm  # type: ignore[no-any-return]
            elif arm.case is None or arm.case == spelling:
                return arm  # type: ignore[no-any-return]
        return None


def spelled(value: JSON) -> str:
    """How a case key spells a value: texts as they are, numbers, booleans and null as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        raise ExpressionError("branch.on must be a text, a number, a boolean or null")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return encode(value).decode()
