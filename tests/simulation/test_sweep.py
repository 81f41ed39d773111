"""Random programs and written plots, killed at every call of the store, held against the promises of reliability.md.

`PERDURE_SWEEP=n` sweeps n of them, `PERDURE_SEED=n` begins at another seed.
"""

from __future__ import annotations

import os
import time
from collections import Counter

import pytest
from simulation import Case
from sweep import Piece, sweep

LONG = int(os.environ.get("PERDURE_SWEEP", "0"))
PROGRAMS = LONG or 6
FIRST = int(os.environ.get("PERDURE_SEED", "0"))


def test_the_same_case_goes_the_same_way() -> None:
    piece = Piece(FIRST)
    _, stage = piece.play(())
    assert stage.points
    for point in stage.points[:: len(stage.points) // 2]:
        assert piece.play([point])[0].lines == Piece(FIRST).play([point])[0].lines


@pytest.mark.timeout(0 if LONG else 120)
def test_every_promise_is_kept_wherever_the_worker_dies(capsys: pytest.CaptureFixture[str]) -> None:
    began, cases, plots, broken = time.monotonic(), Counter[str](), Counter[str](), list[Case]()
    for seed in range(FIRST, FIRST + PROGRAMS):
        swept = sweep(seed)
        cases += swept.cases
        plots[swept.plot] += 1
        broken += swept.broken
        if swept.broken and not LONG:
            break
        if LONG:
            with capsys.disabled():
                _tell(seed - FIRST + 1, cases.total(), (time.monotonic() - began) / 60, swept.broken)
    if LONG:
        with capsys.disabled():
            print(f"\n{dict(cases)}; plots {dict(plots)}")
    assert not broken, broken[0].story()


def _tell(programs: int, cases: int, minutes: float, broken: list[Case]) -> None:
    for case in broken[:2]:
        print("\n" + case.story())
    if programs % 50 == 0 or programs == LONG:
        print(f"{programs} programs, {cases} cases in {minutes:.1f} min: {programs / minutes:.0f} and "
              f"{cases / minutes:.0f} a minute", flush=True)  # fmt: skip
