"""What a condition says where it holds, and where it does not: the types of the paths it asks about.

Simple conditions only: tests of one path, comparisons with something, `and`, `or`, `not`, `default`. Anything else
says nothing, which is always right.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from jinja2 import nodes

from perdure.definition.types.lattice import (
    BOOLEAN,
    EVERY,
    FALSE,
    FRACTION,
    LIST,
    MAPPING,
    NULL,
    NUMBER,
    TEXT,
    TRUE,
    WHOLE,
    Type,
    common,
    falsy,
    only,
    truthy,
    untold,
    without,
)
from perdure.definition.types.names import Ground, Path
from perdure.definition.types.reading import path_of, type_at

if TYPE_CHECKING:
    from perdure.definition.types.inference import Inference

_TESTS: Final = {
    "none": (NULL, NULL), "null": (NULL, NULL), "true": (TRUE, TRUE), "false": (FALSE, FALSE),
    "boolean": (BOOLEAN, BOOLEAN), "number": (NUMBER, NUMBER), "integer": (WHOLE, 0), "float": (NUMBER, FRACTION),
    "string": (TEXT, TEXT), "mapping": (MAPPING, MAPPING), "sequence": (LIST, LIST),
}  # fmt: skip
"""Kinds that are left where a test holds, and kinds that are gone where it does not: 1.0 counts as whole."""


@lru_cache(maxsize=4_096)
def spelled(node: nodes.Node) -> str:
    """A condition in a form that is the same wherever it is written; nodes are told apart by identity."""
    return repr(node)


def assume(self: Inference, node: nodes.Node, truth: bool, *, condition: bool = False) -> Ground:
    """What is known where something holds, or where it does not; a `condition` of a step is true, or false or null."""
    around = self.ground
    narrowing = _Narrowing(self, dict(around.refined), set(around.known))
    try:
        narrowing.assume(node, truth)
        if condition:
            kinds = TRUE if truth else FALSE | NULL
            narrowing.refine(node, lambda found: only(found, kinds))
    finally:
        self.ground = around
    return Ground(narrowing.refined, frozenset(narrowing.known))


class _Narrowing:
    def __init__(self, inference: Inference, refined: dict[Path, Type], known: set[tuple[str, bool]]) -> None:
        self.inference = inference
        self.refined = refined
        self.known = known
        inference.ground = Ground(refined, inference.ground.known)

    def assume(self, node: nodes.Node, truth: bool) -> None:
        spelling = spelled(node)
        if "Call(" not in spelling:
            self.known.add((spelling, truth))
        match node:
            case nodes.Not():
                self.assume(node.node, not truth)
            case nodes.And() if truth:
                self.assume(node.left, True)
                self.assume(node.right, True)
            case nodes.Or() if not truth:
                self.assume(node.left, False)
                self.assume(node.right, False)
            case nodes.Test():
                self.test(node, truth)
            case nodes.Compare() if len(node.ops) == 1:
                self.compare(node.expr, node.ops[0].op, node.ops[0].expr, truth)
                self.compare(node.ops[0].expr, node.ops[0].op, node.expr, truth)
            case nodes.Filter(name="default") if truth:
                self.default(node)
            case _:
                self.refine(node, truthy if truth else falsy)

    def test(self, node: nodes.Test, truth: bool) -> None:
        if node.name in ("defined", "undefined"):
            if truth is (node.name == "defined"):
                self.refine(node.node, lambda found: found)
            return
        left, gone = _TESTS.get(node.name, (None, 0))
        if left is None:
            return
        self.refine(node.node, (lambda found: only(found, left)) if truth else lambda found: without(found, gone))

    def compare(self, node: nodes.Expr, op: str, other: nodes.Expr, truth: bool) -> None:
        if path_of(node) is None:
            return
        if op in ("eq", "ne"):
            value = self.inference.quietly(other)
            if truth is (op == "eq"):
                self.refine(node, lambda found: common(found, untold(value)))
            elif isinstance(other, nodes.Const):
                self.refine(node, _unequal(other.value))
        elif op == "in" and truth:
            container = self.inference.quietly(other)
            if container.kinds & (LIST | TEXT | MAPPING) == LIST and container.items is not None and node is not other:
                items = container.items
                self.refine(node, lambda found: common(found, items))

    def default(self, node: nodes.Filter) -> None:
        """`x | default(false)` holds: then `x` is there, and holds."""
        given = [*node.args, *(pair.value for pair in node.kwargs if pair.key == "default_value")]
        falls = not given or (isinstance(given[0], nodes.Const) and not given[0].value)
        if falls and node.node is not None:
            self.refine(node.node, truthy)

    def refine(self, node: nodes.Node, refined: Callable[[Type], Type]) -> None:
        """Narrow a path's type, and those of what stands before its keys: they could be read."""
        path = path_of(node)
        if path is None:
            return
        for length in range(1, len(path)):
            kinds = MAPPING if isinstance(path[length], str) else LIST | TEXT
            prefix = path[:length]
            if prefix == path[:1] and path[0] in ("steps", "vars"):
                continue
            before = type_at(self.inference, prefix)
            after = only(before, kinds)
            if after is not before:
                self.refined[prefix] = after
        self.refined[path] = refined(type_at(self.inference, path))


def _unequal(value: object) -> Callable[[Type], Type]:
    """What is left of a type that does not equal a constant."""
    if value is None:
        return lambda found: without(found, NULL)
    if isinstance(value, bool):
        return lambda found: without(found, TRUE if value else FALSE)
    if isinstance(value, str):
        return lambda found: found if found.texts is None else common(found, Type(EVERY, found.texts - {value}))
    return lambda found: found
