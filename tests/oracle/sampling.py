"""How many random programs a test draws: the usual number, the same ones every time, or as many others as asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings


def drawn(programs: int, usual: int) -> Callable[[Any], Any]:
    """The marks of a test that draws so many programs; only the `usual` number has to end within ten minutes."""
    is_usual = programs == usual
    options = settings(
        max_examples=programs,
        deadline=None,
        derandomize=is_usual,
        database=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    return lambda test: pytest.mark.timeout(600 if is_usual else 0)(options(test))
