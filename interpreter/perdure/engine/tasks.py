"""Tasks: calls that one worker makes for the run of another, because it serves their queue.

The owner of the run writes a task with the event that says so and lets the run rest; who serves the queue takes the
task, makes the call like any of its own, and sends how it ended as a letter. Both ends of that wire stand here: what a
task holds and what its letters say.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Final

from perdure.core import State, wire
from perdure.core.blocks.activity import ActivityFrame
from perdure.core.commands import StartActivity
from perdure.core.events import ActivityCancelled, ActivityFailed, AttemptLost, AttemptStarted, Event
from perdure.core.outcomes import new_error
from perdure.engine.attempts import Attempt, Attempts
from perdure.engine.clock import Clock
from perdure.engine.lanes import DEFAULT, Lanes
from perdure.engine.live import LiveRun
from perdure.errors import StoreError
from perdure.stores.store import NewLetter, NewTask, Store, TaskRow
from perdure.values import JSON, SECOND, decode, encode, format_duration

log = logging.getLogger("perdure.engine")

PAUSE: Final = 1.0
"""Seconds before the store is asked again that could not keep how a task has ended."""

SWEEP: Final = 1.0
"""Seconds between two looks at what is wanted no longer, whatever the signs say."""

# -- the owner's end


def task_of(run: LiveRun, command: StartActivity, now: int) -> NewTask:
    """What another worker needs to know to make a call."""
    details = run.heartbeats.get(command.slot)
    body = {
        "workflow": run.workflow,
        "address": command.address,
        "name": command.name,
        "arguments": command.arguments,
        "attempt": command.attempt,
        "key": command.key,
        "slot": command.slot,
        "queue_timeout": command.queue_timeout,
        "until": None if command.queue_timeout is None else now + command.queue_timeout,
        "heartbeat": command.heartbeat,
        "vault": command.vault,
        "details": None if details is None else decode(details),
    }
    return NewTask(command.frame, command.queue or DEFAULT, command.priority, encode(body))


def task_event(run: LiveRun, at: int, body: JSON) -> Event | None:
    """The event that a letter of kind `task` stands for; None for one that comes too late, or brings only details of a
    heartbeat, which are noted; a task that was handed back unbegun is made anew."""
    frame = run.state.frames.get(body["frame"])
    if not isinstance(frame, ActivityFrame) or not frame.queued or body.get("attempt", frame.attempt) != frame.attempt:
        return None
    if body.get("details") is not None:
        run.note_heartbeat(body["slot"], encode(body["details"]))
    if again := body.get("again"):
        run.decided.besides.tasks.append(NewTask(frame.id, again["queue"], again["priority"], encode(again["body"])))
    if body.get("lost"):
        return AttemptLost(at, frame.id)
    if body.get("cancelled"):
        return ActivityCancelled(at, frame.id)
    if body.get("started"):
        return AttemptStarted(at, frame.id)
    if "event" not in body:
        return None
    event = wire.event_from_bytes(at, encode(body["event"]))
    run.note_end(body["slot"], event)
    return event


def is_elsewhere(state: State, frame: int) -> bool:
    """Whether an attempt is a task."""
    found = state.frames.get(frame)
    return isinstance(found, ActivityFrame) and found.queued


def lost_letters(run_id: str, state: State) -> list[NewLetter]:
    """For a run that comes without its tasks, from another store: whoever had them is not heard of any more."""
    return [
        NewLetter(run_id, "task", f"~task/{frame.id}/lost", state.now, encode({"frame": frame.id, "lost": True}))
        for frame in state.frames.values()
        if isinstance(frame, ActivityFrame) and frame.queued
    ]


# -- the end of the worker that makes the call


@dataclass(slots=True, eq=False)
class Task:
    """A task that this worker has taken; it owns one attempt. `details` are those of its latest heartbeat."""

    row: TaskRow
    workflow: str
    command: StartActivity
    until: int | None
    heartbeats: dict[int, bytes]
    attempts: set[int] = field(default_factory=set)
    details: bytes | None = None
    beaten: int = 0

    @property
    def key(self) -> tuple[str, int]:
        return "task", self.row.key

    @property
    def id(self) -> str:
        return self.row.run_id


def task_in(row: TaskRow) -> Task:
    """A task as its row tells it."""
    body = decode(row.body)
    command = StartActivity(
        row.frame,
        body["address"],
        body["name"],
        body["arguments"],
        body["attempt"],
        body["key"],
        body["slot"],
        queue=row.queue,
        priority=row.priority,
        queue_timeout=body["queue_timeout"],
        heartbeat=body["heartbeat"],
        vault=body["vault"],
    )
    heartbeats = {} if body["details"] is None else {body["slot"]: encode(body["details"])}
    return Task(row, body["workflow"], command, body["until"], heartbeats)


class Tasks:
    """The tasks that one worker has taken. `sent` is told when a letter was posted."""

    def __init__(
        self, store: Store, clock: Clock, attempts: Attempts, lanes: Lanes[Attempt], sent: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._attempts = attempts
        self._lanes = lanes
        self._sent = sent
        self._worker = ""
        self._taken: dict[int, Task] = {}
        self._ending: set[int] = set()
        """Keys of those that have ended here, of which the store does not know yet."""
        self._told: set[int] = set()
        """Keys of those of which it knows now; a look that began before may still find them."""
        self._stirred = True
        self._looked = 0.0
        self._unseen = False
        """Whether the store may have given this worker tasks that are not here yet."""
        self._errands: set[asyncio.Task[None]] = set()

    def stir(self) -> None:
        """Others may have written: look the next time."""
        self._stirred = True

    async def look(self, worker: str, *, take: bool) -> None:
        """Take what there is room for, and stop what is wanted no longer: when something has stirred, and each second.
        Raises StoreError."""
        self._worker = worker
        now = asyncio.get_running_loop().time()
        if not self._stirred and now - self._looked < SWEEP:
            return
        self._stirred, self._looked = False, now
        room = self._lanes.room() if take else {}
        unseen = self._unseen
        if room:
            self._unseen = True  # where an answer is lost, tasks may be ours all the same
            unseen = bool(await self._store.take_tasks(worker, room)) or unseen
        if self._taken or unseen:
            told = set(self._told)
            mine = {row.key: row for row in await self._store.tasks(worker)}
            for row in mine.values():
                self._see(row)
            for task in [task for key, task in self._taken.items() if key not in mine]:
                self._let_go(task)
            self._told -= told
        self._unseen = False

    def ended(self, task: Task, event: Event) -> None:
        """An attempt has ended: say so, until the store has heard it."""
        key = task.row.key
        if self._taken.pop(key, None) is not None:
            self._ending.add(key)
            body = self._body(task, event=decode(wire.event_to_bytes(event)))
            self._go(self._finish(self._worker, key, body))

    def beat(self, task: Task, details: bytes) -> None:
        """Details of a heartbeat are sent at most every second: the next attempt is to find them."""
        now = self._clock.now()
        task.details = task.heartbeats[task.command.slot] = details
        if now - task.beaten >= SECOND:
            task.beaten = now
            self._go(self._post(task, self._body(task)))

    def forget(self) -> None:
        """This worker was declared dead: its tasks were given away."""
        for task in tuple(self._taken.values()):
            self._let_go(task)

    async def hand_back(self) -> None:
        """Let go of everything: what has not begun is for others, what has will count as lost."""
        known = self._taken.keys() | self._ending | self._told
        for task in tuple(self._taken.values()):
            begun = task.row.frame in task.attempts and not self._attempts.is_waiting(task, task.row.frame)
            self._let_go(task)
            if not begun:
                self._return(task)
        if self._unseen:
            with contextlib.suppress(StoreError):
                for row in await self._store.tasks(self._worker):
                    if row.key not in known:
                        self._return(task_in(row))

    def _return(self, task: Task) -> None:
        """A task that has not begun goes back to its run, which hands it out again."""
        row = task.row
        self._ending.add(row.key)
        again = {"queue": row.queue, "priority": row.priority, "body": decode(row.body)}
        self._go(self._finish(self._worker, row.key, self._body(task, again=again)))

    async def close(self) -> None:
        """Wait for what is on its way to the store."""
        if self._errands:
            await asyncio.wait(self._errands, timeout=PAUSE)
        for errand in tuple(self._errands):
            errand.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)

    def _see(self, row: TaskRow) -> None:
        """A task of ours as the store has it: it may be new, here already, or wanted no longer."""
        known = self._taken.get(row.key)
        if known is not None:
            if row.cancelled and not self._attempts.cancel(known, row.frame):
                self.ended(known, ActivityCancelled(self._clock.now(), row.frame))
        elif row.key not in self._ending and row.key not in self._told:
            task = self._taken[row.key] = task_in(row)
            now = self._clock.now()
            if row.cancelled:
                self.ended(task, ActivityCancelled(now, row.frame))
            elif task.until is not None and now > task.until:
                span = format_duration(task.command.queue_timeout or 0)
                error = new_error("Timeout", f"no worker was free within {span}")
                self.ended(task, ActivityFailed(now, row.frame, error))
            elif task.until is not None:
                self._go(self._begin(task))
            else:
                self._attempts.start(task, task.command, marked=True)

    async def _begin(self, task: Task) -> None:
        """Where the owner watches how long the task waits, it hears of the beginning first."""
        await self._until_done(lambda: self._post(task, self._body(task, started=True)))
        if self._taken.get(task.row.key) is task:
            self._attempts.start(task, replace(task.command, queue_timeout=None), marked=True)

    def _body(self, task: Task, **said: JSON) -> bytes:
        command = task.command
        details = None if task.details is None else decode(task.details)
        body = {"frame": command.frame, "attempt": command.attempt, "slot": command.slot, "details": details, **said}
        return encode(body)

    async def _finish(self, worker: str, key: int, body: bytes) -> None:
        try:
            await self._until_done(lambda: self._store.finish_task(worker, key, body, self._clock.now()))
        finally:
            self._ending.discard(key)
            self._told.add(key)
        self.stir()  # there is room for another
        self._sent()

    async def _post(self, task: Task, body: bytes) -> None:
        at = self._clock.now()
        id = f"~task/{task.row.key}/{at}"
        await self._store.post(task.id, "task", body, id=id, at=at)
        self._sent()

    async def _until_done(self, doing: Callable[[], Coroutine[Any, Any, object]]) -> None:
        while True:
            try:
                await doing()
            except StoreError as problem:
                log.error("the store cannot be written; trying again: %s", problem)
                await asyncio.sleep(PAUSE)
            else:
                return

    def _go(self, errand: Coroutine[Any, Any, None]) -> None:
        started = asyncio.get_running_loop().create_task(self._quietly(errand))
        self._errands.add(started)
        started.add_done_callback(self._errands.discard)

    async def _quietly(self, errand: Coroutine[Any, Any, None]) -> None:
        """A heartbeat that cannot be sent is followed by others."""
        with contextlib.suppress(StoreError):
            await errand

    def _let_go(self, task: Task) -> None:
        self._taken.pop(task.row.key, None)
        self._attempts.drop(task)
