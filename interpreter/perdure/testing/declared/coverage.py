"""What its tests have reached of a definition: steps, arms, skips, catches, last attempts, turns of loops, timeouts.

A point has a name, the same that a trace counts; `points` lists those of a program, with where each is written.
Timeouts of queues and of heartbeats are the host's, and are none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from perdure.core.events import SignalReceived, UpdateReceived
from perdure.program import Position, Program
from perdure.program.nodes import (
    Address,
    Ask,
    Branch,
    Catch,
    Deadline,
    Finally,
    Foreach,
    Guard,
    Node,
    Parallel,
    Receive,
    Repeat,
    Retry,
    Select,
    Wait,
)
from perdure.testing.declared.observed import Observed


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that a test can reach; `about` says it in words, `branch` whether it is a way out of a step."""

    name: str
    step: Address
    about: str
    position: Position
    branch: bool = True


@dataclass(slots=True)
class Coverage:
    """The points of one program, and how often each was reached."""

    program: Program
    points: tuple[Point, ...]
    reached: Counter[str]

    @classmethod
    def of(cls, program: Program) -> Coverage:
        return cls(program, tuple(points(program)), Counter())

    def missing(self) -> list[Point]:
        return [point for point in self.points if not self.reached[point.name]]

    @property
    def hits(self) -> int:
        return len(self.points) - len(self.missing())

    @property
    def percent(self) -> float:
        """Rounded down to a tenth, so that 100 means all of it."""
        return self.hits * 1000 // len(self.points) / 10 if self.points else 100.0


def points(program: Program) -> Iterator[Point]:
    """Every point of a program, by where it is written."""
    found: list[Point] = []
    for address, node in program.nodes.items():
        if address == node.step and node.step in program.kinds:
            found.append(_point(program, node, address, "begins", branch=False))
        lister = _LISTERS.get(type(node))
        if lister is not None:
            found += [_point(program, node, name, about) for name, about in lister(node)]
    yield from sorted(found, key=lambda point: (point.position.file, point.position.line, point.position.column))


def reached_by(run: Observed) -> Counter[str]:
    """The points that a run has reached, and how often."""
    reached = Counter(run.trace.reached)
    if run.refusal is not None:
        return reached
    unread = {entry["signal"] for entry in run.harness.outcome.get("unread", ())}
    heard = {event.signal for event in run.harness.journal if isinstance(event, SignalReceived)} - unread
    updated = {event.update for event in run.harness.journal if isinstance(event, UpdateReceived)}
    for node in run.harness.program.nodes.values():
        if isinstance(node, Receive) and reached[node.address]:
            for handler in node.handlers:
                if handler.body is None and handler.name in (updated if handler.update else heard):
                    reached[f"{node.address}:{handler.name}"] += 1
    return reached


def _point(program: Program, node: Node, name: str, about: str, *, branch: bool = True) -> Point:
    step = program.label(node.step) or "the run"
    return Point(name, node.step, f"{step} {about}", program.positions[node.step], branch)


# -- what each kind of node adds to the step itself: names and words


Listed = Iterable[tuple[str, str]]


def _guard(node: Guard) -> Listed:
    yield f"{node.address}:skipped", "is skipped"


def _branch(node: Branch) -> Listed:
    for arm in node.arms:
        what = "else" if arm.when is None and arm.case is None else f"when {arm.when.text}" if arm.when else arm.case
        yield arm.body, f"takes the arm {what}"
    if all(arm.when is not None or arm.case is not None for arm in node.arms):
        yield f"{node.address}:no arm", "takes no arm"


def _catch(node: Catch) -> Listed:
    for handler in node.handlers:
        yield handler.body, f"catches {', '.join(handler.errors)}"


def _retry(node: Retry) -> Listed:
    if node.attempts is not None or node.within is not None:
        yield f"{node.address}:exhausted", "fails at its last attempt"


def _deadline(node: Deadline) -> Listed:
    yield f"{node.address}:timeout", "times out" if node.of == "total" else "has an attempt that times out"


def _foreach(node: Foreach) -> Listed:
    turns = ("no turn", "one turn", "more turns")
    if node.items.constant:
        return
    for name in turns:
        yield f"{node.address}:{name}", f"has {name}"


def _repeat(node: Repeat) -> Listed:
    for name in ("no turn", "one turn", "more turns") if node.before is not None else ("one turn", "more turns"):
        yield f"{node.address}:{name}", f"has {name}"


def _parallel(node: Parallel) -> Listed:
    for name, lane in node.lanes.items():
        yield lane.body, f"takes the branch {name}"


def _finally(node: Finally) -> Listed:
    yield node.body, "is closed"


def _patience(node: Any) -> Listed:
    if node.patience.timeout is not None:
        yield f"{node.address}:timeout", "waits in vain"


def _select(node: Select) -> Listed:
    for trigger in node.triggers:
        what = trigger.signal or trigger.event or "its timer"
        yield node.arms[trigger.name], f"takes the arm of {what}"
    yield from _patience(node)


def _receive(node: Receive) -> Listed:
    for handler in node.handlers:
        what = "update" if handler.update else "signal"
        yield handler.body or f"{node.address}:{handler.name}", f"handles the {what} {handler.name}"
    yield from _patience(node)


_LISTERS: Final[Mapping[type, Callable[[Any], Listed]]] = {
    Guard: _guard,
    Branch: _branch,
    Catch: _catch,
    Retry: _retry,
    Deadline: _deadline,
    Foreach: _foreach,
    Repeat: _repeat,
    Parallel: _parallel,
    Finally: _finally,
    Wait: _patience,
    Ask: _patience,
    Select: _select,
    Receive: _receive,
}
