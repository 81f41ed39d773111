"""A fold that looks on: which steps ended in which event of a history, and where its error came from.

The machine moves as always; a turn of another kind notes what its frames say when they end. Whoever cuts a history, to
retry or to fork a run, asks here where. Knows no journal and no store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from perdure.core import machine
from perdure.core.blocks import BLOCKS
from perdure.core.blocks.modifiers import GuardFrame
from perdure.core.events import CancelRequested, Event, Migrated, RunStarted, TerminateRequested, TimerFired
from perdure.core.frame import Frame
from perdure.core.outcomes import Completed, Failed, Outcome, Stopped
from perdure.core.state import State
from perdure.core.turn import Turn
from perdure.errors import InternalError
from perdure.program import Program, place
from perdure.values import JSON

_HELD: Final = {
    block: tuple(found.name for found in fields(block) if "Outcome" in str(found.type)) for block in BLOCKS.values()
}
"""The fields in which a frame holds an outcome back."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A step has ended: its address with loop turns, how people name it, its id, and how: completed, skipped by its
    `if`, left by a `return` or `restart` inside, failed or cancelled."""

    address: str
    label: str
    id: str | None
    how: str

    @property
    def completed(self) -> bool:
        return self.how in ("completed", "skipped")


class WatchingTurn(Turn):
    """A turn that notes which steps end, and which errors arise in which frames."""

    __slots__ = ("arose", "ended")

    def __init__(self, program: Program, state: State, blocks: dict[type, type[Frame]]) -> None:
        super().__init__(program, state, blocks)
        self.ended: list[Ended] = []
        self.arose: list[tuple[int, dict[str, JSON]]] = []

    def finish(self, frame: Frame, outcome: Outcome) -> None:
        around = self.state.frames.get(frame.parent)
        if frame.keeps and around is not None and around.node.step != frame.node.step:
            step, turns = frame.node.step, self.state.turns(frame)
            label, id = self.program.label(step, turns), self.program.ids.get(step)
            self.ended.append(Ended(place(step, turns), label, id, _how(frame, outcome)))
        super().finish(frame, outcome)

    def fail(self, frame: Frame, error: dict[str, JSON], *, final: bool = False) -> None:
        super().fail(frame, error, final=final)
        self.arose.append((frame.id, error))


@dataclass(slots=True)
class Seen:
    """One event and what came of it; `index` counts from 0. The state is the live one: look, don't keep."""

    index: int
    event: Event
    program: Program
    state: State
    turn: WatchingTurn | None

    def completes(self, step: str) -> bool:
        """Whether a step of this name (id, address, or address with turns) has completed."""
        ended = () if self.turn is None else self.turn.ended
        return any(end.completed and step in (end.id, end.address, end.label) for end in ended)


def _how(frame: Frame, outcome: Outcome) -> str:
    match outcome:
        case Completed():
            return "skipped" if isinstance(frame, GuardFrame) and frame.child == 0 else "completed"
        case Failed():
            return "failed"
        case Stopped(returning=returning):
            return "left" if returning else "cancelled"


def watch(programs: Sequence[Program], events: Sequence[Event]) -> Iterator[Seen]:
    """Fold a history as `machine.fold` does, and tell of each event."""
    turns: list[WatchingTurn] = []

    def turn(program: Program, state: State, blocks: dict[type, type[Frame]]) -> WatchingTurn:
        turns.append(WatchingTurn(program, state, blocks))
        return turns[-1]

    following = iter(programs)
    program, state = next(following), None
    for index, event in enumerate(events):
        turns.clear()
        if isinstance(event, Migrated):
            program = next(following, program)
            state = machine.migrated(program, event)
        elif state is not None:
            machine.step(program, state, event, turn)
        elif isinstance(event, RunStarted):
            state, _ = machine.start(program, event, turn)
        else:
            raise InternalError("a history begins with RunStarted")
        yield Seen(index, event, program, state, turns[0] if turns else None)


def completion(programs: Sequence[Program], events: Sequence[Event], step: str) -> int | None:
    """The index of the event in which a step completed, the last one where it did so more than once."""
    return max((seen.index for seen in watch(programs, events) if seen.completes(step)), default=None)


def cause(programs: Sequence[Program], events: Sequence[Event]) -> int | None:
    """The index of the event that a run ended badly from: the cancellation or termination, or that from which its
    error arose. None where no event says why: it was ended from outside."""
    origins = Origins()
    last = None
    for seen in watch(programs, events):
        origins.note(seen)
        last = seen
    if last is None or last.state.outcome is None:
        return None
    if last.state.status == "failed":
        return origins.of(last.state.outcome["error"], last.index)
    wanted = TerminateRequested if last.state.status == "terminated" else CancelRequested
    return next((index for index, event in enumerate(events) if isinstance(event, wanted)), None)


class Origins:
    """In which event each error arose. An error that is held back, wrapped or counted stays the same one; the Timeout
    of a step arises when its time was up, not when all inside it had unwound."""

    def __init__(self) -> None:
        self._known: dict[Any, int] = {}
        self._fired: dict[int, int] = {}

    def note(self, seen: Seen) -> None:
        if isinstance(seen.event, TimerFired):
            self._fired[seen.event.frame] = seen.index
        for frame, error in () if seen.turn is None else seen.turn.arose:
            self._known[_name(error)] = self._fired.get(frame, seen.index)
        for error in _held(seen.state):
            self._known.setdefault(_name(error), seen.index)

    def of(self, error: JSON, otherwise: int) -> int:
        return self._known.get(_name(error), otherwise)


def _held(state: State) -> Iterator[JSON]:
    """Errors that frames will end with once they have unwound."""
    for frame in state.frames.values():
        for name in _HELD.get(type(frame), ()):
            outcome = getattr(frame, name)
            if isinstance(outcome, Failed):
                yield outcome.error
    if state.ending is not None and state.ending["way"] == "fail":
        yield state.ending["error"]


def _name(error: JSON) -> tuple[Any, ...]:
    return error["type"], error["message"], error["step"]
