"""One turn: what a single event sets in motion, until nothing more can move.

The turn is what frames see of the machine. It keeps the work list, collects the commands, evaluates templates, and is
the ambient of expressions: the time is the event's, random numbers come from the run's seed.
"""

from __future__ import annotations

from collections import deque
from hashlib import sha256
from typing import Any, Final

from perdure.core.commands import (
    CancelTimer,
    CloseRun,
    Command,
    LeaveSlot,
    ReplyUpdate,
    StartTimer,
    WriteCache,
)
from perdure.core.frame import Frame
from perdure.core.lifecycle import follow
from perdure.core.outcomes import Completed, Failed, Outcome, Stopped, new_error
from perdure.core.state import ROOT_SCOPE, Scope, Signal, State
from perdure.errors import ExpressionError
from perdure.expressions import Expression, Template
from perdure.program import Program
from perdure.values import JSON, format_time, parse_duration

MOST_TRANSITIONS: Final = 1_000_000
"""Local transitions one event may cause: some seconds of work; an endless loop without a wait ends here."""

LASTING: Final = (ReplyUpdate, LeaveSlot, WriteCache)
"""Commands that a run's end does not make pointless: they concern others."""

ENTER: Final = 0
ENDED: Final = 1
CANCEL: Final = 2


class Turn:
    """The work of one event on one run."""

    __slots__ = ("blocks", "commands", "program", "state", "work")

    def __init__(self, program: Program, state: State, blocks: dict[type, type[Frame]]) -> None:
        self.program = program
        self.state = state
        self.blocks = blocks
        self.commands: list[Command] = []
        self.work: deque[tuple[int, Frame, Frame | None, Outcome | None]] = deque()

    # -- what frames say

    def enter(
        self, address: str, parent: Frame, *, scope: int | None = None, turn: tuple[str, int] | None = None
    ) -> int:
        """Bring a node to life under a parent; it runs after the present verb. The new frame's id."""
        node = self.program.nodes[address]
        inside = parent.scope if scope is None else scope
        frame = self.blocks[type(node)](self.next_id(), node, parent.id, inside)
        frame.turn = turn
        return self.admit(frame)

    def admit(self, frame: Frame) -> int:
        self.state.frames[frame.id] = frame
        self.work.append((ENTER, frame, None, None))
        return frame.id

    def enter_again(self, frame: Frame) -> None:
        """Let a frame enter that has put it off."""
        self.work.append((ENTER, frame, None, None))

    def complete(self, frame: Frame, value: JSON) -> None:
        self.finish(frame, Completed(value))

    def fail(self, frame: Frame, error: dict[str, JSON], *, final: bool = False) -> None:
        """End a frame with an error that arises here: it is given the frame's step."""
        if error["step"] is None:
            error["step"] = self.label(frame) or None
        self.finish(frame, Failed(error, final))

    def stop(self, frame: Frame) -> None:
        self.finish(frame, Stopped())

    def finish(self, frame: Frame, outcome: Outcome) -> None:
        """End a frame; its parent hears of it after the present verb."""
        state = self.state
        del state.frames[frame.id]
        if frame.due is not None:
            self.commands.append(CancelTimer(frame.id))
        if isinstance(outcome, Completed):
            node = frame.node
            if node.result is not None and frame.keeps:
                self.keep(frame.scope, node.result, outcome.value)
                if node.result in self.program.marks:
                    self._mark(frame, node.result)
        parent = state.frames.get(frame.parent)
        if parent is not None:
            self.work.append((ENDED, parent, frame, outcome))

    def cancel(self, frame: int) -> None:
        """Tell a frame to unwind, once; one that is gone or already unwinding is left alone."""
        found = self.state.frames.get(frame)
        if found is not None and not found.cancelling:
            self.work.append((CANCEL, found, None, None))

    def offer(self, signal: Signal, *, again: bool = False) -> bool:
        """Give a signal to the frame that has waited for it longest; False where none wants it. One that is offered
        `again`, in the middle of a turn, is not lost on frames that are about to be told to unwind."""
        for waiting in tuple(self.state.waiting.get(signal.signal, ())):
            if again and self._leaving(self.state.frames[waiting]):
                continue
            if self.state.frames[waiting].offer(self, signal.signal, signal.data):
                return True
        return False

    def _leaving(self, frame: Frame) -> bool:
        """Whether a cancellation is on its way to a frame."""
        told = {found.id for verb, found, _, _ in self.work if verb == CANCEL}
        current: Frame | None = frame
        while current is not None and not (current.cancelling or current.id in told):
            current = self.state.frames.get(current.parent)
            if current is not None and current.shields:
                return False
        return current is not None

    def hand_back(self, signals: list[Signal]) -> None:
        """Signals that a frame had taken and leaves unused: for others that wait, else kept in the order they came."""
        left = [signal for signal in signals if not self.offer(signal, again=True)]
        self.state.signals = sorted([*left, *self.state.signals], key=lambda signal: signal.at)

    def set_timer(self, frame: Frame, due: int) -> None:
        frame.due = due
        self.commands.append(StartTimer(frame.id, due))

    def clear_timer(self, frame: Frame) -> None:
        if frame.due is not None:
            frame.due = None
            self.commands.append(CancelTimer(frame.id))

    def keep(self, scope: int, id: str, value: JSON) -> None:
        """Note a step's result where expressions will look for it, if any does."""
        home = self.state.home(scope)
        if home.steps is not None and id in self.program.kept:
            home.steps[id] = value

    def _mark(self, frame: Frame, id: str) -> None:
        """Note the moment a rollback may go back to, and the member of a group it is confined to."""
        self.state.home(frame.scope).marks[id] = [self.state.counter, self.member(frame)]

    def member(self, frame: Frame) -> int:
        """The innermost member of a group, a branch or a turn, that a frame stands in; 0 outside any."""
        inner, around = frame, self.state.frames.get(frame.parent)
        while around is not None:
            if around.gathers:
                return inner.id
            inner, around = around, self.state.frames.get(around.parent)
        return 0

    def close(self, way: str, **result: JSON) -> None:
        """End the run: its status by the lifecycle, its outcome, and no frame is left."""
        state = self.state
        state.status = follow(state.status, way)
        state.outcome = {
            **result,
            "undone": state.undone,
            "not_undone": state.not_undone,
            "unread": [{"signal": s.signal, "data": s.data, "at": format_time(s.at)} for s in state.signals],
            "recorded": state.recorded,
            "published": state.published,
            "attempt": state.run["attempt"],
            **({} if state.begins is None else {"started_at": state.run["started_at"]}),
        }
        state.frames.clear()
        state.scopes.clear()
        state.undos.clear()
        state.waiting.clear()
        self.work.clear()
        lasting = [command for command in self.commands if isinstance(command, LASTING)]
        self.commands = [*lasting, CloseRun(state.status, state.outcome)]

    def start_over(self, attempt: int) -> None:
        """Another attempt of the whole run: variables begin anew, and `run.attempt` says which it is."""
        state = self.state
        state.run["attempt"] = attempt
        state.vars.clear()
        if self.program.vars is not None:
            state.vars.update(self.program.vars.evaluate(state.scopes[ROOT_SCOPE].names, self))

    # -- scopes

    def next_id(self) -> int:
        self.state.counter += 1
        return self.state.counter

    def new_scope(self, parent: int, bindings: dict[str, JSON], *, home: bool) -> int:
        """A scope inside another; `home` when results of steps in it are to stay inside."""
        scope = Scope(self.next_id(), parent, bindings, {} if home else None)
        self.state.add_scope(scope)
        return scope.id

    def drop_scope(self, scope: int) -> None:
        del self.state.scopes[scope]

    # -- evaluation; raises ExpressionError, which ends the frame whose verb runs

    def value(self, template: Template, frame: Frame) -> JSON:
        return template.evaluate(self.state.scopes[frame.scope].names, self)

    def expression(self, expression: Expression, scope: int) -> JSON:
        return expression.evaluate(self.state.scopes[scope].names, self)

    def holds(self, expression: Expression, scope: int) -> bool:
        return expression.holds(self.state.scopes[scope].names, self)

    def duration(self, template: Template, frame: Frame, what: str) -> int:
        """Microseconds."""
        value = self.value(template, frame)
        try:
            return parse_duration(value)
        except ValueError as problem:
            raise ExpressionError(f"{what}: {problem}") from None

    def whole(self, template: Template, frame: Frame, what: str, least: int) -> int:
        value = self.value(template, frame)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ExpressionError(f"{what} must be a whole number of at least {least}, not {value!r}")
        return value

    def number(self, template: Template, frame: Frame, what: str, least: float, most: float) -> float:
        value = self.value(template, frame)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ExpressionError(f"{what} must be a number from {least} to {most}, not {value!r}")
        return float(value)

    def label(self, frame: Frame) -> str:
        """How people name the frame's step."""
        return self.program.label(frame.node.step, self.state.turns(frame))

    # -- the ambient of expressions

    def now(self) -> int:
        return self.state.now

    def random(self) -> float:
        """In [0, 1), with 53 random bits, as random.random() gives."""
        return (int.from_bytes(self._draw()[:8], "big") >> 11) / (1 << 53)

    def uuid(self) -> str:
        """A random UUID (RFC 9562, version 4)."""
        number = int.from_bytes(self._draw()[:16], "big")
        number = number & ~(0xF << 76) & ~(0x3 << 62) | 0x4 << 76 | 0x2 << 62
        digits = f"{number:032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def _draw(self) -> bytes:
        self.state.draws += 1
        return sha256(f"{self.state.seed}/{self.state.draws}".encode()).digest()

    # -- the work list

    def settle(self) -> None:
        """Run transitions until nothing more can move."""
        work, state = self.work, self.state
        frames = state.frames
        budget = MOST_TRANSITIONS
        while work:
            verb, frame, child, outcome = work.popleft()
            if frames.get(frame.id) is not frame:
                continue
            if (state.held or state.status == "paused") and self._holds_back(frame, verb):
                continue
            budget -= 1
            if budget < 0 and self._exhausted(frame, verb):
                budget = MOST_TRANSITIONS
                continue
            try:
                if verb == ENTER:
                    frame.enter(self)
                elif verb == ENDED:
                    assert child is not None
                    assert outcome is not None
                    frame.child_done(self, child, outcome)
                elif not frame.cancelling:
                    frame.cancel(self)
            except ExpressionError as problem:
                self.fail(frame, new_error("ExpressionFailed", problem.message))

    def _holds_back(self, frame: Frame, verb: int) -> bool:
        """In a paused run nothing new begins; what has not begun can be cancelled without ado."""
        state = self.state
        if verb == ENTER and state.status == "paused":
            state.held.append(frame.id)
            return True
        if verb == CANCEL and frame.id in state.held:
            state.held.remove(frame.id)
            if frame.id == state.root:
                return False  # it has to end the run
            self.stop(frame)
            return True
        return False

    def _exhausted(self, frame: Frame, verb: int) -> bool:
        """The budget is used up: unwind the whole run, with a second budget for its undos; then refuse to enter."""
        state = self.state
        error = new_error("LimitExceeded", f"more than {MOST_TRANSITIONS:,} transitions without a wait")
        error["step"] = self.label(frame)
        if state.ending is None or state.ending["way"] != "fail":
            state.ending = {"way": "fail", "error": error}
            self.cancel(state.root)
            return True
        if verb == ENTER:
            self.finish(frame, Failed(error, final=True))
        return verb == ENTER

    def handle(self, frame: Frame, event: Any) -> None:
        try:
            frame.handle(self, event)
        except ExpressionError as problem:
            self.fail(frame, new_error("ExpressionFailed", problem.message))
