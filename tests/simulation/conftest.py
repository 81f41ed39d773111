"""The simulation stands on the exploring loop of the engine's tests and on the programs of the oracle's."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LEFT_BY_THE_DEAD = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""A process that dies leaves coroutines in the middle of what they did; Python complains when it throws them away."""

for neighbour in ("engine", "oracle"):
    sys.path.append(str(HERE.parent / neighbour))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(LEFT_BY_THE_DEAD)
