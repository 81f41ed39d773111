"""Undoing: runs registered compensations, newest first, one at a time.

Shielded: a cancellation meanwhile is remembered and the undoing goes on. An undo that finally fails is recorded, and
the rest still run. Always completes; its owner decides what follows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from perdure.core.frame import Frame
from perdure.core.outcomes import Completed, Failed, Outcome, new_error
from perdure.core.state import ROOT_SCOPE, Undo
from perdure.core.turn import Turn
from perdure.values import JSON


@dataclass(slots=True)
class Undoing(Frame):
    """Undoes what was registered inside the frame `boundary` after the counter stood at `after`; `label`, `turns` and
    `order` are those of the undo that runs."""

    boundary: int = 0
    after: int = 0
    child: int = 0
    label: str = ""
    order: int = 0
    turns: list[tuple[str, int]] = field(default_factory=list)

    keeps = False
    shields = True

    @property
    def stood_in(self) -> list[tuple[str, int]]:  # type: ignore[override]
        return self.turns

    def enter(self, turn: Turn) -> None:
        self._next(turn)

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        turn.drop_scope(child.scope)
        match outcome:
            case Completed():
                turn.state.undone.append(self.label)
            case Failed(error):
                turn.state.not_undone.append({"step": self.label, "error": failed_undo(self.label, error)})
            case _:
                error = new_error("CompensationFailed", "the undo was stopped")
                turn.state.not_undone.append({"step": self.label, "error": error})
        self._next(turn)

    def cancel(self, turn: Turn) -> None:
        self.cancelling = True

    def _next(self, turn: Turn) -> None:
        undos = turn.state.undos
        for index in range(len(undos) - 1, -1, -1):
            entry = undos[index]
            if entry.order <= self.after:
                break
            if self.boundary == 0 or self.boundary in entry.within:
                del undos[index]
                self._run(turn, entry)
                return
        turn.complete(self, None)

    def _run(self, turn: Turn, entry: Undo) -> None:
        self.label, self.order, self.turns = entry.label, entry.order, entry.turns
        bindings = dict(entry.captured)
        steps = bindings.pop("steps", {})
        scope = turn.new_scope(ROOT_SCOPE, bindings, home=True)
        own = turn.state.scopes[scope].steps
        assert own is not None
        own.update(steps)
        self.child = turn.enter(entry.body, self, scope=scope)


def undo(turn: Turn, owner: Frame, *, boundary: int = 0, after: int = 0) -> int:
    """Start undoing under an owner, which hears of its end as of any child's; the new frame's id."""
    frame = Undoing(turn.next_id(), owner.node, owner.id, owner.scope, boundary=boundary, after=after)
    return turn.admit(frame)


def failed_undo(step: str, error: JSON) -> JSON:
    message = f"the undo of {step} failed: {error['message']}"
    return {**new_error("CompensationFailed", message, cause=error), "step": step}
