"""`queue` and `priority`: which workers make the calls of a step, and in which order.

What a block says holds for the activities inside it, its undos too, so it is a name of their scope, one that no
expression can spell. Which queues there are is the host's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from perdure.core.frame import Frame, Wrapper
from perdure.core.outcomes import Outcome
from perdure.core.turn import Turn
from perdure.errors import ExpressionError
from perdure.expressions import Template
from perdure.program.queues import MOST_PRIORITY, QUEUE_NAME
from perdure.values import JSON

QUEUE: Final = "~queue"
PRIORITY: Final = "~priority"
INHERITED: Final = (QUEUE, PRIORITY)
"""The names under which scopes hand down what a block around them says."""
_NAME: Final = re.compile(QUEUE_NAME)


@dataclass(slots=True)
class QueuedFrame(Wrapper):
    """Everything of the step but its `if` stands in a scope that says so."""

    def enter(self, turn: Turn) -> None:
        node = self.node
        bindings: dict[str, JSON] = {}
        if node.queue is not None:
            bindings[QUEUE] = queue_of(turn, node.queue, self)
        if node.priority is not None:
            bindings[PRIORITY] = priority_of(turn, node.priority, self)
        scope = turn.new_scope(self.scope, bindings, home=False)
        self.child = turn.enter(node.child, self, scope=scope)

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        turn.drop_scope(child.scope)
        turn.finish(self, outcome)


def queue_of(turn: Turn, template: Template, frame: Frame) -> str:
    """The queue a template names. Raises ExpressionError."""
    value = turn.value(template, frame)
    if not isinstance(value, str) or _NAME.fullmatch(value) is None:
        raise ExpressionError(f"queue must be a name such as mail or eu/gpu-2, not {_short(value)}")
    return value


def priority_of(turn: Turn, template: Template, frame: Frame) -> int:
    """The priority a template gives. Raises ExpressionError."""
    value = turn.value(template, frame)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MOST_PRIORITY:
        raise ExpressionError(
            f"priority must be a whole number from -{MOST_PRIORITY:,} to {MOST_PRIORITY:,}, not {_short(value)}"
        )
    return value


def inherited(names: Mapping[str, Any]) -> dict[str, JSON]:
    """What blocks around a step say, for what will run outside them."""
    return {name: names[name] for name in INHERITED if name in names}


def _short(value: JSON) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:59]}…"
