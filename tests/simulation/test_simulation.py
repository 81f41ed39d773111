"""The whole engine in a world of crashes, played from seeds, held against the promises of reliability.md.

`PERDURE_SIMULATION=n` plays n cases, `PERDURE_SEED=n` begins at another seed.
"""

from __future__ import annotations

import os
import time
from collections import Counter

import pytest
from simulation import boiled_down, play

LONG = int(os.environ.get("PERDURE_SIMULATION", "0"))
CASES = LONG or 15
FIRST = int(os.environ.get("PERDURE_SEED", "0"))


def test_the_same_seed_goes_the_same_way() -> None:
    for seed in range(FIRST, FIRST + 2):
        assert play(seed).lines == play(seed).lines


@pytest.mark.timeout(0 if LONG else 120)
def test_every_promise_is_kept_whatever_happens(capsys: pytest.CaptureFixture[str]) -> None:
    began, befallen, plots, deaths, calls = time.monotonic(), Counter[str](), Counter[str](), 0, 0
    for seed in range(FIRST, FIRST + CASES):
        case = play(seed)
        assert not case.broken, boiled_down(case).story()
        befallen.update(case.befallen)
        plots[type(case.plot).__name__] += 1
        deaths, calls = deaths + case.deaths, calls + case.calls
    minutes = (time.monotonic() - began) / 60
    if LONG:
        with capsys.disabled():
            print(f"\n{CASES} cases, {CASES / minutes:.0f} a minute; {calls} calls of activities")
            print(f"{deaths} deaths, {deaths / minutes:.0f} a minute; perils {dict(befallen)}; plots {dict(plots)}")
