"""The root frame: runs the document, then undoes what a failure or a cancellation leaves behind, then ends the run."""

from __future__ import annotations

from dataclasses import dataclass

from perdure.core.blocks.undoing import Undoing, undo
from perdure.core.events import Event
from perdure.core.frame import Frame, Wrapper
from perdure.core.lifecycle import follow
from perdure.core.outcomes import Completed, Failed, Outcome, Stopped, new_error
from perdure.core.turn import Turn
from perdure.errors import ExpressionError
from perdure.schemas import check_value
from perdure.values import format_time


@dataclass(slots=True)
class RunFrame(Wrapper):
    """`verdict` is what the document came to, kept while undos run."""

    verdict: Outcome | None = None

    def enter(self, turn: Turn) -> None:
        begins = turn.state.begins
        if begins is not None and turn.state.now < begins:
            turn.set_timer(self, begins)
            return
        self._begin(turn)
        if turn.state.ending is not None:
            self._conclude(turn, Stopped())
        else:
            self.child = turn.enter(self.node.child, self)

    def handle(self, turn: Turn, event: Event) -> None:
        """Its time has come."""
        turn.enter_again(self)

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        if isinstance(child, Undoing):
            self._close(turn)
        else:
            self._conclude(turn, outcome)

    def cancel(self, turn: Turn) -> None:
        self.cancelling = True
        if self.child == 0:
            turn.clear_timer(self)
            self._conclude(turn, Stopped())
        elif self.verdict is None:
            turn.cancel(self.child)

    def _begin(self, turn: Turn) -> None:
        """The moment from which the run counts as begun: its variables come to be."""
        state, program = turn.state, turn.program
        if state.status == "scheduled":
            state.status = follow(state.status, "begin")
        if state.begins is not None:
            state.run["started_at"] = format_time(state.now)
        try:
            if program.vars is not None:
                state.vars.update(program.vars.evaluate(state.names(self.scope), turn))
        except ExpressionError as problem:
            state.ending = {"way": "fail", "error": new_error("ExpressionFailed", f"vars: {problem.message}")}

    def _conclude(self, turn: Turn, outcome: Outcome) -> None:
        self.verdict = self._judge(turn, outcome)
        restarts = isinstance(self.verdict, Stopped) and self.verdict.restarting
        if isinstance(self.verdict, Completed) or restarts or not turn.state.undos:
            self._close(turn)
        else:
            self.child = undo(turn, self)

    def _judge(self, turn: Turn, outcome: Outcome) -> Outcome:
        """What the run comes to, from what its document came to and why it was ending."""
        ending = turn.state.ending
        if ending is not None and ending["way"] == "fail":
            return Failed(ending["error"])
        if isinstance(outcome, Stopped) and outcome.restarting:
            return outcome
        if isinstance(outcome, Stopped) and outcome.returning:
            outcome = Completed(outcome.value)
        elif ending is not None:
            if isinstance(outcome, Failed):
                turn.state.recorded.append(outcome.error)
            return Stopped()
        if isinstance(outcome, Completed) and turn.program.output_schema is not None:
            problems = check_value(turn.program.output_schema, outcome.value)
            if problems:
                return Failed(new_error("InvalidOutput", "the output does not fit output_schema", details=problems))
        return outcome

    def _close(self, turn: Turn) -> None:
        match self.verdict:
            case Completed(value):
                turn.close("complete", output=value)
            case Failed(error):
                turn.close("fail", error=error)
            case Stopped(restarting=True, value=input):
                turn.close("continue", input=input)
            case _:
                reason = (turn.state.ending or {}).get("reason")
                turn.close("cancel", error=new_error("Cancelled", reason or "the run was cancelled"))
