"""What parallel and foreach share: members that run side by side, and the joining of their ends.

A group runs until its join is decided; then it settles: members still running are cancelled, and wait is until all
of them have cleaned up. Losers, the members left over once the join is met, undo at once what they had completed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from perdure.core.blocks.sequence import SequenceFrame
from perdure.core.blocks.undoing import Undoing, undo
from perdure.core.frame import Frame
from perdure.core.outcomes import Completed, Failed, Outcome, Stopped, new_error
from perdure.core.turn import Turn
from perdure.errors import ExpressionError
from perdure.program.nodes import Joining
from perdure.values import JSON


@dataclass(slots=True)
class GroupFrame(Frame):
    """Members have keys: branch names, or indexes as text. `members` maps the frames alive to keys; `wanted` is the
    number of successes that meet the join (None: all); `spared` the failures allowed (None: see the join)."""

    members: dict[str, str] = field(default_factory=dict)
    values: dict[str, JSON] = field(default_factory=dict)
    errors: dict[str, JSON] = field(default_factory=dict)
    total: int = 0
    wanted: int | None = None
    spared: int | None = None
    collect: bool = False
    decided: Outcome | None = None

    gathers = True

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        key = self.members.pop(str(child.id))
        if isinstance(outcome, Stopped) and outcome.returning:
            self._decide(turn, outcome)
        if not isinstance(child, Undoing):
            if self.decided is None:
                self._record(turn, key, outcome)
                self.release(turn, key, child)
            else:
                self.release(turn, None, child)
                self._lost(turn, key, child, outcome)
        self.advance(turn)

    def cancel(self, turn: Turn) -> None:
        self.cancelling = True
        self._decide(turn, Stopped())
        self.advance(turn)

    # -- what the two kinds differ in

    def joining(self) -> Joining:
        return self.node.joining  # type: ignore[no-any-return]

    def more(self, turn: Turn) -> bool:
        """Start members as far as there is room; whether any are still to come."""
        raise NotImplementedError

    def release(self, turn: Turn, key: str | None, member: Frame) -> None:
        """Drop what the group made for a member that has ended; `key` is None where the member does not count."""
        raise NotImplementedError

    def result(self, turn: Turn) -> JSON:
        """The group's value, from what its members came to."""
        raise NotImplementedError

    def describe(self, key: str) -> dict[str, JSON]:
        """How `details` names a member: {branch} or {index}."""
        raise NotImplementedError

    def ended(self, turn: Turn, outcome: Outcome) -> None:
        """The group is about to end."""

    # -- joining

    def prepare(self, turn: Turn, total: int) -> None:
        """Read the join's terms, once, on entry."""
        joining = self.joining()
        self.total = total
        self.collect = joining.collect or joining.tolerate is not None
        if joining.join is not None:
            self.wanted = _wanted(turn.value(joining.join, self))
        if joining.tolerate is not None:
            self.spared = _tolerated(turn.value(joining.tolerate, self), total)

    def advance(self, turn: Turn) -> None:
        """Start what can start, and end once all is decided and cleaned up."""
        if self.decided is None and not self._hopeless(turn) and not self.more(turn) and not self.members:
            self.decided = Completed(None)
        if self.decided is None or self.members:
            return
        outcome = self.decided
        if isinstance(outcome, Completed):
            outcome = Completed(self.result(turn))
        self.ended(turn, outcome)
        turn.finish(self, outcome)

    def outcome_of(self, key: str) -> JSON:
        """One member's part of a result that collects."""
        if key in self.values:
            return {"ok": True, "value": self.values[key]}
        if key in self.errors:
            return {"ok": False, "error": self.errors[key]}
        return {"ok": False, "error": new_error("Cancelled", "the join was met without it")}

    def _record(self, turn: Turn, key: str, outcome: Outcome) -> None:
        match outcome:
            case Completed(value):
                self.values[key] = value
                if self.wanted is not None and len(self.values) >= self.wanted:
                    self._decide(turn, Completed(None))
            case Failed(error):
                self.errors[key] = error
                if self.wanted is None and not self.collect:
                    self._decide(turn, outcome)
            case _:
                self._decide(turn, outcome)

    def _hopeless(self, turn: Turn) -> bool:
        """Give up as soon as the join can no longer be met."""
        failed = len(self.errors)
        if self.spared is not None and failed > self.spared:
            problem = f"{failed} of {self.total} failed, {self.spared} tolerated"
        elif self.wanted is not None and self.total - failed < self.wanted:
            problem = f"{self.wanted} of {self.total} had to succeed, {failed} failed"
        else:
            return False
        details = [{**self.describe(key), "error": error} for key, error in self.errors.items()]
        cause = details[-1]["error"] if details else None
        error = new_error("JoinFailed", f"the join cannot be met: {problem}", details=details, cause=cause)
        error["step"] = turn.label(self)
        self._decide(turn, Failed(error))
        return True

    def _decide(self, turn: Turn, outcome: Outcome) -> None:
        """The first decision stands, but a cancellation overrules a success, and a `return` everything."""
        decided = self.decided
        if isinstance(decided, Stopped) and decided.returning:
            return
        if decided is not None and not isinstance(outcome, Stopped):
            return
        if isinstance(decided, Failed):
            turn.state.recorded.append(decided.error)
        self.decided = outcome
        if isinstance(outcome, Completed) and self.joining().finish:
            self._leave_rest(turn)
        for member in self.members:
            turn.cancel(int(member))

    def _leave_rest(self, turn: Turn) -> None:
        """`rest: finish`: the block around this step waits for the losers; the next step does not."""
        block = turn.state.frames[self.parent]
        while not isinstance(block, SequenceFrame):
            block = turn.state.frames[block.parent]
        for member in tuple(self.members):
            frame = turn.state.frames.get(int(member))
            if frame is not None:  # one that ended in this very turn is heard of here
                block.adopt(turn, frame)
                del self.members[member]

    def _lost(self, turn: Turn, key: str, member: Frame, outcome: Outcome) -> None:
        """A member has ended after the decision. Nobody is told of its error any more, so that is recorded; a loser
        undoes what it had completed, unless losers may finish."""
        if isinstance(outcome, Failed):
            turn.state.recorded.append(outcome.error)
        if not isinstance(self.decided, Completed) or self.joining().finish:
            return
        if any(member.id in entry.within for entry in turn.state.undos):
            self.members[str(undo(turn, self, boundary=member.id))] = key


def _wanted(value: JSON) -> int | None:
    if value == "all":
        return None
    if value == "any":
        return 1
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise ExpressionError(f"join is all, any or a whole number of at least 1, not {value!r}")


def _tolerated(value: JSON, total: int) -> int:
    """How many failures are allowed; a share of the total is rounded down, so the boundary is tolerated."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.endswith("%"):
        try:
            share = float(value[:-1])
        except ValueError:
            share = -1
        if 0 <= share <= 100:
            return int(total * share / 100)
    raise ExpressionError(f"tolerate is a whole number or a share such as 10%, not {value!r}")
