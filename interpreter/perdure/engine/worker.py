"""The worker: owns runs, moves them, and lets them go when they only wait.

The second walk of the code passes through here: an activity ends → `_ended` → `LiveRun.advance` → the next batch of
the committer → `_settled` → the commands are carried out. What comes from outside (letters, timers, other processes)
joins the same walk in `_round`. Knows no SQL, no definitions' text and no step kinds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final

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
    TakeSlot,
)
from perdure.core.events import (
    ActivityCancelled,
    AttemptQueued,
    AttemptStarted,
    Event,
)
from perdure.core.lifecycle import ENDED
from perdure.engine.attempts import Attempt, Attempts
from perdure.engine.claims import Claims
from perdure.engine.clock import Clock
from perdure.engine.committer import Committer
from perdure.engine.deadlines import Deadlines
from perdure.engine.errands import Errands, count_of
from perdure.engine.inbox import Inbox
from perdure.engine.lanes import Lanes
from perdure.engine.lease import Lease
from perdure.engine.live import Decided, LiveRun
from perdure.engine.migration import judge
from perdure.engine.programs import Programs
from perdure.engine.tasks import Task, Tasks, is_elsewhere, task_of
from perdure.engine.tidying import Tidying
from perdure.engine.timers import Timers
from perdure.errors import Fenced, StoreError
from perdure.stores.store import Closing, Commit, SequenceTaken, Store
from perdure.values import SECOND, encode

log = logging.getLogger("perdure.engine")

WATCH: Final = 0.05
"""Seconds between two looks at whether another process has written."""
SWEEP: Final = 1.0
"""Seconds between two looks at everything, whatever the signs say."""
SOON: Final = SECOND
"""A run with a timer due within this time stays in memory."""
MOST_LIVE: Final = 2_000
"""Runs in memory beyond which no further ones are claimed."""
ROOM: Final = 200
"""Places that have to be free before a full worker claims again."""
MARK_AFTER: Final = 0.02
"""Seconds after which a running attempt's start is written even when nothing else is."""
UNWINDING: Final = 1.0
"""Seconds that activities which outlived the grace of a closing worker have for their clean-up."""


