"""The worker: owns runs, moves them, and lets them go when they only wait.

The second walk of the code passes through here: an activity ends → `Dispatch` → `_advance` → `LiveRun.advance` → the
next batch of the committer (`_cut`) → `_settled` → `Dispatch` carries the commands out. What comes from outside
(letters, timers, other processes) joins the same walk in `_round`. Knows no SQL, no definitions' text and no step
kinds.
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
from perdure.core.commands import Command, TakeSlot
from perdure.core.events import Event
from perdure.core.lifecycle import ENDED
from perdure.engine.claims import Claims
from perdure.engine.clock import Clock
from perdure.engine.committer import Committer
from perdure.engine.deadlines import Deadlines
from perdure.engine.dispatch import Dispatch
from perdure.engine.inbox import Inbox
from perdure.engine.lanes import Lanes
from perdure.engine.lease import Lease
from perdure.engine.live import Decided, LiveRun
from perdure.engine.migration import judge
from perdure.engine.owned import Owned
from perdure.engine.programs import Programs
from perdure.engine.tidying import Tidying
from perdure.engine.timers import Timers
from perdure.errors import Fenced, StoreError
from perdure.stores.store import Closing, Commit, Steps, Store
from perdure.values import SECOND

log = logging.getLogger("perdure.engine")

WATCH: Final = 0.05
"""Seconds between two looks at whether another process has written."""
SWEEP: Final = 1.0
"""Seconds between two looks at everything, whatever the signs say."""
SOON: Final = SECOND
"""A run with a timer due within this time stays in memory."""


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
        self._owned = Owned(
            store, self._lease, concurrency, self._left, lambda run: self._claims.doubt(run), self._poke
        )
        self._runs = self._owned.runs
        self._claims = Claims(
            store,
            programs,
            clock,
            self._lease,
            self._runs,
            self.only,
            self._admit,
            self._owned.hold,
            lambda run: changed(run, None),
        )
        self._awake: list[tuple[LiveRun, Sequence[Command]]] = []
        self._changed: dict[int, LiveRun] = {}
        self._writing: list[tuple[LiveRun, Decided]] = []
        """Whose commits are being written, and what they have decided."""
        self._committer = Committer(store, self._cut, self._settled)
        self._timers = Timers(clock, self._poke)
        self._dispatch = Dispatch(
            store,
            registry,
            secrets,
            programs,
            clock,
            self._owned,
            self._timers,
            Lanes(concurrency, queues),
            advance=self._advance,
            note=self._note,
            request=self._committer.request,
            sent=self._sent,
            published=published,
            poke=self._poke,
        )
        set_aside = self._owned.set_aside
        self._inbox = Inbox(store, self._runs, self._advance, self._note, set_aside, partial(judge, programs))
        self._deadlines = Deadlines(self._runs, self._advance, self._note, self._inbox.hear_answers, set_aside)
        self._tidying = Tidying(store, clock)
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stamp = 0
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
            await self._dispatch.drain(grace)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._owned.give_up()
            self._committer.give_up()
            await self._committer.drained()
            self._owned.forget_all()
            await self._dispatch.close()
            await self._lease.hand_back()

    def adopt(self, run: LiveRun, commands: Sequence[Command], worker: str) -> None:
        """Go on with a run that was created in the name of this worker, if that still is its name."""
        if worker != self.id or self._closing or run.key in self._runs:
            self._poke()
            return
        self._owned.add(run)
        if any(isinstance(command, TakeSlot) for command in commands):
            self._inbox.expect(run)  # the letter that grants it came with the run
            self._let_read(run, commands)
            self._poke()
        else:
            self._dispatch.carry_out(run, commands)

    def has(self, run_id: str) -> bool:
        """Whether a run is in memory here, so that its end will be told."""
        return self._owned.has(run_id)

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

    def _advance(self, run: LiveRun, event: Event) -> None:
        if run.state.status in ENDED:
            return  # its last commit is on the way; a letter stays where it is, as unread
        try:
            run.advance(event)
        except Exception as problem:
            self._owned.set_aside(run, problem)
        else:
            self._note(run)
            if run.deferred.lines:
                self._inbox.look_again(run)

    def _note(self, run: LiveRun) -> None:
        self._changed[run.key] = run
        self._committer.request()

    def _cut(self) -> Sequence[Commit]:
        """The next batch: what every changed run has decided."""
        self._dispatch.mark_outlived()
        worker, soon, park = self.id, self._clock.now() + SOON, not self._closing
        changed, self._changed = self._changed, {}
        batch = []
        self._writing = []
        for run in changed.values():
            if run.parking or not self._owned.is_here(run):
                continue
            try:
                batch.append(run.commit(worker, soon, park=park))
            except Exception as problem:
                self._owned.set_aside(run, problem)
            else:
                self._writing.append((run, run.decided))
                run.decided = Decided()
        return batch

    def _settled(self, batch: Sequence[Commit], answers: Sequence[int | StoreError]) -> None:
        writing, self._writing = self._writing, []
        for commit, answer, (run, decided) in zip(batch, answers, writing, strict=True):
            run.promised -= decided.errands
            if type(commit) is Steps and type(answer) is int:
                self._go_on(run, decided.commands)
                continue
            if commit.closing is not None and not isinstance(answer, StoreError):
                log.info("run %s %s", run.id, commit.closing.status)
                self._told(run.id, commit.closing)
            elif commit.replies or commit.accepted or commit.refused:
                self._answered(run.id, {*commit.replies, *commit.accepted, *commit.refused})
            slots = commit.takes or commit.leaves or (commit.closing is not None and run.slotted)
            if commit.letters or commit.successor is not None or slots:
                self._poke()
            if not self._owned.is_here(run):
                continue  # dropped meanwhile; by whom it is owned now, if by anybody, shows elsewhere
            if isinstance(answer, StoreError):
                self._owned.lose(run, answer)
            elif commit.closing is not None or commit.release:
                self._owned.forget(run)
                self._timers.wake_at(commit.wake_at)
                if run.missed or self._claims.doubts(run.id):
                    self._poke()
            else:
                self._go_on(run, decided.commands)
                if commit.takes:
                    self._let_read(run, ())

    def _go_on(self, run: LiveRun, commands: Sequence[Command]) -> None:
        """What a run has decided is durable: do it, if the run still is here."""
        if self._owned.is_here(run):
            if run.withdrawing and self._deadlines.written(run):
                self._poke()
            self._dispatch.carry_out(run, commands)

    def _sent(self, child: str | None) -> None:
        """Something was sent to another run: it may be this worker's to move; a child always is."""
        if self.only is not None and child is not None and child not in self.only:
            self.only.append(child)
        self._poke()

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
        if not self._closing and await self._claims.claim(self._owned.most):
            self._poke()
        withdrawn = self._deadlines.withdrawn
        await self._inbox.read(self.id)
        self._set_going()
        if self.only is None:
            await self._dispatch.taken.look(self.id, take=not self._closing)
        self._deadlines.fire(withdrawn, self._timers.due(), self._clock.now())
        self._timers.wake_at(None if self._owned.is_full() else await self._store.next_wake(only=self.only))
        await self._tidying.tidy()

    def _admit(self, run: LiveRun, commands: Sequence[Command]) -> None:
        """A run that is ours comes to life; it goes on once its letters have been read: one may be a cancel."""
        self._owned.add(run)
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
            if not self._owned.is_here(run) or run.parking:
                continue
            self._dispatch.carry_out(run, commands)
            if self._owned.is_here(run) and (run.decided.commands or run.untold() or not run.busy()):
                self._note(run)  # it may have been woken for nothing, and is to leave again

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH)
            with contextlib.suppress(StoreError):
                stamp = await self._store.stamp()
                if stamp != self._stamp:
                    self._stamp = stamp
                    self._dispatch.taken.stir()
                    self._poke()

    # -- runs that go

    def _left(self, run: LiveRun) -> None:
        """A run is not in memory any more: nothing is to come of what it had under way here."""
        if self._changed.get(run.key) is run:
            del self._changed[run.key]
        self._dispatch.drop(run)

    def _buried(self) -> None:
        """This worker was declared dead: drop everything; the next round comes back under another name."""
        self._owned.forget_all()
        self._dispatch.taken.forget()
        self._claims.forget()
        self._poke()

    def _poke(self) -> None:
        self._wake.set()
