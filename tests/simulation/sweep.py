"""A crash at every call of the store: one small engine plays a plot, and dies before and after each call of it.

The plot is played undisturbed, which gives the points at which it can crash; then once for each: the worker dies before
or after the call, or the call fails, or its answer is lost. A new worker brings all to its end, and the promises are
judged. A point at which nothing has happened since the one before is left out. Where worker and client die together,
which programs that were generated bear, what was before is not played again but copied.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import pickle
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from exploring_loop import Choices
from ledger import Call, Landed, Message
from mortal_loop import Process, StraightLoop
from perils import Peril, Watched
from plots import PLOTS, Plot
from simulation import Case, Spoil, enact
from stage import ACTIVITIES, LONGEST, OPEN, Stage

from perdure.activities import Registry
from perdure.engine import Engine
from perdure.errors import StoreUnavailable
from perdure.values import SECOND

CRASHES: Final = ("die before", "die after")
WRITING: Final = (
    "commit", "put_definition", "post", "publish", "put_schedule", "change_schedule", "delete_schedule",
    "drop_occurrence", "take_tasks", "finish_task", "answer", "register", "renew", "bury", "claim",
)  # fmt: skip
REGISTRY: Final = Registry.load(ACTIVITIES, builtin=False, entry_points=False)
MOST_POINTS: Final = 80
"""Of one plot; of more a part is taken by chance."""
SWEPT: Final = tuple(plot for plot in PLOTS if plot.quick)


@dataclass
class Swept:
    """What came of a seed: how many cases were played, and those in which a promise was broken."""

    seed: int
    plot: str
    cases: Counter[str] = field(default_factory=Counter)
    broken: list[Case] = field(default_factory=list)


@dataclass
class Frozen:
    """What is left of a story when all processes die."""

    point: Peril
    moment: float
    file: bytes
    lines: list[str]
    calls: list[Call]
    landed: dict[tuple[int, int], Landed]
    messages: list[Message]
    closed: dict[int, int]


class Rehearsal(Stage):
    """A stage with as few engines as the plot can do with; `points` are where it could have crashed."""

    late = 5 * SECOND

    def __init__(self, chance: Random, perils: Sequence[Peril], shorter: int, plot: Plot) -> None:
        super().__init__(chance, Choices(deviations={}), plot.workers, perils, shorter)
        self._seen = True
        self._plot = plot
        self._disturbed = bool(perils)
        self.points: list[Peril | Frozen] = []
        self._mark: Any = None

    def thaw(self, frozen: Frozen) -> None:
        """Go on from there."""
        self.file = self.ledger.file = pickle.loads(frozen.file)
        for id, worker in self.file.workers.items():
            self.file.workers[id] = replace(worker, boot="another")
        self.ledger.lines[:] = frozen.lines
        self.ledger.calls[:] = frozen.calls
        self.ledger.landed.update(frozen.landed)
        self.ledger.messages[:] = [replace(message) for message in frozen.messages]
        self.ledger.closed.update(frozen.closed)
        self.begun = self._disturbed = True

    def freeze(self, point: Peril) -> Frozen:
        ledger = self.ledger
        buried = Process("buried", self._machine, self)
        buried.dead.set()
        calls = [call if call.ended is not None else replace(call, process=buried) for call in ledger.calls]
        return Frozen(
            point, asyncio.get_running_loop().time(), pickle.dumps(self.file), list(ledger.lines), calls,
            dict(ledger.landed), [replace(message) for message in ledger.messages], dict(ledger.closed),
        )  # fmt: skip

    @contextlib.asynccontextmanager
    async def _opened(self, process: Process, whom: int, **options: Any) -> AsyncIterator[Engine]:
        """As `perdure.open` does, with activities that are loaded once."""
        store = self._handle(process, whom)
        await store.open()
        engine = Engine(store, REGISTRY, process, checks=whom >= 0)
        if whom >= 0:
            queues = options.get("queues")
            await engine._work({}.get, concurrency=100, queues=queues, only=None, retention=None)  # type: ignore[arg-type]
        yield engine
        await engine._close(0.05)

    def _handle(self, process: Process, whom: int) -> Any:
        handle = Counting(
            self.store(), self._choices, process, [peril for peril in self._perils if peril.whom == whom],
            self._counts.setdefault(whom, {}), self._befallen,
            lambda name, given, make: self.ledger.call(process, name, given, make), stage=self, whom=whom,
        )  # fmt: skip
        self._handles.append(handle)
        return handle

    def _calm(self) -> None:
        """A crash may come at any moment, also when the client has nothing left to do."""

    def pause_before_restart(self) -> float:
        return 0.0

    def deeds(self, plot: Any) -> Iterator[str | None]:
        for deed in super().deeds(plot):
            if deed != "resume" or any(row.status == "paused" for row in self.file.runs.values()):
                yield deed

    async def _quiet(self) -> bool:
        """As the stage has it; what has to do with real spans is as much shorter as they are."""
        idle, waited = 0, 0.0
        while waited < LONGEST / 5:
            left = [row for row in self.file.runs.values() if row.status in OPEN]
            if not left and not self.file.occurrences:
                return True
            busy = (
                any(row.owner is not None or row.wake_at is not None for row in left)
                or self.file.tasks
                or self.file.occurrences
            )
            idle = 0 if busy else idle + 1
            stubborn = any(row.owner is not None for row in left) and waited > 600 / self.shorter and self._hanging()
            if idle > 1 or stubborn:
                return False
            await asyncio.sleep(0.1)
            waited += 0.1
        return False

    def note_point(self, whom: int, call: int, what: str) -> None:
        """It could crash here, if anything has happened since it last could."""
        if not self.begun or self._disturbed:
            return
        if what in CRASHES:
            mark = (len(self.ledger.lines), self.file.changes, whom)
            if mark == self._mark:
                return
            self._mark = mark
        point = Peril(None, call, whom, what)
        frozen = self._plot.resumable and what in CRASHES
        self.points.append(self.freeze(point) if frozen else point)


class Counting(Watched):
    """A handle whose calls are points to crash at. Calls take no time."""

    def __init__(self, *watched: Any, stage: Rehearsal, whom: int) -> None:
        super().__init__(*watched)
        self._stage = stage
        self._whom = whom

    async def _call(self, name: str, method: Any, given: Any, named: Any) -> Any:
        number = self._calls[False] = self._calls.get(False, 0) + 1
        met = self._perils.get((False, number))
        writes = name in WRITING
        await self._meet(met, "die before", number, name, self._whom >= 0)
        await self._meet(met, "fail", number, name, writes)
        answer = await self._landed(name, given, lambda: method(*given, **named))
        await self._meet(met, "die after", number, name, self._whom >= 0)
        await self._meet(met, "lose the answer", number, name, writes)
        return answer

    async def _meet(self, met: Peril | None, what: str, number: int, name: str, can: bool) -> None:
        if can:
            self._stage.note_point(self._whom, number, what)
        if met is None or met.what != what:
            return
        self._befall(met)
        if what in CRASHES:
            await self._die()
        raise StoreUnavailable(f"{name}: {what}")


class Piece:
    """What follows from a seed, to be played often."""

    def __init__(self, seed: int, plots: Sequence[type[Plot]] = SWEPT) -> None:
        self.seed = seed
        self._chance = Random(f"sweep {seed}")
        self._shorter = self._chance.choice((20, 200, 1000))
        self.plot = self._chance.choice(plots)(self._chance, self._shorter, small=True)
        self.plot.prepare()
        self._state = self._chance.getstate()

    def play(
        self, perils: Sequence[Peril], frozen: Frozen | None = None, spoil: Spoil | None = None
    ) -> tuple[Case, Rehearsal]:
        """Play it with these perils, from where all died if so; the same goes the same way."""
        self._chance.setstate(self._state)
        met = perils if frozen is None else [frozen.point, *perils]
        case = Case(self.seed, self.plot, met, spoil=spoil)
        stage, loop = Rehearsal(self._chance, perils, self._shorter, self.plot), StraightLoop()
        if frozen is not None:
            stage.thaw(frozen)
            loop.moment = frozen.moment
        enact(case, stage, loop)
        return case, stage


def sweep(seed: int) -> Swept:
    """Play the plot of this seed undisturbed, and once for each point at which it can crash."""
    piece = Piece(seed)
    swept = Swept(seed, type(piece.plot).__name__)
    gc.freeze()
    for number, case in enumerate(cases(piece)):
        if case.befallen or case.broken:
            swept.cases[" and ".join(case.befallen.elements())] += 1
        if case.broken:
            swept.broken.append(case)
        if number % 50 == 0:
            gc.collect()
    gc.unfreeze()
    return swept


def cases(piece: Piece, spoil: Spoil | None = None) -> Iterator[Case]:
    """One after another, the undisturbed one first."""
    undisturbed, stage = piece.play((), spoil=spoil)
    yield undisturbed
    chance = Random(piece.seed)
    points = stage.points if len(stage.points) <= MOST_POINTS else chance.sample(stage.points, MOST_POINTS)
    for point in points:
        frozen = point if isinstance(point, Frozen) else None
        peril = point.point if isinstance(point, Frozen) else point
        later = _second(chance, peril, 0 if frozen else peril.call or 0)
        case, _ = piece.play(later if frozen else [peril, *later], frozen, spoil)
        if frozen is not None:
            case.befallen[peril.what] += 1
        yield case


def _second(chance: Random, point: Peril, after: int) -> list[Peril]:
    """In every fourth case the worker that comes after dies too."""
    if chance.random() >= 0.25:
        return []
    call = (after if point.whom >= 0 else 0) + int(chance.triangular(1, 40, 1))
    return [Peril(None, call, max(point.whom, 0), chance.choice(CRASHES))]
