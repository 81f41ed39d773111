"""Conditions and collections whose value is known before anything runs.

A condition that is a constant boolean is most often a slip, one that is no boolean always an error. Works
on values that `constants` has found.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from jinja2 import nodes

from perdure.definition.checks.constants import UNKNOWN
from perdure.definition.checks.findings import Findings
from perdure.definition.grammar import called
from perdure.definition.models import Path
from perdure.definition.types.narrowing import spelled
from perdure.errors import ExpressionError
from perdure.expressions import compile_expression
from perdure.values import JSON

_ENDLESS: Final = {"while": True, "until": False}
"""The constant conditions that say "for ever", which is a loop's to say."""


def check_condition(
    constant: JSON, error: ExpressionError | None, within: Path, file: str, path: Path, findings: Findings
) -> None:
    """A condition's constant value, `UNKNOWN` for most; `within` is its path in the step."""
    if error is not None:
        findings.add("WF307", f"the condition always fails: {error.message}", file, path)
    elif constant is UNKNOWN or (isinstance(constant, bool) and _ENDLESS.get(str(within[-1])) is constant):
        return
    elif constant is None or isinstance(constant, bool):
        holds = "always holds" if constant else "never holds"
        findings.add("WF312", f"the condition {holds}", file, path)
    else:
        findings.add("WF307", f"a condition is true, false or null, not {called(constant)}", file, path)


def check_collection(
    constant: JSON, error: ExpressionError | None, literal: bool, file: str, path: Path, findings: Findings
) -> None:
    """A constant that is no list; and `{{ }}` in the items of a literal list, which are not templates."""
    if error is not None:
        findings.add("WF313", f"the list always fails: {error.message}", file, path)
    elif constant is not UNKNOWN and not isinstance(constant, list):
        findings.add("WF313", f"foreach takes a list, not {called(constant)}", file, path)
    elif literal:
        for index, item in enumerate(constant):
            if _holds_template(item):
                hint = 'write the list as an expression: "[input.first, input.second]"'
                findings.add("WF310", "the items of a literal list are no templates", file, (*path, index), hint)


def condition_tree(condition: JSON) -> nodes.Expr | None:
    """The syntax tree of a condition that is an expression and compiles."""
    if not isinstance(condition, str):
        return None
    try:
        return compile_expression(condition).tree
    except ExpressionError:
        return None


def conjuncts(condition: JSON, truth: bool) -> frozenset[tuple[str, bool]]:
    """The parts of a condition, spelled out, that all hold or do not hold where the whole does, or does not."""
    return _conjuncts(condition if isinstance(condition, str) else repr(condition), truth)


@lru_cache(maxsize=4_096)
def _conjuncts(condition: str, truth: bool) -> frozenset[tuple[str, bool]]:
    tree = condition_tree(condition)
    return frozenset(((condition, truth),)) if tree is None else frozenset(_parts(tree, truth))


def _parts(node: nodes.Node, truth: bool) -> Iterator[tuple[str, bool]]:
    if isinstance(node, nodes.Not):
        yield from _parts(node.node, not truth)
    elif isinstance(node, nodes.And if truth else nodes.Or):
        yield from _parts(node.left, truth)
        yield from _parts(node.right, truth)
    else:
        yield spelled(node), truth


def _holds_template(value: JSON) -> bool:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str) and "{{" in part:
            return True
        if isinstance(part, dict | list):
            waiting.extend(part.values() if isinstance(part, dict) else part)
    return False
