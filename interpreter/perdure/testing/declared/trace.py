"""How a run went: each step as it began and ended, and every part of the program that was reached.

A trace makes the turns that move a run, and they tell it what begins and ends; the machine does not know that it is
watched. `expectations` and `coverage` read it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from perdure.core.blocks.branch import BranchFrame
from perdure.core.blocks.foreach import ForeachFrame
from perdure.core.blocks.modifiers import DeadlineFrame, GuardFrame
from perdure.core.blocks.receive import ReceiveFrame
from perdure.core.blocks.repeat import RepeatFrame
from perdure.core.blocks.retry import RetryFrame
from perdure.core.blocks.undoing import Undoing
from perdure.core.blocks.waiting import PatientFrame
from perdure.core.frame import Frame
from perdure.core.outcomes import Completed, Failed, Outcome, Stopped
from perdure.core.state import State
from perdure.core.turn import Turn
from perdure.program import Program, matches, place
from perdure.program.nodes import Address, Sequence
from perdure.values import JSON


@dataclass(slots=True)
class StepTrace:
    """One step in one place of the loops around it, as it went the last time; `times` counts how often it began, and
    `latest` says when it did so last, as a place in the path."""

    step: Address
    status: str = "running"
    attempts: int = 0
    times: int = 0
    latest: int = 0
    output: JSON = None
    error: JSON = None


class Trace:
    """`steps` by label, the address with turns, in the order they first began in; `labels` has those of each step,
    `path` each time one began; `reached` counts what `coverage` asks for, by its name there."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.steps: dict[str, StepTrace] = {}
        self.labels: dict[Address, list[str]] = {}
        self.path: list[str] = []
        self.reached: Counter[str] = Counter()
        self._turns: Counter[int] = Counter()
        self._tops = {child for node in program.nodes.values() if isinstance(node, Sequence) for child in node.children}

    def turn(self, program: Program, state: State, blocks: dict[type, type[Frame]]) -> Turn:
        """A turn that tells this trace what happens in it."""
        return WatchedTurn(program, state, blocks, self)

    def began(self, frame: Frame, state: State) -> None:
        """A frame has come to life."""
        node = frame.node
        if isinstance(frame, Undoing):
            return
        self.reached[node.address] += 1
        if frame.turn is not None:
            self._turns[frame.parent] += 1
        if not node.step or (node.address != node.step and node.address not in self._tops):
            return
        label = place(node.step, state.turns(frame))
        if label not in self.steps:
            self.steps[label] = StepTrace(node.step)
            self.labels.setdefault(node.step, []).append(label)
        found = self.steps[label]
        if node.address in self._tops:
            found.status, found.attempts, found.output, found.error = "running", 0, None, None
            found.times += 1
            found.latest = len(self.path)
        if node.address == node.step:
            found.attempts += 1
            self.path.append(label)

    def ended(self, frame: Frame, outcome: Outcome, state: State) -> None:
        """A frame is about to end."""
        if isinstance(frame, Undoing):
            return
        for reached in _reached(frame, outcome, state.now, self._turns.pop(frame.id, 0)):
            self.reached[reached] += 1
        node = frame.node
        if node.address not in self._tops:
            return
        found = self.steps.get(place(node.step, state.turns(frame)))
        if found is not None:
            _conclude(found, frame, outcome)

    def lost(self) -> None:
        """The run is over: what still ran was torn off."""
        for found in self.steps.values():
            if found.status == "running":
                found.status = "cancelled"


class WatchedTurn(Turn):
    """A turn that tells a trace of every frame that begins and ends."""

    __slots__ = ("trace",)

    def __init__(self, program: Program, state: State, blocks: dict[type, type[Frame]], trace: Trace) -> None:
        super().__init__(program, state, blocks)
        self.trace = trace

    def admit(self, frame: Frame) -> int:
        id = super().admit(frame)
        self.trace.began(frame, self.state)
        return id

    def finish(self, frame: Frame, outcome: Outcome) -> None:
        self.trace.ended(frame, outcome, self.state)
        super().finish(frame, outcome)


def _conclude(found: StepTrace, frame: Frame, outcome: Outcome) -> None:
    match outcome:
        case Completed(value):
            found.status, found.output = "completed", value
            if isinstance(frame, GuardFrame) and not frame.child:
                found.status = "skipped"
                found.times -= 1
        case Failed(error):
            found.status, found.error = "failed", error
        case Stopped(returning, value):
            found.status, found.output = ("completed", value) if returning else ("cancelled", None)


def _reached(frame: Any, outcome: Outcome, now: int, turns: int) -> list[str]:
    """What the end of a frame shows to have been reached: names as in `coverage`."""
    address = frame.node.address
    match frame:
        case GuardFrame(child=0) if isinstance(outcome, Completed):
            return [f"{address}:skipped"]
        case BranchFrame(child=0) if isinstance(outcome, Completed):
            return [f"{address}:no arm"]
        case RetryFrame() if isinstance(outcome, Failed) and _exhausted(frame, outcome):
            return [f"{address}:exhausted"]
        case DeadlineFrame(expired=True, cancelling=False):
            return [f"{address}:timeout"]
        case ForeachFrame() | RepeatFrame() if turns or not isinstance(outcome, Failed):
            return [f"{address}:{'no turn' if not turns else 'one turn' if turns == 1 else 'more turns'}"]
        case ReceiveFrame() if frame.given or (isinstance(outcome, Failed) and outcome.error["type"] == "Timeout"):
            return [f"{address}:timeout"]
        case ReceiveFrame():
            return []
        case PatientFrame(deadline=int(deadline)) if deadline <= now and not isinstance(outcome, Stopped):
            return [f"{address}:timeout"]
    return []


def _exhausted(frame: RetryFrame, failure: Failed) -> bool:
    """Whether a retry has given up on an error that it would have tried again."""
    type, node = failure.error["type"], frame.node
    if frame.cancelling or failure.final or (frame.most is None and frame.within is None):
        return False
    return matches(node.on, type) and not matches(node.excluded, type)
