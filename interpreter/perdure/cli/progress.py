"""What a run is doing and has done, step by step, as its events arrive: the model behind tree and plain lines.

Folds events as the machine does and watches which frames come and go. Knows no terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from perdure.cli.reaching import reached_by
from perdure.cli.wording import (
    Line,
    Step,
    awaited,
    failed_undo,
    has_chosen,
    of_the_run,
    rounded,
    timed_end,
    told_error,
)
from perdure.core import machine
from perdure.core.blocks import Undoing
from perdure.core.blocks.activity import ActivityFrame
from perdure.core.blocks.child import ChildFrame
from perdure.core.blocks.receive import ReceiveFrame
from perdure.core.events import (
    ActivityCompleted,
    ActivityFailed,
    AskAnswered,
    AttemptLost,
    CacheRead,
    ChildEnded,
    Delivered,
    Event,
    Migrated,
    RunStarted,
    SlotRefused,
    TimerFired,
    Undeliverable,
)
from perdure.core.outcomes import Completed, Failed
from perdure.program import Program, place
from perdure.values import format_duration

if TYPE_CHECKING:
    from perdure.core.frame import Frame

MOST_ENDED: Final = 2_000
"""Steps that have ended and are still remembered; older ones are only counted."""

WAITING: Final = frozenset({"wait", "select", "ask", "receive", "lock"})
LEAVES: Final = frozenset({"activity", "wait", "ask", "workflow", "send", "emit", "cancel"})
"""Kinds of steps that, where they end without a word, were cancelled."""


class Progress:
    """The steps of a run, in the order they began."""

    def __init__(self, program: Program, started: RunStarted) -> None:
        self.program = program
        self.steps: dict[str, Step] = {}
        self.dropped = 0
        self._places: dict[int, str] = {}
        self._undoing: set[int] = set()
        self._within_undo: set[int] = set()
        self._held: set[int] = set()
        self._receiving: dict[int, ReceiveFrame] = {}
        self._undone = 0
        self._not_undone = 0
        self._lines: list[Line] = []
        self.state, _ = machine.start(program, started)
        self._notice(started, [])

    def lines(self) -> list[Line]:
        """What has happened since they were last asked for."""
        told, self._lines = self._lines, []
        return told

    def advance(self, event: Event) -> list[Line]:
        """Take the next event of the journal."""
        reached = reached_by(event, self.state)
        ending = "completed"
        if isinstance(event, TimerFired) and reached and reached[0].waits in WAITING:
            ending = timed_end(reached[0], max(self.state.now, event.at))
        line = of_the_run(event, self.state.status)
        if line is not None:
            self._lines.append(line)
        machine.step(self.program, self.state, event)
        self._notice(event, reached, ending)
        return self.lines()

    def migrate(self, program: Program, event: Migrated) -> list[Line]:
        """Go on with another program; every frame is still there."""
        self.program, self.state = program, machine.migrated(program, event)
        self._receiving = {
            id: frame for id in self._receiving if isinstance(frame := self.state.frames[id], ReceiveFrame)
        }
        self._lines.append(Line("run", "migrated", f"to version {event.version or event.digest[:12]}"))
        self._notice(event, [])
        return self.lines()

    def questions(self) -> Iterator[str]:
        """The steps whose questions are open, as an answer names them."""
        for frame in self.state.frames.values():
            if frame.waits == "ask":
                yield self.program.label(frame.node.step, self.state.turns(frame))

    def refresh(self) -> None:
        """Bring what live steps are doing up to date."""
        for frame in self.state.frames.values():
            step = self.steps.get(self._places.get(frame.id, ""))
            if step is None or frame.waits is None or frame.id in self._held:
                continue
            step.attempt = getattr(frame, "attempt", step.attempt)
            step.since = getattr(frame, "since", step.since)
            if frame.waits == "retry":
                if frame.due is not None:
                    step.status, step.due = "retrying", frame.due
            elif frame.waits not in WAITING:
                step.status, step.due = "cancelling" if frame.cancelling else "running", None
            elif has_chosen(frame):
                step.status, step.due, step.note = "running", None, ""
            else:
                step.status, step.due, step.note = "waiting", frame.due, awaited(frame)

    # -- what an event has changed

    def _notice(self, event: Event, reached: list[Frame], ending: str = "completed") -> None:
        frames = self.state.frames
        gone = [frame for frame in self._places if frame not in frames]
        for frame in reached:
            self._tell(event, frame, ending)
        for id in gone:
            if id in self._receiving:
                self._received(self._receiving.pop(id))
        for id in gone:
            self._gone(id)
        self._begun()
        for id in sorted(frames.keys() - self._places.keys() - self._undoing):
            self._came(frames[id])
        self._undos()
        self._forget()

    def _came(self, frame: Frame) -> None:
        if isinstance(frame, Undoing):
            self._undoing.add(frame.id)
            return
        where = place(frame.node.step, self.state.turns(frame))
        self._places[frame.id] = where
        if frame.parent in self._undoing or frame.parent in self._within_undo:
            self._within_undo.add(frame.id)
        if not where:
            if frame.waits == "lock" and not has_chosen(frame):
                self._lines.append(Line("run", "waiting", f"for {awaited(frame)}"))
            return
        step = self.steps.get(where)
        if step is None:
            label = self.program.label(frame.node.step, self.state.turns(frame))
            step = self.steps[where] = Step(where, label, self.program.kinds[frame.node.step])
        if not step.frames:
            step.status, step.note = "running", ""
        step.frames += 1
        step.undoing = step.undoing or frame.parent in self._undoing
        step.since = step.since or self.state.now
        if frame.id in self.state.held:
            self._held.add(frame.id)
            step.status = "paused"
        else:
            self._begin(step, frame)

    def _begun(self) -> None:
        """Steps that a pause has held back until this event."""
        for id in sorted(self._held.difference(self.state.held)):
            self._held.discard(id)
            step = self.steps.get(self._places.get(id, ""))
            if step is not None:
                step.status = "running"
                self._begin(step, self.state.frames[id])

    def _begin(self, step: Step, frame: Frame) -> None:
        """The words for a frame that does something which takes its time."""
        if isinstance(frame, ReceiveFrame):
            self._receiving[frame.id] = frame
        if frame.waits in WAITING and not has_chosen(frame):
            step.status, step.note = "waiting", awaited(frame)
            self._lines.append(Line(step.label, "waiting", f"for {step.note}"))
        elif isinstance(frame, ChildFrame):
            step.note = f"run {frame.child}"
            self._lines.append(Line(step.label, "started", step.note))

    def _gone(self, id: int) -> None:
        step = self.steps.get(self._places.pop(id))
        if step is None:
            return
        step.frames -= 1
        if step.frames:
            return
        step.due = None
        step.undoing = False
        if step.status in ("running", "waiting", "retrying", "cancelling", "paused"):
            leaf = step.kind in LEAVES or step.status in ("waiting", "paused")
            step.status = "cancelled" if leaf else "ended"
            step.note = ""

    def _tell(self, event: Event, frame: Frame, ending: str) -> None:
        """The words for what an event does to a step, and the status the step has by it."""
        step = self.steps.get(self._places.get(frame.id, ""))
        if step is None:
            return
        match event:
            case ActivityCompleted() | Delivered():
                note = f"run {frame.child} goes on" if isinstance(frame, ChildFrame) else ""
                self._set(step, "completed", note, quiet=frame.id in self._within_undo)
            case ActivityFailed(error=error) | Undeliverable(error=error):
                self._failed(step, frame, told_error(error))
            case AttemptLost():
                self._failed(step, frame, "its worker was lost")
            case ChildEnded(status="completed"):
                self._set(step, "completed", quiet=frame.id in self._within_undo)
            case ChildEnded(error=error, status=status):
                self._failed(step, frame, f"its run {status}: {told_error(error or {})}")
            case CacheRead(found=True) if not frame.cancelling:
                self._set(step, "completed", "from the cache", quiet=frame.id in self._within_undo)
            case SlotRefused(reason=reason):
                self._failed(step, frame, reason)
            case AskAnswered(by=by):
                self._set(step, "completed", f"answered by {by}" if by else "answered")
            case _ if isinstance(frame, ReceiveFrame):
                pass
            case TimerFired() if frame.waits == "retry" and frame.id not in self.state.frames:
                step.status, step.note = "ended", ""  # its last attempt came and went with this event
            case _ if frame.waits in WAITING and frame.id not in self.state.frames:
                self._set(step, ending)
            case _ if has_chosen(frame):
                step.status, step.note = "running", ""

    def _received(self, frame: ReceiveFrame) -> None:
        """A receive is over; how, it has said itself. One that was cancelled is told like all that are."""
        step = self.steps.get(self._places.get(frame.id, ""))
        if step is None:
            return
        if isinstance(frame.closing, Completed):
            self._set(step, "completed")
        elif isinstance(frame.closing, Failed):
            self._failed(step, frame, told_error(frame.closing.error))

    def _failed(self, step: Step, frame: Frame, note: str) -> None:
        again = self._retry_of(step)
        if again is not None:
            step.note = note
            span = format_duration(rounded(max(again - self.state.now, 0)))
            self._lines.append(Line(step.label, "failed", f"{note}; trying again in {span}"))
        elif any(isinstance(found, ActivityFrame) for found in self._frames_of(step)):
            self._lines.append(Line(step.label, "running again", note))
        elif getattr(frame, "cancelling", False):
            self._set(step, "cancelled")
        else:
            self._set(step, "failed", note)

    def _set(self, step: Step, status: str, note: str = "", *, quiet: bool = False) -> None:
        step.status, step.note = status, note
        if not quiet:
            self._lines.append(Line(step.label, status, note))

    def _retry_of(self, step: Step) -> int | None:
        """When the step is tried again, if it is."""
        return next((found.due for found in self._frames_of(step) if found.waits == "retry" and found.due), None)

    def _frames_of(self, step: Step) -> Iterator[Frame]:
        for id, frame in self.state.frames.items():
            where = self._places.get(id)
            if where is None and not isinstance(frame, Undoing):
                where = place(frame.node.step, self.state.turns(frame))
            if where == step.place:
                yield frame

    def _undos(self) -> None:
        """Steps that have been undone by this event, or could not be."""
        by_label = None
        for label in self.state.undone[self._undone :]:
            by_label = by_label or {step.label: step for step in self.steps.values()}
            if label in by_label:
                by_label[label].status = "undone"
            self._lines.append(Line(label, "undone"))
        for entry in self.state.not_undone[self._not_undone :]:
            label, error = failed_undo(entry)
            by_label = by_label or {step.label: step for step in self.steps.values()}
            if label in by_label:
                by_label[label].status, by_label[label].note = "not undone", error
            self._lines.append(Line(label, "not undone", error))
        self._undone, self._not_undone = len(self.state.undone), len(self.state.not_undone)
        self._undoing &= self.state.frames.keys()
        self._within_undo &= self.state.frames.keys()

    def _forget(self) -> None:
        if len(self.steps) <= 2 * MOST_ENDED:
            return
        over = [where for where, step in self.steps.items() if not step.frames]
        for where in over[: len(over) - MOST_ENDED]:
            del self.steps[where]
            self.dropped += 1