class Worker:
    """Moves runs until it is closed. `changed` is told of every run that has ended here, with what it came to where
    that is known, `answered` of the updates to a run that were accepted, refused or completed, `published` of every
    event that a run here has published."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        secrets: Source,
        programs: Programs,
        clock: Clock,
        *,
        concurrency: int = 1000,
        queues: Mapping[str, int] | None = None,
        only: Sequence[str] | None = None,
        changed: Callable[[str, Closing | None], None] = lambda run, closing: None,
        answered: Callable[[str, Collection[str]], None] = lambda run, updates: None,
        published: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self.only = None if only is None else list(only)
        self._told = changed
        self._answered = answered
        self._lease = Lease(store, clock, self._buried, self._poke)
        self._runs: dict[int, LiveRun] = {}
        self._ids: set[str] = set()
        """Of the runs in memory."""
        self._claims = Claims(
            store,
            programs,
            clock,
            self._lease,
            self._runs,
            self.only,
            self._admit,
            self._hold,
            lambda run: changed(run, None),
        )
        self._awake: list[tuple[LiveRun, Sequence[Command]]] = []
        self._changed: dict[int, LiveRun] = {}
        self._writing: list[tuple[LiveRun, list[Command]]] = []
        self._timers = Timers(clock, self._poke)
        self._lanes: Lanes[Attempt] = Lanes(concurrency, queues)
        self._attempts = Attempts(registry, secrets, clock, self._lanes, self._ended, self._beat)
        self._taken = Tasks(store, clock, self._attempts, self._lanes, self._poke)
        self._errands = Errands(store, programs, clock, self._errand_done, self._sent, self._errand_failed, published)
        self._inbox = Inbox(store, self._runs, self._advance, self._note, self._set_aside, partial(judge, programs))
        self._deadlines = Deadlines(self._runs, self._advance, self._note, self._inbox.hear_answers, self._set_aside)
        self._tidying = Tidying(store, clock)
        self._committer = Committer(store, self._cut, self._settled)
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stamp = 0
        self._marking: asyncio.TimerHandle | None = None
        self._beating: asyncio.TimerHandle | None = None
        self._full = False
        self._closing = False

    @property
    def id(self) -> str:
        """Empty while this worker has been declared dead and is not back yet."""
        return self._lease.id

    # -- life

    async def start(self) -> None:
        """Register, take over what dead workers left, and begin to move runs."""
        await self._lease.take()
        for serve in (self._serve, self._lease.keep, self._watch):
            self._tasks.append(asyncio.create_task(serve(), name=f"perdure {serve.__name__.strip('_')}"))

    async def close(self, grace: float) -> None:
        """Claim nothing more, let running attempts end within `grace` seconds, then hand the runs back."""
        self._closing = True
        try:
            await self._attempts.drain(grace)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._committer.give_up()
            await self._committer.drained()
            for run in tuple(self._runs.values()):
                self._forget(run)
            await self._taken.hand_back()
            if not await self._attempts.drain(UNWINDING):
                log.warning("activities go on although they were told to stop; their ends will not be heard")
            await self._taken.close()
            await self._errands.close()
            self._timers.close()
            for handle in (self._marking, self._beating):
                if handle is not None:
                    handle.cancel()
            await self._lease.hand_back()

    def adopt(self, run: LiveRun, commands: Sequence[Command], worker: str) -> None:
        """Go on with a run that was created in the name of this worker, if that still is its name."""
        if worker != self.id or self._closing or run.key in self._runs:
            self._poke()
            return
        self._runs[run.key] = run
        self._ids.add(run.id)
        if any(isinstance(command, TakeSlot) for command in commands):
            self._inbox.expect(run)  # the letter that grants it came with the run
            self._let_read(run, commands)
            self._poke()
        else:
            self._carry_out(run, commands)

    def has(self, run_id: str) -> bool:
        """Whether a run is in memory here, so that its end will be told."""
        return run_id in self._ids

    def poke(self) -> None:
        """Look at once whether there is something to claim or to read."""
        self._poke()

    def expect(self, moment: int | None) -> None:
        """A run that nobody owns is due then."""
        self._timers.wake_at(moment)

    def doubt(self, run_id: str) -> None:
        """Look whether this run is ours after all."""
        self._claims.doubt(run_id)
        self._poke()

    # -- the walk of an event

    def _ended(self, attempt: Attempt, event: Event) -> None:
        """An attempt has ended, whichever way."""
        run = attempt.owner
        if isinstance(run, Task):
            self._taken.ended(run, event)
        elif isinstance(run, LiveRun) and self._runs.get(run.key) is run:
            run.note_end(attempt.command.slot, event)
            self._advance(run, event)

    def _errand_done(self, run: LiveRun, frame: int, event: Event | None) -> None:
        """Something asked for in another run has been done, or a child is on its way and ends some day."""
        if self._runs.get(run.key) is not run:
            return
        if event is not None and frame in run.state.frames:
            self._advance(run, event)
        elif not run.busy():
            self._note(run)  # it only waits now

    def _errand_failed(self, run: LiveRun, problem: Exception) -> None:
        if self._runs.get(run.key) is run:
            self._set_aside(run, problem)

    def _advance(self, run: LiveRun, event: Event) -> None:
        if run.state.status in ENDED:
            return  # its last commit is on the way; a letter stays where it is, as unread
        try:
            run.advance(event)
        except Exception as problem:
            self._set_aside(run, problem)
        else:
            self._note(run)
            self._inbox.look_again(run)

    def _note(self, run: LiveRun) -> None:
        self._changed[run.key] = run
        self._committer.request()

    def _beat(self, attempt: Attempt, details: bytes) -> None:
        run, slot = attempt.owner, attempt.command.slot
        if isinstance(run, Task):
            self._taken.beat(run, details)
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
        for run in self._runs.values():
            if run.decided.heartbeats:
                self._note(run)

    def _cut(self) -> Sequence[Commit]:
        """The next batch: what every changed run has decided, and marks for attempts that are still running."""
        for attempt in self._attempts.outlived():
            run = attempt.owner
            if isinstance(run, LiveRun) and self._runs.get(run.key) is run:
                self._advance(run, AttemptStarted(self._clock.now(), attempt.command.frame))
        soon = self._clock.now() + SOON
        changed, self._changed = self._changed, {}
        batch = []
        self._writing = []
        for run in changed.values():
            if run.parking or self._runs.get(run.key) is not run:
                continue
            commands = run.decided.commands
            run.promised += count_of(commands)
            try:
                batch.append(run.commit(self.id, soon, park=not self._closing))
            except Exception as problem:
                self._set_aside(run, problem)
            else:
                self._writing.append((run, commands))
                run.decided = Decided()
        return batch

    def _settled(self, batch: Sequence[Commit], answers: Sequence[int | StoreError]) -> None:
        writing, self._writing = self._writing, []
        for commit, answer, (run, commands) in zip(batch, answers, writing, strict=True):
            run.promised -= count_of(commands)
            if commit.closing is not None and not isinstance(answer, StoreError):
                log.info("run %s %s", run.id, commit.closing.status)
                self._told(run.id, commit.closing)
            elif commit.replies or commit.accepted or commit.refused:
                self._answered(run.id, {*commit.replies, *commit.accepted, *commit.refused})
            slots = commit.takes or commit.leaves or (commit.closing is not None and run.slotted)
            if commit.letters or commit.successor is not None or slots:
                self._poke()
            if self._runs.get(run.key) is not run:
                continue  # dropped meanwhile; by whom it is owned now, if by anybody, shows elsewhere
            if isinstance(answer, StoreError):
                self._lost(run, answer)
            elif commit.closing is not None or commit.release:
                self._forget(run)
                self._timers.wake_at(commit.wake_at)
                if run.missed or self._claims.doubts(run.id):
                    self._poke()
            else:
                if self._deadlines.written(run):
                    self._poke()
                try:
                    self._carry_out(run, commands)
                except Exception as problem:
                    self._set_aside(run, problem)
                if commit.takes:
                    self._let_read(run, ())

    def _carry_out(self, run: LiveRun, commands: Sequence[Command]) -> None:
        for command in commands:
            match command:
                case StartActivity():
                    self._start(run, command)
                case CancelActivity():
                    self._stop(run, command.frame)
                case StartTimer():
                    self._timers.set(run, command.frame, command.due)
                case CancelTimer():
                    self._timers.clear(run, command.frame)
                case StartChild() if command.frame not in run.state.frames:
                    pass  # it has ended, as a letter has said since; by now it may even be deleted
                case Deliver() | StartChild() | CancelChild() | ReadCache():
                    self._errands.start(run, command)
                case _:
                    pass

    def _sent(self, child: str | None) -> None:
        """Something was sent to another run: it may be this worker's to move; a child always is."""
        if self.only is not None and child is not None and child not in self.only:
            self.only.append(child)
        self._poke()

    def _start(self, run: LiveRun, command: StartActivity) -> None:
        frame = run.state.frames.get(command.frame)
        if frame is None or frame.cancelling or self._closing:
            return
        if not self._lanes.serves(command.queue):
            self._advance(run, AttemptQueued(self._clock.now(), command.frame))
            run.decided.tasks.append(task_of(run, command, self._clock.now()))
            return
        if command.committed and not frame.started:  # type: ignore[attr-defined]
            self._advance(run, AttemptStarted(self._clock.now(), command.frame))
            run.decided.commands.append(command)
            return
        self._attempts.start(run, command, marked=frame.started)  # type: ignore[attr-defined]
        if self._marking is None:
            self._marking = asyncio.get_running_loop().call_later(MARK_AFTER, self._mark)

    def _stop(self, run: LiveRun, frame: int) -> None:
        """An attempt is to stop; one that others make was marked with the commit that decided it."""
        if not is_elsewhere(run.state, frame) and not self._attempts.cancel(run, frame):
            self._advance(run, ActivityCancelled(self._clock.now(), frame))

    def _mark(self) -> None:
        self._marking = None
        if self._attempts.unmarked:
            self._committer.request()
            self._marking = asyncio.get_running_loop().call_later(MARK_AFTER, self._mark)

    # -- the world outside

    async def _serve(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SWEEP):  # wait_for of Python 3.11 can swallow a cancellation
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self._round()
            except Fenced:
                self._lease.lose()
                self._poke()
            except StoreError as problem:
                log.error("the store cannot be read; trying again: %s", problem)
                await asyncio.sleep(SWEEP)
            except Exception:
                log.exception("a fault in the worker; going on")
                await asyncio.sleep(SWEEP)

    async def _round(self) -> None:
        """Claim what is due, then letters, then timers: a message that came with a timeout goes first."""
        await self._lease.take()
        await self._claims.settle_doubts()
        if not self._closing:
            await self._claims.claim(MOST_LIVE)
        withdrawn = self._deadlines.withdrawn
        await self._inbox.read(self.id)
        self._set_going()
        if self.only is None:
            await self._taken.look(self.id, take=not self._closing)
        self._deadlines.fire(withdrawn, self._timers.due(), self._clock.now())
        self._full = len(self._runs) >= MOST_LIVE
        self._timers.wake_at(None if self._full else await self._store.next_wake(only=self.only))
        await self._tidying.tidy()

    def _admit(self, run: LiveRun, commands: Sequence[Command]) -> None:
        """A run that is ours comes to life; it goes on once its letters have been read: one may be a cancel."""
        self._runs[run.key] = run
        self._ids.add(run.id)
        self._inbox.expect(run)
        self._let_read(run, commands)
        if self.only is not None:
            self.only.extend(child["run"] for child in run.state.children if child["run"] not in self.only)
        if run.decided.events:
            self._note(run)

    def _let_read(self, run: LiveRun, commands: Sequence[Command]) -> None:
        """The run stays, and does this once letters have been read."""
        run.fresh = True
        self._awake.append((run, commands))

    def _set_going(self) -> None:
        awake, self._awake = self._awake, []
        for run, commands in awake:
            run.fresh = False
            if self._runs.get(run.key) is not run or run.parking:
                continue
            try:
                self._carry_out(run, commands)
            except Exception as problem:
                self._set_aside(run, problem)
            else:
                if run.decided.commands or run.untold() or not run.busy():
                    self._note(run)  # it may have been woken for nothing, and is to leave again

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH)
            with contextlib.suppress(StoreError):
                stamp = await self._store.stamp()
                if stamp != self._stamp:
                    self._stamp = stamp
                    self._taken.stir()
                    self._poke()

    # -- losing runs

    def _buried(self) -> None:
        """This worker was declared dead: drop everything; the next round comes back under another name."""
        for run in tuple(self._runs.values()):
            self._forget(run)
        self._taken.forget()
        self._claims.forget()
        self._poke()

    def _lost(self, run: LiveRun, problem: StoreError) -> None:
        """A commit was refused: what is in memory is ahead of the journal, and counts for nothing."""
        log.warning("run %s could not be written and is dropped from memory: %s", run.id, problem)
        self._forget(run)
        if isinstance(problem, SequenceTaken):
            self.doubt(run.id)
        elif isinstance(problem, Fenced):
            self._poke()
        else:
            self._hold(run.key, run.id, f"the store refuses what it decided: {problem}")

    def _set_aside(self, run: LiveRun, problem: Exception) -> None:
        """The machine failed: our bug. The state in memory is dropped; the run is stuck until it is resumed."""
        log.error("run %s met a fault and is set aside", run.id, exc_info=problem)
        self._forget(run)
        self._hold(run.key, run.id, f"a fault in Perdure: {problem!r}")

    def _hold(self, key: int, run_id: str, cause: str) -> None:
        task = asyncio.get_running_loop().create_task(self._stick(key, run_id, cause))
        self._tasks.append(task)
        task.add_done_callback(self._tasks.remove)

    async def _stick(self, key: int, run_id: str, cause: str) -> None:
        commit = Commit(key, self.id, status="stuck", release=True, note=encode({"cause": cause}))
        try:
            [answer] = await self._store.commit([commit])
        except StoreError as problem:
            answer = problem
        if isinstance(answer, StoreError):
            log.error("run %s is stuck, which could not be noted: %s", run_id, answer)
            self._claims.doubt(run_id)  # a later round meets the fault again, and notes it then

    def _forget(self, run: LiveRun) -> None:
        if self._runs.get(run.key) is run:
            del self._runs[run.key]
            self._ids.discard(run.id)
        if self._changed.get(run.key) is run:
            del self._changed[run.key]
        self._timers.drop(run)
        self._attempts.drop(run)
        if self._full and len(self._runs) <= MOST_LIVE - ROOM:
            self._full = False
            self._poke()

    def _poke(self) -> None:
        self._wake.set()
