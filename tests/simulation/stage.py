"""One simulated world: workers that are kept going, a client that sends, perils that befall them, and the ledger.

A plot (see `plots`) says which definitions there are and what the client does; after it all is healed and led to its
end. Knows no promises.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

from doubled import Doubled
from exploring_loop import Choices
from fakes import fake
from ledger import Call, Ledger, Message
from mortal_loop import CURRENT, Machine, Process
from perils import Peril, Watched

import perdure
from perdure.activities import activity, context
from perdure.engine import Engine
from perdure.errors import PerdureError, StoreError, UnknownRun
from perdure.stores import MemoryStore
from perdure.stores.memory_file import MemoryFile
from perdure.testing import activities as faking
from perdure.values import SECOND, decode

NAMES: Final = (
    "work", "flaky", "bad", "slow", "hang", "stubborn", "late", "torn", "garbage", "tick", "undo", "beat",
)  # fmt: skip
OPEN: Final = ("scheduled", "running", "paused", "stuck")
LONGEST: Final = 400.0
"""Virtual seconds in which a healthy worker brings everything to its end."""


class Unsettled(AssertionError):
    """Something does not come to its end though all is well."""


class Stage:
    late = 60 * SECOND
    """So much later than it is due a timer fires at most once all is well."""

    def __init__(self, chance: Random, choices: Choices, workers: int, perils: Sequence[Peril], shorter: int) -> None:
        self.chance = chance
        self.file = MemoryFile()
        self.ledger = Ledger(self.file)
        self.shorter = shorter
        self.path: Path | None = None
        """Of a database that is to hold the same."""
        self._choices = choices
        self._perils: list[Peril] = list(perils)
        self._handles: list[Watched] = []
        self._counts: dict[int, dict[bool, int]] = {}
        self._workers: dict[int, Process] = {}
        self._engines: dict[Process, Engine] = {}
        self._retire: dict[Process, asyncio.Event] = {}
        self._number = workers
        self._processes: list[Process] = []
        self._over = False
        self._seen = chance.random() < 0.6
        self.queues: dict[int, Any] = {}
        self.deaths = 0
        self.healed = 0
        """The moment from which all is well."""
        self.begun = False
        """Whether the definitions are deployed and the story has begun; it may have begun before this stage."""
        self._machine = Machine()
        self.sending: list[asyncio.Task[None]] = []
        self.started: dict[tuple[int, int], Any] = {}
        """(run, seq of its completion) → the call, once all is over."""

    # -- the whole

    async def play(self, plot: Any) -> None:
        """The plot, the perils, and then the quiet end."""
        client = self._client = Process("client", self._machine, self)
        keepers: list[asyncio.Task[None]] = []
        async with self._opened(client, -1) as self.client:
            if not self.begun:
                for document in plot.documents:
                    await self.insist(lambda document=document: self.client.deploy(document))
            keepers = [asyncio.create_task(self._keep(whom)) for whom in range(self._number)]
            befalling = [asyncio.create_task(self._befall_at(p)) for p in self._perils if p.moment is not None]
            if self.begun:
                await plot.play_on(self)
            else:
                self.begun = True
                await plot.play(self)
            await asyncio.gather(*befalling)
            self._heal()
            await self._lead_to_the_end(plot)
            await self.within(asyncio.gather(*self.sending), "senders of updates wait for replies that never come")
            self._over = True
            for process in self._workers.values():
                if process in self._retire:
                    self._retire[process].set()
            await self.within(asyncio.gather(*keepers), "the workers do not close")

    async def within(self, awaited: Awaitable[Any], what: str) -> Any:
        try:
            async with asyncio.timeout(LONGEST):
                return await awaited
        except TimeoutError:
            raise Unsettled(what) from None

    def _heal(self) -> None:
        self._calm()
        now = asyncio.get_running_loop().time()
        stalled = max((handle.stalled_until - now for handle in self._handles), default=0.0)
        self.healed = max(process.now() for process in (self._client, *self._processes))
        self.healed += round(max(stalled, 0.0) * SECOND)
        self.ledger.note("-- all is well from now on")

    def _calm(self) -> None:
        """Nothing befalls anybody any more."""
        self._perils.clear()
        for handle in self._handles:
            handle.heal()

    async def _lead_to_the_end(self, plot: Any) -> None:
        for deed in self.deeds(plot):
            for row in [row for row in self.file.runs.values() if row.status in OPEN]:
                if row.status == "stuck":
                    self.ledger.accuse(f"run {row.id} is stuck: {row.outcome!r}")
                if deed is not None:
                    self.ledger.note(f"client: {deed} {row.id}")
                    with contextlib.suppress(PerdureError):
                        await self.insist(getattr(self.client.run(row.id), deed))
            if await self._quiet():
                return
        left = [f"{row.id} is {row.status}" for row in self.file.runs.values() if row.status in OPEN]
        raise Unsettled(f"does not end: {'; '.join(left)}")

    def deeds(self, plot: Any) -> Iterable[str | None]:
        """What is done in turn to runs that do not end of themselves."""
        return (None, *plot.ends)

    async def _quiet(self) -> bool:
        """Whether all runs have ended, once they have, or none of those that are left has anything to do."""
        idle = 0
        for waited in range(round(LONGEST)):
            await asyncio.sleep(1)
            left = [row for row in self.file.runs.values() if row.status in OPEN]
            if not left and not self.file.occurrences:
                return True
            idle = 0 if self._is_busy(left) else idle + 1
            stubborn = any(row.owner is not None for row in left) and waited > 60 and self._hanging()
            if idle > 3 or stubborn:
                return False
        return False

    def _is_busy(self, left: Sequence[Any]) -> bool:
        """Whether there is anything to do, for the runs that are left or for schedules."""
        moving = any(row.owner is not None or row.wake_at is not None for row in left)
        return bool(moving or self.file.tasks or self.file.occurrences)

    def _hanging(self) -> bool:
        return any(
            call.name == "hang" and call.ended is None and not call.process.dead.is_set() for call in self.ledger.calls
        )

    # -- workers

    def store(self) -> Any:
        """A new handle on the file."""
        memory = MemoryStore(self.file)
        return memory if self.path is None else Doubled(memory, self.path, self.ledger.accuse)

    def _handle(self, process: Process, whom: int) -> Any:
        counts = self._counts.setdefault(whom, {})
        mine = [peril for peril in self._perils if peril.whom == whom]
        handle = Watched(
            self.store(), self._choices, process, mine, counts, self._befallen,
            lambda name, given, make: self.ledger.call(process, name, given, make),
        )  # fmt: skip
        self._handles.append(handle)
        return handle

    async def _keep(self, whom: int) -> None:
        """A supervisor: whatever ends is started anew."""
        number = 0
        while not self._over:
            number += 1
            process = self._workers[whom] = Process(f"worker {whom}.{number}", self._machine, self)
            self._processes.append(process)
            self._retire[process] = asyncio.Event()
            self.ledger.note(f"{process.name} starts")
            life = process.begin(self._live(process, whom))
            death = asyncio.create_task(process.dead.wait())
            await asyncio.wait({life, death}, return_when=asyncio.FIRST_COMPLETED)
            if process.dead.is_set():
                self._died(process)
            else:
                death.cancel()
                if (problem := life.exception()) is not None:
                    self.ledger.note(f"{process.name} ends: {problem!r}")
                    if not isinstance(problem, StoreError):
                        self.ledger.accuse(f"{process.name} raised {problem!r}")
            if not self._over:
                await asyncio.sleep(self.pause_before_restart())

    @contextlib.asynccontextmanager
    async def _opened(self, process: Process, whom: int, **options: Any) -> AsyncIterator[Engine]:
        """The engine of a process; the client's does not work."""
        handle, called = self._handle(process, whom), () if whom < 0 else ACTIVITIES
        async with perdure.open(
            handle, activities=called, clock=process, work=whom >= 0, grace=0.05, **options
        ) as engine:
            yield engine

    async def _live(self, process: Process, whom: int) -> None:
        options = {"queues": self.queues[whom]} if whom in self.queues else {}
        async with self._opened(process, whom, **options) as engine:
            self._engines[process] = engine
            await self._retire[process].wait()
            self.ledger.note(f"{process.name} closes")

    def pause_before_restart(self) -> float:
        return self.chance.choice((0.0, 0.05, 1.0, 8.0))

    def _died(self, process: Process) -> None:
        self.deaths += 1
        self.ledger.note(f"{process.name} is dead")
        engine = self._engines.get(process)
        worker = None if engine is None or engine._worker is None else engine._worker.id
        if self._seen and worker in self.file.workers:  # others on the host see that its process is gone
            self.file.workers[worker] = replace(self.file.workers[worker], boot="another")

    # -- perils

    def _befallen(self, peril: Peril) -> None:
        self.ledger.befallen[peril.what] += 1
        self.ledger.note(f"** {peril}")

    async def _befall_at(self, peril: Peril) -> None:
        assert peril.moment is not None
        await asyncio.sleep(peril.moment)
        process = self._workers.get(peril.whom)
        if process is None or process.dead.is_set():
            return
        self._befallen(peril)
        match peril.what:
            case "die":
                process.dead.set()
            case "close":
                self._retire[process].set()
            case "jump":
                self._machine.ahead += round(peril.measure * SECOND)
            case "drift":
                process.ahead += round(peril.measure * SECOND)
            case "sleep":
                process.asleep = True
                await asyncio.sleep(peril.measure)
                self.ledger.note(f"{process.name} wakes")
                asyncio.get_running_loop().wake(process)  # type: ignore[attr-defined]

    # -- activities

    async def act(self, process: Process, name: str, arguments: dict[str, Any]) -> Any:
        """An attempt, as the ledger sees it."""
        engine = self._engines.get(process)
        worker = engine._worker.id if engine is not None and engine._worker is not None else ""
        call = self.ledger.begins(process, worker, context(), name, arguments)
        try:
            value = await (self._beat(call) if name == "beat" else self._act(call))
        except asyncio.CancelledError:
            self.ledger.ends(call, "is cancelled")
            raise
        except perdure.ActivityError:
            self.ledger.ends(call, "fails")
            raise
        self.ledger.ends(call, "ends", value)
        return value

    async def _beat(self, call: Call) -> Any:
        """Goes on where the details of a heartbeat say that the attempt before stood."""
        done = context().heartbeat_details or 0
        row = self.file.find(call.run)
        kept = max(map(decode, self.file.heartbeats.get(0 if row is None else row.key, {}).values()), default=0)
        if call.sound and done < kept:
            self.ledger.accuse(f"{call.key} begins at {done}, and a heartbeat at {kept} was durable")
        for number in range(done, call.arguments["value"]):
            await asyncio.sleep(1.2)
            context().heartbeat(number + 1)
        return done

    async def _act(self, call: Call) -> Any:
        said = said_to(call.name, call.arguments, call.address, call.attempt)
        loop = asyncio.get_running_loop()
        due = loop.time() + said.after / SECOND / self.shorter
        try:
            await (asyncio.Event().wait() if said.hang else asyncio.sleep(due - loop.time()))
        except asyncio.CancelledError:
            if said.on_cancel == "ignore":
                await asyncio.sleep(max(due - loop.time(), 0))
            elif said.on_cancel == "end":
                return _result(said.cancelled or said.end)
            else:
                raise
        return _result(said.end)

    # -- the client

    async def insist(self, deed: Callable[[], Awaitable[Any]]) -> Any:
        """Do it until the store lets it be done."""
        while True:
            try:
                return await deed()
            except StoreError:
                await asyncio.sleep(0.1)

    async def start(self, name: str, input: Any, id: str, *, insist: bool = True) -> Message:
        """Start a run of a deployed definition, here or through a worker, again and again until it is acknowledged."""
        message = Message("start", id, id, input)
        self.ledger.messages.append(message)
        await self._try(message, lambda engine: engine.start(name, input, id=id), insist, self.chance.random() < 0.5)
        return message

    async def send(self, kind: str, run: str, name: str, data: Any, id: str, *, insist: bool = True) -> Message:
        """A signal or an update, as insistently as told; an update is acknowledged with its reply."""
        message = Message(kind, run, id, data)
        self.ledger.messages.append(message)

        async def deed(engine: Engine) -> Any:
            return await getattr(engine.run(run), kind)(name, data, id=id)

        await self._try(message, deed, insist, self.chance.random() < 0.3)
        return message

    async def post_update(self, run: str, name: str, data: Any, id: str) -> None:
        """An update whose reply nobody waits for."""
        message = Message("update", run, id, data)
        self.ledger.messages.append(message)
        sending = asyncio.create_task(self._try(
            message, lambda engine: engine.run(run).update(name, data, id=id), False, False))  # fmt: skip
        self.sending.append(sending)

    async def insist_on(self, what: str, run: str) -> None:
        """Do that to a run until the store has heard of it, or it is refused."""
        while (await self.do(what, run)).told == "nothing":
            await asyncio.sleep(0.1)

    async def do(self, what: str, run: str, *given: Any) -> Message:
        """Cancel, terminate, pause or resume a run, or answer it; once."""
        message = Message(what, run, f"{what}-{len(self.ledger.messages)}", None, given=given)
        self.ledger.messages.append(message)
        await self._try(
            message, lambda engine: getattr(engine.run(run), what)(*given), False, self.chance.random() < 0.3
        )
        return message

    async def _try(
        self, message: Message, deed: Callable[[Engine], Awaitable[Any]], insist: bool, by_worker: bool
    ) -> None:
        while True:
            message.tries += 1
            try:
                message.reply = await (self._by_worker(deed) if by_worker else deed(self.client))
                message.told = "acknowledged"
            except (StoreError, Died):
                if insist or self.chance.random() < 0.5:
                    by_worker = False
                    await asyncio.sleep(0.2)
                    continue
            except UnknownRun:
                message.told = "unknown"
            except PerdureError as problem:
                message.told, message.reply = "refused", problem
            break
        self.ledger.note(
            f"client: {message.kind} {message.id} to {message.run}: {message.told} {message.reply!r}"[:300]
        )

    async def _by_worker(self, deed: Callable[[Engine], Awaitable[Any]]) -> Any:
        """Through the engine of a worker, which may die over it."""
        process = self._workers.get(self.chance.randrange(self._number))
        engine = self._engines.get(process) if process is not None else None
        if process is None or engine is None or process.dead.is_set() or self._retire[process].is_set():
            return await deed(self.client)
        task = process.begin(_await(deed(engine)))
        death = asyncio.create_task(process.dead.wait())
        await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Died
        death.cancel()
        return task.result()


def _activity(name: str) -> Any:
    """It is carried out by the stage of the process in which it is called."""

    @activity(name)
    async def act(**arguments: Any) -> Any:
        process = CURRENT.get()
        assert process is not None
        return await process.stage.act(process, name, arguments)

    return act


ACTIVITIES: Final = [_activity(name) for name in NAMES]


class Died(Exception):
    """The process that was asked died over it."""


async def _await(awaited: Awaitable[Any]) -> Any:
    return await awaited


def said_to(name: str, arguments: Any, address: str, attempt: int) -> faking.Reply:
    """What an activity does: as the oracle's fakes, but what it gives is the same for every attempt."""
    asked = attempt if name == "flaky" and attempt < arguments.get("good", 2) else 9
    return fake(faking.Call(name, arguments, address, asked, "", 0, 0))


def _result(end: faking.End) -> Any:
    if end.error is not None:
        raise perdure.ActivityError(
            end.error["type"], end.error["message"], end.error.get("details"), retryable=end.retryable
        )
    return end.value
