"""A run that begins later does what it would have done at once: every case that nobody meddles with, an hour later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from perdure.testing.case_run import check_case
from perdure.testing.cases import Case, read_cases

CASES = Path(__file__).parent.parent / "cases"


def apart_from_time(case: Case) -> bool:
    """Whether nothing in the case is said by the clock."""
    slots_of_others = any("slot" in mock for mock in case.mocks)
    return not (case.script or case.diagnostics or case.delay or slots_of_others or "2026-01-" in str(case.expect))


ALL = [case for path in sorted(CASES.rglob("*.yaml")) for case in read_cases(path) if apart_from_time(case)]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in ALL])
def test_a_case_holds_when_the_run_begins_later(case: Case) -> None:
    expect = {key: value for key, value in case.expect.items() if key != "elapsed"}
    check_case(replace(case, delay="1h", expect=expect), "restarted")


def test_most_cases_can_be_tried() -> None:
    assert len(ALL) > 500
