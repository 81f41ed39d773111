"""A run of another definition, as a step: waited for, or let go and looked after until this run ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from perdure.core.blocks.lock import held_around
from perdure.core.commands import CancelChild, Command, StartChild
from perdure.core.events import ChildEnded, Delivered, Event, Undeliverable
from perdure.core.frame import Frame
from perdure.core.ids import refuse_id
from perdure.core.outcomes import Completed, new_error
from perdure.core.turn import Turn
from perdure.errors import ExpressionError
from perdure.values import JSON
from perdure.vault import holds_marker

DEEPEST: Final = 50
"""Runs inside runs: a recursion that goes deeper has lost its way."""


@dataclass(slots=True)
class ChildFrame(Frame):
    """`child` is the child's run id, made from this run's id, the step's address and the round."""

    child: str = ""
    input: JSON = None
    since: int = 0

    waits = "workflow"

    def enter(self, turn: Turn) -> None:
        if turn.state.depth >= DEEPEST:
            turn.fail(self, new_error("LimitExceeded", f"more than {DEEPEST} runs inside each other"))
            return
        node = self.node
        self.since = turn.state.now
        self.input = turn.value(node.input, self)
        self.child = self._own_id(turn, self.id)
        if node.id is not None:
            given = turn.value(node.id, self)
            problem = refuse_id(given)
            if problem is not None:
                raise ExpressionError(problem)
            self.child = given
        turn.state.children.append({"run": self.child, "closing": node.closing})
        turn.commands.append(self._start(turn))

    def handle(self, turn: Turn, event: Event) -> None:
        match event:
            case Delivered() if self.node.detach:
                if event.result not in (None, self.child):  # in a copied history: the original's child stays its own
                    self._see_off(turn)
                turn.complete(self, event.result or self.child)
            case Undeliverable():
                self._see_off(turn)
                turn.fail(self, {**new_error("ChildFailed", ""), **event.error, "step": None})
            case ChildEnded():
                self._see_off(turn)
                self._ended(turn, event)
            case _:
                pass

    def cancel(self, turn: Turn) -> None:
        self.cancelling = True
        if not self.node.detach:
            turn.commands.append(CancelChild(self.id, self.child))

    def reopen(self, turn: Turn, gap: int, *, anew: bool) -> None:
        self.since = turn.state.now
        if anew and self.node.id is None:
            before, self.child = self.child, self._own_id(turn, turn.next_id())
            for entry in turn.state.children:
                if entry["run"] == before:
                    entry["run"] = self.child

    def outstanding(self, turn: Turn) -> Iterable[Command]:
        yield self._start(turn)
        if self.cancelling and not self.node.detach:
            yield CancelChild(self.id, self.child)

    def _ended(self, turn: Turn, event: ChildEnded) -> None:
        if event.status == "completed":
            turn.finish(self, Completed(event.output))
        elif self.cancelling:
            turn.stop(self)
        else:
            details = {"run": self.child, "status": event.status}
            message = f"the run {self.child} {event.status}"
            turn.fail(self, new_error("ChildFailed", message, details=details, cause=event.error))

    def _own_id(self, turn: Turn, number: int) -> str:
        return f"{turn.state.name}/{turn.label(self)}/{number}"

    def _see_off(self, turn: Turn) -> None:
        turn.state.children = [entry for entry in turn.state.children if entry["run"] != self.child]

    def _start(self, turn: Turn) -> StartChild:
        node, state = self.node, turn.state
        holds = [] if node.detach else held_around(state, self)
        vault = state.secrets.key if holds_marker(self.input) else None
        depth = state.depth + 1
        return StartChild(self.id, node.workflow, self.input, self.child, depth, node.detach, holds, vault)
