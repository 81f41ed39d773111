"""What runs ask to be done in other runs: letters delivered, events published, children started and told to stop; and
what they look up of what others have left: cached results.

Each errand is tried until the store answers; asking for it again after a crash does no harm, since everything has an
id of its own. The answer comes back to the run as an event.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final
from uuid import uuid4

from perdure.core import wire
from perdure.core.commands import CancelChild, Deliver, ReadCache, StartChild
from perdure.core.events import CacheRead, ChildEnded, Delivered, Event, RunStarted, SignalReceived, Undeliverable
from perdure.core.outcomes import new_error
from perdure.engine.clock import Clock
from perdure.engine.creation import begin
from perdure.engine.live import LiveRun
from perdure.engine.programs import Programs
from perdure.engine.starting import first_input
from perdure.errors import ExpressionError, StoreCorrupt, StoreError
from perdure.schemas import check_value
from perdure.stores.store import ParentEnded, RunExists, RunRow, SlotTaken, Store
from perdure.values import decode, digest, encode

log = logging.getLogger("perdure.engine")

PAUSE: Final = 1.0
"""Seconds before an errand is tried again that the store could not do."""

Errand = Deliver | StartChild | CancelChild | ReadCache


class Errands:
    """All errands of one worker. `ended` takes their events, None for one that has none; `sent` is told when something
    was sent, and of a child's run id; `published` when an event was; `failed` takes faults of ours."""

    def __init__(
        self,
        store: Store,
        programs: Programs,
        clock: Clock,
        ended: Callable[[LiveRun, int, Event | None], None],
        sent: Callable[[str | None], None],
        failed: Callable[[LiveRun, Exception], None],
        published: Callable[[], None],
    ) -> None:
        self._store = store
        self._programs = programs
        self._clock = clock
        self._ended = ended
        self._sent = sent
        self._failed = failed
        self._published = published
        self._tasks: set[asyncio.Task[None]] = set()
        self._last: dict[tuple[int, int], asyncio.Task[None]] = {}
        """(run, frame) → its newest errand: one frame's are done one after another, a child is started before it is
        cancelled."""

    def start(self, run: LiveRun, errand: Errand) -> None:
        run.errands += 1
        place = (run.key, errand.frame)
        task = asyncio.get_running_loop().create_task(self._run(run, errand, self._last.get(place)))
        self._last[place] = task
        self._tasks.add(task)
        task.add_done_callback(partial(self._over, place))

    async def close(self) -> None:
        """Give up what is under way: whoever has the runs next asks for it again."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _over(self, place: tuple[int, int], task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._last.get(place) is task:
            del self._last[place]

    async def _run(self, run: LiveRun, errand: Errand, before: asyncio.Task[None] | None) -> None:
        event: Event | None = None
        fault: Exception | None = None
        try:
            if before is not None:
                await asyncio.wait([before])
            event = await self._until_done(self._doing(run, errand))
        except Exception as problem:
            fault = problem
        finally:
            run.errands -= 1
        if fault is not None:
            self._failed(run, fault)
        else:
            self._ended(run, errand.frame, event)

    def _doing(self, run: LiveRun, errand: Errand) -> Callable[[], Coroutine[Any, Any, Event | None]]:
        match errand:
            case Deliver():
                return lambda: self._deliver(run, errand)
            case StartChild():
                return lambda: self._start_child(run, errand)
            case CancelChild():
                return lambda: self._cancel_child(run, errand)
            case ReadCache():
                return lambda: self._read_cache(errand)

    async def _until_done(self, doing: Callable[[], Coroutine[Any, Any, Event | None]]) -> Event | None:
        while True:
            try:
                return await doing()
            except StoreCorrupt:
                raise
            except StoreError as problem:
                log.error("the store cannot be written; trying again: %s", problem)
                await asyncio.sleep(PAUSE)

    async def _deliver(self, run: LiveRun, errand: Deliver) -> Event:
        now, frame = self._clock.now(), errand.frame
        if errand.to is None:
            assert errand.name is not None
            await self._store.publish(
                errand.name, encode({"event": errand.name, "data": errand.data}), id=errand.id, at=now
            )
            self._sent(None)
            self._published()
            return Delivered(self._clock.now(), frame)
        body = {"reason": errand.data} if errand.kind == "cancel" else {"signal": errand.name, "data": errand.data}
        patient = errand.kind == "signal"
        row = await self._store.post(errand.to, errand.kind, encode(body), id=errand.id, at=now, patient=patient)
        if row is None:
            return _refused(self._clock.now(), frame, "UnknownRun", f"no run has the id {errand.to}")
        if row.closed_at is not None and errand.kind != "cancel" and not await self._arrived(row, errand.id):
            message = f"the run {errand.to} has ended: it is {row.status}"
            return _refused(self._clock.now(), frame, "RunConflict", message)
        self._sent(None)
        return Delivered(self._clock.now(), frame)

    async def _arrived(self, row: RunRow, letter: str) -> bool:
        """Whether a run that has ended had this signal: it may have been sent before a crash."""
        if any(waiting.id == letter for waiting in await self._store.letters_of(row.key)):
            return True
        after = 0
        while page := await self._store.history(row.key, after=after):
            events = (wire.event_from_bytes(at, text) for _, at, text in page)
            if any(isinstance(event, SignalReceived) and event.id == letter for event in events):
                return True
            after = page[-1][0]
        return False

    async def _cancel_child(self, run: LiveRun, errand: CancelChild) -> None:
        body = encode({"reason": f"its parent {run.id} was cancelled"})
        await self._store.post(errand.id, "cancel", body, id="parent/cancel", at=self._clock.now())
        self._sent(errand.id)

    async def _read_cache(self, errand: ReadCache) -> Event:
        value = await self._store.cached(errand.key, self._clock.now())
        found = value is not None
        return CacheRead(self._clock.now(), errand.frame, found, decode(value) if value is not None else None)

    async def _start_child(self, run: LiveRun, errand: StartChild) -> Event | None:
        now, frame = self._clock.now(), errand.frame
        digest = await self._store.latest(errand.workflow)
        if digest is None:
            return _refused(now, frame, "ChildFailed", f"no definition of {errand.workflow} is deployed")
        program = await self._programs.get(digest)
        problems = [] if program.input_schema is None else check_value(program.input_schema, errand.input)
        if problems:
            error = new_error("InvalidInput", f"the input of {errand.workflow} does not fit", details=problems)
            return Undeliverable(now, frame, {**new_error("ChildFailed", "the child was not started"), "cause": error})
        started = RunStarted(
            now, errand.id, errand.input, uuid4().hex, depth=errand.depth, holds=errand.holds, vault=errand.vault
        )
        try:
            commit = begin(program, started, parent=run.id)
        except ExpressionError as problem:
            return _refused(now, frame, "ChildFailed", f"the child's labels cannot be made: {problem}")
        [answer] = await self._store.commit([commit])
        if isinstance(answer, RunExists):
            return await self._existing(run, errand, answer.row)
        if isinstance(answer, ParentEnded):
            return None  # nobody waits for it any more, and nobody would tell it to stop
        if isinstance(answer, SlotTaken):
            cause = new_error("RunConflict", runs_already(errand.workflow, answer))
            return Undeliverable(now, frame, {**new_error("ChildFailed", "the child was not started"), "cause": cause})
        if isinstance(answer, StoreError):
            return _refused(now, frame, "ChildFailed", f"the child cannot be kept: {answer}")
        self._sent(errand.id)
        return Delivered(self._clock.now(), frame) if errand.detach else None

    async def _existing(self, run: LiveRun, errand: StartChild, row: RunRow) -> Event | None:
        """A run with the child's id is there: started before a crash, or in an earlier turn of a loop that names it."""
        now, frame = self._clock.now(), errand.frame
        [(_, at, text)] = await self._store.history(row.key, limit=1)
        first = wire.event_from_bytes(at, text)
        assert isinstance(first, RunStarted)
        if row.parent != run.id:
            return _refused(now, frame, "ChildFailed", f"a run with the id {errand.id} exists already")
        if first_input(first) != digest(errand.input):
            return _refused(now, frame, "ChildFailed", f"the run {errand.id} exists with another input")
        self._sent(errand.id)
        if errand.detach:
            return Delivered(now, frame)
        if row.closed_at is None:
            return None
        outcome = decode(row.outcome or b"{}")
        return ChildEnded(now, frame, row.status, outcome.get("output"), outcome.get("error"))


def runs_already(workflow: str, taken: SlotTaken) -> str:
    """Why a run was not started that is not to run beside others."""
    return f"{workflow} runs already, and is not to run beside itself: {', '.join(taken.holders)}"


def _refused(at: int, frame: int, type: str, message: str) -> Event:
    return Undeliverable(at, frame, new_error(type, message))
