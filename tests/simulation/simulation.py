"""One case of the simulation: what follows from a seed, played, judged, and boiled down where a promise was broken."""

from __future__ import annotations

import asyncio
import logging
import os
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import mortal_loop
import perils
import promises
from exploring_loop import Choices
from perils import Peril
from plots import PLOTS, Plot
from stage import Stage

from perdure.engine.programs import Programs
from perdure.stores import MemoryStore


@dataclass
class Case:
    """What came of a seed. `broken` are sentences, none where all promises were kept."""

    seed: int
    plot: Plot
    perils: Sequence[Peril]
    broken: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    befallen: Counter[str] = field(default_factory=Counter)
    deaths: int = 0
    calls: int = 0
    seconds: float = 0.0

    def story(self) -> str:
        return "\n".join([
            f"seed {self.seed}: {self.plot}", "perils:", *(f"  {peril}" for peril in self.perils),
            "story:", *self.lines, "broken:", *(f"  {sentence}" for sentence in self.broken),
        ])  # fmt: skip


def play(seed: int, chosen: Sequence[Peril] | None = None) -> Case:
    """Play the case of this seed; with other perils than its own where some are given. The same goes the same way."""
    chance = Random(seed)
    shorter = chance.choice((4, 20, 20, 100))
    workers = chance.choice((2, 2, 3))
    plot = chance.choice(PLOTS)(chance, shorter)
    drawn = perils.draw(chance, workers, chance.choice((3.0, 20.0)), 8)
    case = Case(seed, plot, drawn if chosen is None else chosen)
    log = logging.getLogger("perdure")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    urandom, source = os.urandom, Random(seed)
    os.urandom = source.randbytes
    choices = Choices(seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mortal_loop.run(_played(case, chance, choices, workers, shorter), choices)
    except (Exception, asyncio.CancelledError) as problem:
        case.broken.append(f"{type(problem).__name__}: {problem}")
    finally:
        os.urandom = urandom
        log.setLevel(level)
    return case


async def _played(case: Case, chance: Random, choices: Choices, workers: int, shorter: int) -> None:
    stage = Stage(chance, choices, workers, case.perils, shorter)
    case.lines = stage.ledger.lines
    try:
        await stage.play(case.plot)
        programs: dict[int, Any] = {}
        store = MemoryStore(stage.file)
        await store.open()
        known = Programs(store)
        for key, row in stage.file.runs.items():
            programs[key] = await known.get(row.digest)
        told = promises.read(stage.ledger, programs)
        stage.started = told.started
        case.broken += [*promises.broken(stage.ledger, told), *case.plot.judge(stage)]
    finally:
        case.broken += [sentence for sentence in stage.ledger.broken if sentence not in case.broken]
        case.befallen, case.deaths, case.calls = stage.ledger.befallen, stage.deaths, len(stage.ledger.calls)
        case.seconds = asyncio.get_running_loop().time()


def boiled_down(case: Case, attempts: int = 40) -> Case:
    """The case with the fewest perils, as far as leaving out single ones goes, in which a promise is broken."""
    kept = case
    shorter = True
    while shorter and attempts:
        shorter = False
        for peril in kept.perils:
            attempts -= 1
            tried = play(case.seed, [other for other in kept.perils if other is not peril])
            if tried.broken:
                kept, shorter = tried, True
                break
            if not attempts:
                break
    return kept
