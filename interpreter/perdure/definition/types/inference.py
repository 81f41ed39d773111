"""The type of an expression: its syntax tree walked once, each node's type from those of its parts.

Where a part can only fail, that is a fault and the type is `NEVER`, which is not complained about again. Paths stand
in `reading`, what conditions say in `narrowing`, operators in `operating`, filters and calls in `calling`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from jinja2 import nodes

from perdure.definition.rules import Severity
from perdure.definition.types import calling, narrowing, operating, reading
from perdure.definition.types.describe import called
from perdure.definition.types.faults import Fault, Seen
from perdure.definition.types.lattice import (
    ANY,
    BOOLEANS,
    MAPPINGS,
    NEVER,
    NOTHING,
    NULL,
    TEXT,
    TEXTS,
    TOLD,
    Type,
    falsy,
    list_of,
    literal,
    mapping,
    truthy,
    union,
)
from perdure.definition.types.names import Ground, Names
from perdure.expressions.access import Key

MOST_WORK: Final = 400_000
"""Parts of types looked at in the expressions of one definition; beyond that everything is anything."""


class Effort:
    """What inference may still spend in one definition."""

    def __init__(self, left: int = MOST_WORK) -> None:
        self.left = left


class Inference:
    """The inference of one expression in its place; `faults` are what it finds, `seen` the paths it reads."""

    def __init__(self, names: Names, ground: Ground, effort: Effort) -> None:
        self.names = names
        self.ground = ground
        self.effort = effort
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self.sure = True
        self._quiet = 0

    def type(self, node: nodes.Node, *, soft: bool = False) -> Type:
        """The type of a node; `soft` where a missing path is no fault, and its type then that of what is there."""
        infer = _NODES.get(type(node))
        if infer is None or self.effort.left <= 0:
            return ANY
        found = infer(self, node, soft)
        self.effort.left -= 1 + found.size
        return found

    def quietly(self, node: nodes.Node) -> Type:
        """The type of a node that is looked at for another one's sake."""
        self._quiet += 1
        try:
            return self.type(node, soft=True)
        finally:
            self._quiet -= 1

    @contextmanager
    def given(self, node: nodes.Node, truth: bool) -> Iterator[None]:
        """Inside, a condition is known to hold, or not to; and it is not sure that evaluation gets there."""
        before, sure = self.ground, self.sure
        self.ground, self.sure = narrowing.assume(self, node, truth), False
        try:
            yield
        finally:
            self.ground, self.sure = before, sure

    @contextmanager
    def perhaps(self) -> Iterator[None]:
        """Inside, it is not sure that evaluation gets there."""
        sure, self.sure = self.sure, False
        try:
            yield
        finally:
            self.sure = sure

    def fault(
        self,
        code: str,
        message: str,
        offset: int,
        word: str = "",
        keys: tuple[Key, ...] = (),
        *,
        severity: Severity | None = None,
        hint: str | None = None,
        known: tuple[str, ...] = (),
        fails: bool = True,
        before: bool = False,
    ) -> None:
        """A fault; `fails` when evaluation that gets here fails."""
        if not self._quiet:
            sure = fails and self.sure
            found = Fault(code, message, severity, offset, word, keys, hint, known, sure, before)
            if found not in self.faults:
                self.faults.append(found)

    def note(self, seen: Seen) -> None:
        if not self._quiet:
            self.seen.append(seen)

    def demand(
        self, node: nodes.Node, found: Type, kinds: int, code: str, message: Callable[[], str], offset: int, word: str
    ) -> bool:
        """Whether a value may be of some kinds; a fault where it never is, or where something says it may be null."""
        if not found.kinds:
            return False
        if not found.kinds & kinds:
            self.fault(code, message(), offset, word)
            return False
        if found.kinds & TOLD and not kinds & NULL:
            reading.warn_of_null(self, node)
        return True


def _constant(self: Inference, node: nodes.Const, soft: bool) -> Type:
    return literal(node.value)


def _not(self: Inference, node: nodes.Not, soft: bool) -> Type:
    return BOOLEANS if self.type(node.node).kinds else NEVER


def _and(self: Inference, node: nodes.And, soft: bool) -> Type:
    left = self.type(node.left)
    if not left.kinds:
        return NEVER
    with self.given(node.left, True):
        right = self.type(node.right)
    return union(falsy(left), right)


def _or(self: Inference, node: nodes.Or, soft: bool) -> Type:
    left = self.type(node.left)
    if not left.kinds:
        return NEVER
    with self.given(node.left, False):
        right = self.type(node.right)
    return union(truthy(left), right)


def _conditional(self: Inference, node: nodes.CondExpr, soft: bool) -> Type:
    test = self.type(node.test)
    if not test.kinds:
        return NEVER
    with self.given(node.test, True):
        chosen = self.type(node.expr1, soft=soft)
    if node.expr2 is None:
        return union(chosen, NEVER if soft else NOTHING)
    with self.given(node.test, False):
        return union(chosen, self.type(node.expr2, soft=soft))


def _concat(self: Inference, node: nodes.Concat, soft: bool) -> Type:
    parts = [self.type(part) for part in node.nodes]
    return TEXTS if all(part.kinds for part in parts) else NEVER


def _list(self: Inference, node: nodes.List | nodes.Tuple, soft: bool) -> Type:
    items = [self.type(item) for item in node.items]
    return list_of(union(*items)) if all(item.kinds for item in items) else NEVER


def _mapping(self: Inference, node: nodes.Dict, soft: bool) -> Type:
    named: dict[str, Type] | None = {}
    for pair in node.items:
        key, value = self.type(pair.key), self.type(pair.value)
        if not self.demand(pair.key, key, TEXT, "WF319", partial(_no_key, key), pair.key.lineno, "") or not value.kinds:
            return NEVER
        if named is not None and isinstance(pair.key, nodes.Const):
            named[pair.key.value] = value
        else:
            named = None
    return MAPPINGS if named is None else mapping(named)


def _no_key(key: Type) -> str:
    return f"a key is a text, not {called(key)}"


_NODES: Final[dict[type[nodes.Node], Callable[..., Type]]] = {
    nodes.Const: _constant,
    nodes.Name: reading.read,
    nodes.Getattr: reading.read,
    nodes.Getitem: reading.read,
    nodes.Add: operating.add,
    nodes.Sub: operating.arithmetic("-"),
    nodes.Mul: operating.multiply,
    nodes.Div: operating.arithmetic("/"),
    nodes.FloorDiv: operating.arithmetic("//"),
    nodes.Mod: operating.arithmetic("%"),
    nodes.Pow: operating.arithmetic("**"),
    nodes.Neg: operating.sign("-"),
    nodes.Pos: operating.sign("+"),
    nodes.Not: _not,
    nodes.And: _and,
    nodes.Or: _or,
    nodes.CondExpr: _conditional,
    nodes.Compare: operating.compare,
    nodes.Concat: _concat,
    nodes.List: _list,
    nodes.Tuple: _list,
    nodes.Dict: _mapping,
    nodes.Filter: calling.filtered,
    nodes.Test: calling.tested,
    nodes.Call: calling.called_function,
}
