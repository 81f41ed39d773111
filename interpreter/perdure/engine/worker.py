"""The worker: owns runs, moves them, and lets them go when they only wait.

The second walk of the code passes through here: an activity ends → `_ended` → `LiveRun.advance` → the next batch of
the committer → `_settled` → the commands are carried out. What comes from outside (letters, timers, other processes)
joins the same walk in `_round`. Knows no SQL, no definitions' text and no step kinds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final

from perdure.activities import Registry
from perdure.core.commands import CancelActivity, CancelTimer, Command, OpenAsk, StartActivity, StartTimer
from perdure.core.events import AttemptStarted, Event, TimerFired
from perdure.engine import identity
from perdure.engine.attempts import Attempts
from perdure.engine.clock import Clock
from perdure.engine.committer import Committer
from perdure.engine.inbox import letter_to_event
from perdure.engine.live import Decided, LiveRun
from perdure.engine.programs import Programs
from perdure.engine.resume import resume
from perdure.engine.timers import Timers
from perdure.errors import Fenced, PerdureError, StoreError, StoreUnavailable
from perdure.stores.store import Commit, Letter, RunRow, Store
from perdure.values import SECOND, encode

log = logging.getLogger("perdure.engine")

LEASE: Final = 30 * SECOND
"""How long a worker that cannot be asked is taken to be alive after its last sign of life."""
RENEWAL: Final = 5.0
WATCH: Final = 0.05
"""Seconds between two looks at whether another process has written."""
SWEEP: Final = 1.0
"""Seconds between two looks at everything, whatever the signs say."""
SOON: Final = SECOND
"""A run with a timer due within this time stays in memory."""
CLAIM: Final = 200
MOST_LIVE: Final = 2_000
"""Runs in memory beyond which no further ones are claimed."""
MARK_AFTER: Final = 0.02
"""Seconds after which a running attempt's start is written even when nothing else is."""
MOST_RECOVERIES: Final = 10
"""Deaths of its worker in a row, without any progress, after which a run is set aside as stuck."""


