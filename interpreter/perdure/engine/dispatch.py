"""Carrying out what a commit has decided: activities, timers and errands are started and stopped, once it is durable.

How they end comes back as events, through `advance`. Calls made for the runs of other workers (`Tasks`) share the same
attempts. Knows neither when a run is written nor when it is let go: that is `Worker`'s.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from perdure.activities import Registry
from perdure.activities.secrets import Source
from perdure.core.commands import (
    CancelActivity,
    CancelChild,
    CancelTimer,
    Command,
    Deliver,
    ReadCache,
    StartActivity,
    StartChild,
    StartTimer,
)
from perdure.core.events import ActivityCancelled, AttemptQueued, AttemptStarted, Event
from perdure.engine.attempts import Attempt, Attempts
from perdure.engine.clock import Clock
from perdure.engine.errands import Errands
from perdure.engine.lanes import Lanes
from perdure.engine.live import LiveRun
from perdure.engine.owned import Owned
from perdure.engine.programs import Programs
from perdure.engine.tasks import Task, Tasks, is_elsewhere, task_of
from perdure.engine.timers import Timers
from perdure.stores.store import Store
from perdure.values import SECOND

log = logging.getLogger("perdure.engine")

MARK_AFTER: Final = 0.02
"""Seconds after which a running attempt's start is written even when nothing else is."""
UNWINDING: Final = 1.0
"""Seconds that activities which outlived the grace of a closing worker have for their clean-up."""


class Dispatch:
    """`advance` moves a run by an event, `note` has written what was decided, `request` asks for a batch, `sent` and
    `published` are told what `Errands` tells, `poke` that a letter was written."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        secrets: Source,
        programs: Programs,
        clock: Clock,
        owned: Owned,
        timers: Timers,
        lanes: Lanes[Attempt],
        *,
        advance: Callable[[LiveRun, Event], None],
        note: Callable[[LiveRun], None],
        request: Callable[[], None],
        sent: Callable[[str | None], None],
        published: Callable[[], None],
        poke: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._owned = owned
        self._timers = timers
        self._lanes = lanes
        self._advance = advance
        self._note = note
        self._request = request
        self._attempts = Attempts(registry, secrets, clock, lanes, self._ended, self._beat)
        self._errands = Errands(store, programs, clock, self._errand_done, sent, self._errand_failed, published)
        self.taken = Tasks(store, clock, self._attempts, lanes, poke)
        self._ways: Mapping[type[Command], Callable[[LiveRun, Any], None]] = {
            StartActivity: self._start,
            CancelActivity: self._stop,
            StartTimer: lambda run, command: timers.set(run, command.frame, command.due),
            CancelTimer: lambda run, command: timers.clear(run, command.frame),
            StartChild: self._start_child,
            Deliver: self._errands.start,
            CancelChild: self._errands.start,
            ReadCache: self._errands.start,
        }
        """What is outside the store; the rest of the commands the commit has done."""
        self._marking: asyncio.TimerHandle | None = None
        self._beating: asyncio.TimerHandle | None = None
        self._closing = False

    # -- commands

    def carry_out(self, run: LiveRun, commands: Sequence[Command]) -> None:
        """Do what is outside the store. A fault of ours sets the run aside."""
        try:
            for command in commands:
                way = self._ways.get(type(command))
                if way is not None:
                    way(run, command)
        except Exception as problem:
            self._owned.set_aside(run, problem)

    def _start(self, run: LiveRun, command: StartActivity) -> None:
        frame = run.state.frames.get(command.frame)
        if frame is None or frame.cancelling or self._closing:
            return
        if not self._lanes.serves(command.queue):
            self._advance(run, AttemptQueued(self._clock.now(), command.frame))
            run.decided.besides.tasks.append(task_of(run, command, self._clock.now()))
            return
        if command.committed and not frame.started:  # type: ignore[attr-defined]
            self._advance(run, AttemptStarted(self._clock.now(), command.frame))
            run.decided.commands.append(command)
            return
        self._attempts.start(run, command, marked=frame.started)  # type: ignore[attr-defined]
        if self._marking is None:
            self._marking = asyncio.get_running_loop().call_later(MARK_AFTER, self._mark)

    def _stop(self, run: LiveRun, command: CancelActivity) -> None:
        """An attempt is to stop; one that others make was marked with the commit that decided it."""
        frame = command.frame
        if not is_elsewhere(run.state, frame) and not self._attempts.cancel(run, frame):
            self._advance(run, ActivityCancelled(self._clock.now(), frame))

    def _start_child(self, run: LiveRun, command: StartChild) -> None:
        """A child whose frame is gone has ended, as a letter has said since; by now it may even be deleted."""
        if command.frame in run.state.frames:
            self._errands.start(run, command)

    def _mark(self) -> None:
        self._marking = None
        if self._attempts.unmarked:
            self._request()
            self._marking = asyncio.get_running_loop().call_later(MARK_AFTER, self._mark)

    def mark_outlived(self) -> None:
        """A batch is about to be cut: attempts that are still running get a row that says they have begun."""
        for attempt in self._attempts.outlived():
            run = attempt.owner
            if isinstance(run, LiveRun) and self._owned.is_here(run):
                self._advance(run, AttemptStarted(self._clock.now(), attempt.command.frame))

    # -- what comes of them

    def _ended(self, attempt: Attempt, event: Event) -> None:
        """An attempt has ended, whichever way."""
        run = attempt.owner
        if isinstance(run, Task):
            self.taken.ended(run, event)
        elif isinstance(run, LiveRun) and self._owned.is_here(run):
            run.note_end(attempt.command.slot, event)
            self._advance(run, event)

    def _beat(self, attempt: Attempt, details: bytes) -> None:
        run, slot = attempt.owner, attempt.command.slot
        if isinstance(run, Task):
            self.taken.beat(run, details)
            return
        assert isinstance(run, LiveRun)
        run.note_heartbeat(slot, details)
        now = self._clock.now()
        if now - run.beaten.get(slot, 0) >= SECOND:
            run.beaten[slot] = now
            self._note(run)
        elif self._beating is None:
            self._beating = asyncio.get_running_loop().call_later(1.0, self._write_beats)

    def _write_beats(self) -> None:
        """The last heartbeat before a silence is written too."""
        self._beating = None
        for run in self._owned.runs.values():
            if (rest := run.decided.rest) is not None and rest.heartbeats:
                self._note(run)

    def _errand_done(self, run: LiveRun, frame: int, event: Event | None) -> None:
        """Something asked for in another run has been done, or a child is on its way and ends some day."""
        if not self._owned.is_here(run):
            return
        if event is not None and frame in run.state.frames:
            self._advance(run, event)
        elif not run.busy():
            self._note(run)  # it only waits now

    def _errand_failed(self, run: LiveRun, problem: Exception) -> None:
        if self._owned.is_here(run):
            self._owned.set_aside(run, problem)

    # -- the end

    def drop(self, run: LiveRun) -> None:
        """A run has left memory: its timers do not ring, and how its attempts end does not matter."""
        self._timers.drop(run)
        self._attempts.drop(run)

    async def drain(self, grace: float) -> None:
        """Start no more activities, and let those that run end within `grace` seconds."""
        self._closing = True
        await self._attempts.drain(grace)

    async def close(self) -> None:
        """All runs have been dropped: let go of the rest."""
        await self.taken.hand_back()
        if not await self._attempts.drain(UNWINDING):
            log.warning("activities go on although they were told to stop; their ends will not be heard")
        await self.taken.close()
        await self._errands.close()
        self._timers.close()
        for handle in (self._marking, self._beating):
            if handle is not None:
                handle.cancel()
