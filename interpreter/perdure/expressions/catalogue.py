"""Everything an expression may call, filter with or test for: the tables the reference is generated from."""

from __future__ import annotations

from typing import Final

from perdure.expressions.builtin import Table
from perdure.expressions.conversions import CONVERSIONS
from perdure.expressions.functions import FUNCTIONS
from perdure.expressions.sequences import SEQUENCES
from perdure.expressions.tests import TESTS

__all__ = ["FILTERS", "FUNCTIONS", "TESTS"]

FILTERS: Final[Table] = dict(sorted((CONVERSIONS | SEQUENCES).items()))
