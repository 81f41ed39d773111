"""Conditions and collections whose value is known before anything runs.

A condition that is a constant boolean is most often a slip, one that is no boolean always an error. Only reads
what `names` has compiled.
"""

from __future__ import annotations

from typing import Final

from perdure.definition.checks.findings import Findings
from perdure.definition.models import Path
from perdure.errors import ExpressionError
from perdure.expressions import Expression
from perdure.expressions.wording import kind
from perdure.values import JSON

_ENDLESS: Final = {"while": True, "until": False}
"""The constant conditions that say "for ever", which is a loop's to say."""


class _Nothing:
    """The outside world of a constant, which never asks for it."""

    def now(self) -> int:
        raise AssertionError("a constant asks for nothing")

    def random(self) -> float:
        raise AssertionError("a constant asks for nothing")

    def uuid(self) -> str:
        raise AssertionError("a constant asks for nothing")


_NOTHING: Final = _Nothing()


def check_condition(
    expression: Expression | None, value: JSON, within: Path, file: str, path: Path, findings: Findings
) -> None:
    """A constant condition; `within` is its path in the step, `expression` None for a literal `value`."""
    constant, error = constant_of(expression, value)
    if error is not None:
        findings.add("WF307", f"the condition always fails: {error}", file, path)
    elif constant is ... or (isinstance(constant, bool) and _ENDLESS.get(str(within[-1])) is constant):
        return
    elif constant is None or isinstance(constant, bool):
        holds = "always holds" if constant else "never holds"
        findings.add("WF312", f"the condition {holds}", file, path)
    else:
        findings.add("WF307", f"a condition is true, false or null, not {kind(constant)}", file, path)


def check_collection(expression: Expression | None, value: JSON, file: str, path: Path, findings: Findings) -> None:
    """A constant that is no list; and `{{ }}` in the items of a literal list, which are not templates."""
    if expression is None and isinstance(value, list):
        for index, item in enumerate(value):
            if _holds_template(item):
                hint = 'write the list as an expression: "[input.first, input.second]"'
                findings.add("WF310", "the items of a literal list are no templates", file, (*path, index), hint)
        return
    constant, error = constant_of(expression, value)
    if error is not None:
        findings.add("WF313", f"the list always fails: {error}", file, path)
    elif constant is not ... and not isinstance(constant, list):
        findings.add("WF313", f"foreach takes a list, not {kind(constant)}", file, path)


def constant_of(expression: Expression | None, value: JSON) -> tuple[JSON, str | None]:
    """The value if it is known, else an ellipsis; or why it cannot be evaluated."""
    if expression is None:
        return value, None
    if not expression.constant:
        return ..., None
    try:
        return expression.evaluate({}, _NOTHING), None
    except ExpressionError as error:
        return ..., error.message


def _holds_template(value: JSON) -> bool:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str) and "{{" in part:
            return True
        if isinstance(part, dict | list):
            waiting.extend(part.values() if isinstance(part, dict) else part)
    return False
