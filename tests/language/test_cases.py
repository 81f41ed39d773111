"""Every document of tests/cases, run plainly, restarted at every event, and refolded at every event."""

from __future__ import annotations

from pathlib import Path

import pytest

from perdure.testing.case_run import WAYS, check_case
from perdure.testing.cases import Case, read_cases

CASES = Path(__file__).parent.parent / "cases"
ALL = [case for path in sorted(CASES.rglob("*.yaml")) for case in read_cases(path)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in ALL])
def test_case_holds(case: Case, way: str) -> None:
    check_case(case, way)


def test_no_two_cases_have_the_same_name() -> None:
    names = [case.name for case in ALL]
    assert sorted(names) == sorted(set(names))