class Worker:
    """Moves runs until it is closed. `closed` is told of every run that has ended here."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        programs: Programs,
        clock: Clock,
        *,
        concurrency: int = 1000,
        only: Sequence[str] | None = None,
        closed: Callable[[str], None] = lambda run: None,
    ) -> None:
        self._store = store
        self._programs = programs
        self._clock = clock
        self._only = only
        self._closed = closed
        self._runs: dict[int, LiveRun] = {}
        self._changed: dict[int, LiveRun] = {}
        self._writing: list[tuple[LiveRun, list[Command]]] = []
        self._timers = Timers(clock, self._poke)
        self._attempts = Attempts(registry, clock, concurrency, self._ended, self._beat)
        self._committer = Committer(store, self._cut, self._settled)
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stamp = 0
        self._marking: asyncio.TimerHandle | None = None
        self._closing = False
        self.id = ""

    # -- life

    async def start(self) -> None:
        """Register, take over what dead workers left, and begin to move runs."""
        await self._register()
        for serve in (self._serve, self._renew, self._watch):
            self._tasks.append(asyncio.create_task(serve(), name=f"perdure{serve.__name__}"))

    async def close(self, grace: float) -> None:
        """Claim nothing more, let running attempts end within `grace` seconds, then hand the runs back."""
        self._closing = True
        running = self._attempts.running()
        if running:
            await asyncio.wait(running, timeout=grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._committer.give_up()
        await self._committer.drained()
        for run in self._runs.values():
            self._attempts.drop(run)
        await asyncio.sleep(0)
        self._timers.close()
        if self._marking is not None:
            self._marking.cancel()
        with contextlib.suppress(StoreError):
            await self._store.bury(self.id, self._clock.now(), died=False)

    def adopt(self, run: LiveRun, commands: Sequence[Command]) -> None:
        """Go on with a run that was created in this worker's name."""
        self._runs[run.key] = run
        if any(isinstance(command, StartActivity) for command in commands) and not any(
            isinstance(command, OpenAsk) for command in commands
        ):
            self._carry_out(run, commands)
        else:
            run.decided.commands.extend(commands)
            self._note(run)

    def poke(self) -> None:
        """Look at once whether there is something to claim or to read."""
        self._poke()

    async def _register(self) -> None:
        row = identity.new_worker(self._clock.now() + LEASE)
        await self._store.register(row)
        self.id = row.id
        await self._bury_the_dead()

    # -- the walk of an event

    def _ended(self, run: LiveRun, frame: int, event: Event) -> None:
        """An attempt has ended, whichever way."""
        if self._runs.get(run.key) is run:
            self._advance(run, event)

    def _advance(self, run: LiveRun, event: Event) -> None:
        try:
            run.advance(event)
        except Exception as problem:
            self._set_aside(run, problem)
        else:
            self._note(run)

    def _note(self, run: LiveRun) -> None:
        self._changed[run.key] = run
        self._committer.request()

    def _beat(self, run: LiveRun, slot: int, details: bytes) -> None:
        run.heartbeats[slot] = details
        run.decided.heartbeats[slot] = details
        now = self._clock.now()
        if now - run.beaten.get(slot, 0) >= SECOND:
            run.beaten[slot] = now
            self._note(run)

    def _cut(self) -> Sequence[Commit]:
        """The next batch: what every changed run has decided, and marks for attempts that are still running."""
        for attempt in self._attempts.outlived():
            if self._runs.get(attempt.run.key) is attempt.run:
                self._advance(attempt.run, AttemptStarted(self._clock.now(), attempt.command.frame))
        soon = self._clock.now() + SOON
        changed, self._changed = self._changed, {}
        batch = []
        self._writing = []
        for run in changed.values():
            if run.parking or self._runs.get(run.key) is not run:
                continue
            commands = run.decided.commands
            try:
                batch.append(run.commit(self.id, soon))
            except Exception as problem:
                self._set_aside(run, problem)
            else:
                self._writing.append((run, commands))
                run.decided = Decided()
        return batch

    def _settled(self, batch: Sequence[Commit], answers: Sequence[int | StoreError]) -> None:
        writing, self._writing = self._writing, []
        for commit, answer, (run, commands) in zip(batch, answers, writing, strict=True):
            if isinstance(answer, StoreError):
                self._lost(run, answer)
            elif commit.closing is not None:
                self._forget(run)
                self._closed(run.id)
            elif commit.release:
                self._forget(run)
            else:
                self._carry_out(run, commands)

    def _carry_out(self, run: LiveRun, commands: Sequence[Command]) -> None:
        for command in commands:
            match command:
                case StartActivity():
                    self._start(run, command)
                case CancelActivity():
                    self._attempts.cancel(run, command.frame)
                case StartTimer():
                    self._timers.set(run, command.frame, command.due)
                case CancelTimer():
                    self._timers.clear(run, command.frame)
                case _:
                    pass

    def _start(self, run: LiveRun, command: StartActivity) -> None:
        frame = run.state.frames.get(command.frame)
        if frame is None or self._closing:
            return
        if command.committed and not frame.started:  # type: ignore[attr-defined]
            self._advance(run, AttemptStarted(self._clock.now(), command.frame))
            run.decided.commands.append(command)
            return
        self._attempts.start(run, command, marked=frame.started)  # type: ignore[attr-defined]
        if self._marking is None:
            self._marking = asyncio.get_running_loop().call_later(MARK_AFTER, self._mark)

    def _mark(self) -> None:
        self._marking = None
        if self._attempts.unmarked:
            self._committer.request()
            self._marking = asyncio.get_running_loop().call_later(MARK_AFTER, self._mark)

    # -- the world outside

    async def _serve(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), SWEEP)
            self._wake.clear()
            try:
                await self._round()
            except Fenced:
                await self._reborn()
            except StoreError as problem:
                log.error("the store cannot be read; trying again: %s", problem)
                await asyncio.sleep(SWEEP)
            except Exception:
                log.exception("a fault in the worker; going on")
                await asyncio.sleep(SWEEP)

    async def _round(self) -> None:
        """Claim what is due, then letters, then timers: a message that came with a timeout goes first."""
        taken: list[LiveRun] = []
        while not self._closing and len(self._runs) < MOST_LIVE:
            rows = await self._store.claim(self.id, self._clock.now(), CLAIM, only=self._only)
            for row in rows:
                run = await self._take(row)
                if run is not None:
                    taken.append(run)
            if len(rows) < CLAIM:
                break
        await self._read_letters()
        for run, frame, due in self._timers.due():
            if self._runs.get(run.key) is run and not run.parking:
                self._advance(run, TimerFired(max(due, self._clock.now()), frame))
        for run in taken:
            if self._runs.get(run.key) is run and (run.decided.commands or not run.busy()):
                self._note(run)
        self._timers.wake_at(await self._store.next_wake(only=self._only))

    async def _take(self, row: RunRow) -> LiveRun | None:
        """Bring a claimed run back to life; one that cannot be read harms only itself."""
        if row.recoveries > MOST_RECOVERIES:
            await self._stick(row.key, f"its worker died {row.recoveries} times in a row while it ran")
            return None
        try:
            run, commands = await resume(self._store, self._programs, row, self._clock.now())
        except StoreUnavailable:
            raise
        except Exception as problem:
            log.exception("run %s cannot be resumed", row.id)
            await self._stick(row.key, f"it cannot be resumed: {problem}")
            return None
        self._runs[run.key] = run
        self._carry_out(run, commands)
        if run.decided.events:
            self._note(run)
        return run

    async def _read_letters(self) -> None:
        after = 0
        while True:
            letters = await self._store.letters(self.id, after=after)
            for letter in letters:
                self._deliver(letter)
            if len(letters) < 1000:
                return
            after = letters[-1].key

    def _deliver(self, letter: Letter) -> None:
        run = self._runs.get(letter.run)
        if run is None or run.parking or letter.key <= run.last_letter:
            return
        event = letter_to_event(letter, run.state)
        run.decided.consumed.append(letter.key)
        run.last_letter = letter.key
        if event is not None:
            self._advance(run, event)
        else:
            self._note(run)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEWAL)
            try:
                if not await self._store.renew(self.id, self._clock.now() + LEASE):
                    await self._reborn()
                await self._bury_the_dead()
            except StoreError as problem:
                log.error("the lease cannot be renewed: %s", problem)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH)
            with contextlib.suppress(StoreError):
                stamp = await self._store.stamp()
                if stamp != self._stamp:
                    self._stamp = stamp
                    self._poke()

    async def _bury_the_dead(self) -> None:
        now = self._clock.now()
        for worker in await self._store.workers():
            if worker.id != self.id and identity.is_gone(worker, now):
                runs = await self._store.bury(worker.id, now)
                if runs:
                    log.warning("worker %s (pid %d) has died; %d of its runs go on", worker.id, worker.pid, len(runs))
                self._poke()

    # -- losing runs

    async def _reborn(self) -> None:
        """This worker was declared dead: drop everything, come back under another name."""
        log.warning("this worker was taken for dead and its runs were given away; starting anew")
        for run in tuple(self._runs.values()):
            self._forget(run)
        await self._register()
        self._poke()

    def _lost(self, run: LiveRun, problem: StoreError) -> None:
        log.warning("run %s is no longer this worker's: %s", run.id, problem)
        self._forget(run)
        if isinstance(problem, Fenced):
            self._poke()

    def _set_aside(self, run: LiveRun, problem: Exception) -> None:
        """The machine failed: our bug. The state in memory is dropped; the run is stuck until it is resumed."""
        log.error("run %s met a fault and is set aside", run.id, exc_info=problem)
        self._forget(run)
        self._tasks.append(asyncio.ensure_future(self._stick(run.key, f"a fault in Perdure: {problem!r}")))

    async def _stick(self, key: int, cause: str) -> None:
        commit = Commit(key, self.id, status="stuck", release=True, note=encode({"cause": cause}))
        try:
            await self._store.commit([commit])
        except PerdureError as problem:
            log.error("a stuck run could not be noted: %s", problem)

    def _forget(self, run: LiveRun) -> None:
        self._runs.pop(run.key, None)
        self._changed.pop(run.key, None)
        self._timers.drop(run)
        self._attempts.drop(run)

    def _poke(self) -> None:
        self._wake.set()
