"""One case of the simulation: what follows from a seed, played, judged, and boiled down where a promise was broken."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Final
from unittest.mock import patch

import mortal_loop
import perils
import promises
from exploring_loop import Choices
from perils import Peril
from plots import PLOTS, Plot
from retelling import retell
from stage import Stage

from perdure.definition import load_bundle
from perdure.engine import definitions, live, programs

MEMORY: Final = Path("/dev/shm")
Spoil = Callable[[contextlib.ExitStack], None]


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
    spoil: Spoil | None = None
    """Breaks something while it is played."""

    def story(self) -> str:
        return "\n".join([
            f"seed {self.seed}: {self.plot}", "perils:", *(f"  {peril}" for peril in self.perils),
            "story:", *self.lines, "broken:", *(f"  {sentence}" for sentence in self.broken),
        ])  # fmt: skip


def play(
    seed: int,
    chosen: Sequence[Peril] | None = None,
    *,
    plots: Sequence[type[Plot]] = PLOTS,
    spoil: Spoil | None = None,
    doubled: bool | None = None,
) -> Case:
    """Play the case of this seed; with other perils than its own where some are given, out of these plots, on an engine
    that is spoilt. In every eighth case SQLite holds
    the same, as it does if `doubled`. The same goes the same way."""
    chance = Random(seed)
    shorter = chance.choice((4, 20, 20, 100))
    workers = chance.choice((2, 2, 3))
    plot = chance.choice(plots)(chance, shorter)
    drawn = perils.draw(chance, workers, chance.choice((3.0, 20.0)), 8)
    case = Case(seed, plot, drawn if chosen is None else chosen, spoil=spoil)
    choices = Choices(seed)
    stage = Stage(chance, choices, workers, case.perils, shorter)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.exists() else None) as folder:
        if doubled if doubled is not None else seed % 8 == 7:
            stage.path = Path(folder, "store.db")
        enact(case, stage, mortal_loop.MortalLoop(choices))
    return case


def enact(case: Case, stage: Stage, loop: mortal_loop.MortalLoop | mortal_loop.StraightLoop) -> None:
    """Play the case on this stage, and judge it."""
    try:
        with _settled(f"{case.seed} {len(case.lines)} {len(stage.file.workers)}"):
            mortal_loop.run(_played(case, stage), loop)
    except (Exception, asyncio.CancelledError) as problem:
        case.broken.append(f"{type(problem).__name__}: {problem}")


read_once = lru_cache(64)(load_bundle)
"""What a text means does not change: the workers of all cases read it once."""


@contextlib.contextmanager
def _settled(seed: str) -> Iterator[None]:
    """Nothing comes by chance, and nothing is logged."""
    log = logging.getLogger("perdure")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    with contextlib.ExitStack() as stack:
        stack.callback(log.setLevel, level)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        chance = Random(seed)
        stack.enter_context(patch.object(os, "urandom", chance.randbytes))
        events = chance.choice((500, 6, 2))  # whatever the length of a run, there are snapshots
        stack.enter_context(patch.multiple(live, SNAPSHOT_EVENTS=events, PARKED_EVENTS=events // 2))
        for module in (programs, definitions):
            stack.enter_context(patch.object(module, "load_bundle", read_once))
        yield


async def _played(case: Case, stage: Stage) -> None:
    case.lines = stage.ledger.lines
    try:
        with contextlib.ExitStack() as stack:
            if case.spoil is not None:
                case.spoil(stack)
            await stage.play(case.plot)
        of_runs = {key: read_once(stage.file.definitions[row.digest]).program for key, row in stage.file.runs.items()}
        told = retell(stage.ledger, of_runs, stage.healed, stage.late)
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
