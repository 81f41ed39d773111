"""Loops that can never end: no limit, no wait, and a condition that no turn changes; and those without a bound.

A counter that is set in the loop and read by its condition ends it; so does anything that acts on the world.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from perdure.definition.checks.constants import UNKNOWN, Constants
from perdure.definition.checks.findings import Findings
from perdure.definition.checks.patience import Patience
from perdure.definition.checks.spaces import Placed, Space, Spaces
from perdure.definition.diagnostics import quoted
from perdure.errors import ExpressionError
from perdure.expressions import Reference, compile_expression
from perdure.values import JSON

_SLOWING: Final = ("activity", "workflow", "wait", "select", "ask", "receive", "send", "emit", "cancel")
_ENDING: Final = ("return", "fail", "restart")
_BUSY: Final = (*_SLOWING, *_ENDING)


def check_loops(space: Space, spaces: Spaces, constants: Constants, patience: Patience, findings: Findings) -> None:
    """The repeats of a space that nothing ends, and those of which it is not known."""
    uses = {id(placed): used for placed, used in space.uses}
    for placed in space.steps():
        if placed.step.kind != "repeat" or "max" in placed.step.keys["repeat"] or "timeout" in placed.step.keys:
            continue
        path = (*placed.path, "repeat")
        if _is_endless(placed, uses, spaces, constants):
            message = "no turn of this loop can end it, and none waits"
            hint = "add `max:`, or let the condition read what a turn changes"
            findings.add("WF412", message, space.file, path, hint, key=True)
        elif not patience.is_bounded(placed):
            message = f"{quoted(placed.label)} may go round for ever"
            findings.add("WF420", message, space.file, path, "add `max:` or a `timeout:`", key=True)


def _is_endless(placed: Placed, uses: Mapping[int, Space | None], spaces: Spaces, constants: Constants) -> bool:
    """Whether nothing inside a loop acts, waits or changes what its condition reads."""
    inside = _inside(placed)
    if any(step.step.kind in _BUSY for step in inside):
        return False
    used = [uses[id(step)] for step in inside if step.step.kind == "use"]
    if any(found is None or not spaces.held(found).isdisjoint((*_BUSY, "set")) for found in used):
        return False
    return not _may_change(placed, inside, constants)


def _inside(placed: Placed) -> list[Placed]:
    found: list[Placed] = []
    waiting = [placed]
    while waiting:
        for _, children in waiting.pop().children:
            found.extend(children)
            waiting.extend(children)
    return found


def _may_change(loop: Placed, inside: list[Placed], constants: Constants) -> bool:
    """Whether a turn can change what the condition comes to; also where that cannot be known."""
    written = {name for step in inside if step.step.kind == "set" for name in step.step.keys["set"]}
    ids = {step.step.id for step in inside}
    for key, ends in (("while", False), ("until", True)):
        condition = loop.step.keys["repeat"].get(key)
        if isinstance(condition, bool):
            known: JSON = condition
        elif condition is None:
            continue
        else:
            try:
                expression = compile_expression(condition)
            except ExpressionError:
                return True
            if expression.functions or any(_is_changed(found, written, ids) for found in expression.references):
                return True
            known, _ = constants.value(expression)
            if known is UNKNOWN and not expression.constant:
                continue
        if known is not (not ends):
            return True
    return False


def _is_changed(reference: Reference, written: set[str], ids: set[str | None]) -> bool:
    first = reference.path[0] if reference.path else None
    match reference.root:
        case "index":
            return True
        case "vars":
            return first is None or first in written
        case "steps":
            return first is None or first in ids
    return False
