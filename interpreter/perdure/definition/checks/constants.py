"""The values of constant expressions: those that read no names and ask nothing of the world.

An expression has a budget of its own, but a file may hold ten thousand of them; so those that can be costly are
evaluated only a few times in one check, and left unknown after that.
"""

from __future__ import annotations

from typing import Any, Final

from perdure.errors import ExpressionError
from perdure.expressions import Expression
from perdure.values import JSON

UNKNOWN: Final[Any] = object()
"""What stands for a value that is not known before the run."""

MOST_COSTLY: Final = 20
_COSTLY: Final = "*|~%"
"""Without these signs the cost of an expression grows no faster than its text."""

_LONGEST: Final = 1_000


class _Nothing:
    """The outside world of a constant, which never asks for it."""

    def now(self) -> int:
        raise AssertionError("a constant asks for nothing")

    def random(self) -> float:
        raise AssertionError("a constant asks for nothing")

    def uuid(self) -> str:
        raise AssertionError("a constant asks for nothing")


class Constants:
    """What the constants of one definition come to."""

    def __init__(self) -> None:
        self._costly = MOST_COSTLY
        self._world = _Nothing()
        self._known: dict[str, tuple[JSON, ExpressionError | None]] = {}

    def value(self, expression: Expression) -> tuple[JSON, ExpressionError | None]:
        """The value, or `UNKNOWN`; with the error where there is none because evaluating it always fails."""
        if not expression.constant:
            return UNKNOWN, None
        known = self._known.get(expression.text)
        if known is None:
            if len(expression.text) > _LONGEST or not self._affords(expression):
                return UNKNOWN, None
            known = self._known[expression.text] = self._evaluated(expression)
        return known

    def _affords(self, expression: Expression) -> bool:
        if any(sign in expression.text for sign in _COSTLY):
            self._costly -= 1
        return self._costly >= 0

    def _evaluated(self, expression: Expression) -> tuple[JSON, ExpressionError | None]:
        try:
            return expression.evaluate({}, self._world), None
        except ExpressionError as error:
            return UNKNOWN, error
