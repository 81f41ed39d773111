"""Timers on their way to a run: one that would withdraw an open question waits until nobody can answer it any more.

An answer is acknowledged as soon as it is a letter. So the question's row goes first, by a commit of its own; then the
letters are read once more, and an answer among them comes before the timer. What the timer would withdraw shows on a
copy of the state. Knows neither store nor clock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from perdure.core import State, machine, outstanding, wire
from perdure.core.blocks.ask import AskFrame
from perdure.core.commands import CloseAsk, CloseRun, OpenAsk
from perdure.core.events import Event, TimerFired
from perdure.core.lifecycle import ENDED
from perdure.engine.live import LiveRun
from perdure.program import Program
from perdure.program.nodes import Ask


class Deadlines:
    """The timers of the worker's `runs`. `advance` moves a run by an event, `note` asks for what was decided to be
    written, `hear_answers` lets answers count that a paused run keeps for later, `failed` is told of faults."""

    def __init__(
        self,
        runs: Mapping[int, LiveRun],
        advance: Callable[[LiveRun, Event], None],
        note: Callable[[LiveRun], None],
        hear_answers: Callable[[LiveRun, Collection[int]], None],
        failed: Callable[[LiveRun, Exception], None],
    ) -> None:
        self._runs = runs
        self._advance = advance
        self._note = note
        self._hear_answers = hear_answers
        self._failed = failed
        self._withdrawn: list[LiveRun] = []
        self._asking: dict[str, bool] = {}

    @property
    def withdrawn(self) -> int:
        """How many runs have put off timers that can fire once all letters have been read again."""
        return len(self._withdrawn)

    def written(self, run: LiveRun) -> bool:
        """A commit of the run is durable; whether its letters are to be read again because of that."""
        waits = run.withdrawing and run not in self._withdrawn
        if waits:
            self._withdrawn.append(run)
        return waits

    def fire(self, withdrawn: int, timers: Iterable[tuple[LiveRun, int, int]], now: int) -> None:
        """Let timers, (run, frame, due), fire, and before them those put off by so many runs as were `withdrawn` before
        the letters were read."""
        again, self._withdrawn = self._withdrawn[:withdrawn], self._withdrawn[withdrawn:]
        due: dict[LiveRun, list[tuple[int, int]]] = {run: [] for run in again}
        for run in again:
            run.withdrawing = False
        for run, frame, moment in timers:
            due.setdefault(run, []).append((frame, moment))
        for run, found in due.items():
            if self._runs.get(run.key) is run and not run.parking:
                run.late.extend(found)
                try:
                    self._fire(run, now)
                except Exception as problem:
                    self._failed(run, problem)

    def _fire(self, run: LiveRun, now: int) -> None:
        if not self._may_ask(run.program):
            self._let_fire(run, now)
        elif not run.decided.besides.withdrawn and not run.withdrawing:
            self._fire_late(run, now)

    def _fire_late(self, run: LiveRun, now: int) -> None:
        """See first whether a question would go that can still be answered."""
        threatened = _withdrawn_by(run, _due(run, now))
        if run.deferred:
            self._hear_answers(run, threatened)
            threatened = _withdrawn_by(run, _due(run, now))
        if threatened <= run.withdrawn:
            self._let_fire(run, now)
            self._reopen(run)
        else:
            run.decided.besides.withdrawn.extend(threatened - run.withdrawn)
            run.withdrawn |= threatened
            self._note(run)

    def _let_fire(self, run: LiveRun, now: int) -> None:
        timers, run.late = run.late, []
        for frame, due in timers:
            if frame in run.state.frames:
                self._advance(run, TimerFired(max(due, now), frame))

    def _reopen(self, run: LiveRun) -> None:
        """What was withdrawn and is open all the same, since an answer to another question has changed the course."""
        withdrawn, run.withdrawn = run.withdrawn, set()
        left = withdrawn & run.state.frames.keys()
        if left and run.state.status not in ENDED:
            commands = outstanding(run.program, run.state)
            run.decided.commands.extend(c for c in commands if isinstance(c, OpenAsk) and c.frame in left)
        if withdrawn:
            self._note(run)  # it was kept in memory for this

    def _may_ask(self, program: Program) -> bool:
        """Whether the definition has any questions: only then is a look at the state worth its time."""
        if program.digest not in self._asking:
            self._asking[program.digest] = any(isinstance(node, Ask) for node in program.nodes.values())
        return self._asking[program.digest]


def _due(run: LiveRun, now: int) -> list[TimerFired]:
    """The timers that are still wanted."""
    frames = run.state.frames
    run.late = [(frame, due) for frame, due in run.late if frame in frames and frames[frame].due == due]
    return [TimerFired(max(due, now), frame) for frame, due in run.late]


def _withdrawn_by(run: LiveRun, timers: Collection[TimerFired]) -> set[int]:
    """The questions that would not be open any more after these timers."""
    asked = _open_questions(run.state)
    if not asked or not timers:
        return set()
    copy = wire.state_from_bytes(run.program, wire.state_to_bytes(run.state))
    withdrawn: set[int] = set()
    for timer in timers:
        for command in machine.step(run.program, copy, timer):
            if isinstance(command, CloseAsk):
                withdrawn.add(command.frame)
            elif isinstance(command, CloseRun):
                return asked
    return withdrawn & asked


def _open_questions(state: State) -> set[int]:
    return {id for id, frame in state.frames.items() if isinstance(frame, AskFrame)}
