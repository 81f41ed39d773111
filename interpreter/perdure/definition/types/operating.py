"""The types that operators give, and operands they never take; comparisons that never hold.

What they do with values stands in `expressions.operators`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from jinja2 import nodes

from perdure.definition.types.describe import called, describe
from perdure.definition.types.lattice import ANY as _ANY
from perdure.definition.types.lattice import (
    BOOLEAN,
    BOOLEANS,
    INTEGERS,
    LIST,
    MAPPING,
    NEVER,
    NULL,
    NUMBER,
    NUMBERS,
    TEXT,
    TEXTS,
    TOLD,
    WHOLE,
    Type,
    list_of,
    union,
)
from perdure.definition.types.reading import node_offset, warn_of_null

if TYPE_CHECKING:
    from perdure.definition.types.inference import Inference

Infer = Callable[["Inference", nodes.BinExpr, bool], Type]

_WHOLE: Final = frozenset(("-", "//", "%"))
"""Operators that give a whole number for two whole ones."""

_EQUALITIES: Final = {"eq": "==", "ne": "!="}
_ORDERINGS: Final = {"lt": "<", "lteq": "<=", "gt": ">", "gteq": ">="}
_SORTS: Final = (NULL, BOOLEAN, NUMBER, TEXT, LIST, MAPPING)
"""Kinds of which no two ever equal each other."""


def arithmetic(symbol: str) -> Infer:
    """An operator that takes numbers only."""

    def infer(self: Inference, node: nodes.BinExpr, soft: bool) -> Type:
        left, right = self.type(node.left), self.type(node.right)
        return _operated(self, node, symbol, left, right, _numbers(symbol, left, right))

    return infer


def add(self: Inference, node: nodes.BinExpr, soft: bool) -> Type:
    """`+`: two numbers, two texts or two lists."""
    left, right = self.type(node.left), self.type(node.right)
    found = _numbers("+", left, right)
    both = left.kinds & right.kinds
    if both & TEXT:
        found = union(found, TEXTS)
    if both & LIST:
        found = union(found, _joined(left, right))
    return _operated(self, node, "+", left, right, found)


def multiply(self: Inference, node: nodes.BinExpr, soft: bool) -> Type:
    """`*`: two numbers, or a text or list and how often to repeat it."""
    left, right = self.type(node.left), self.type(node.right)
    found = _numbers("*", left, right)
    for one, other in ((left, right), (right, left)):
        if one.kinds & WHOLE and other.kinds & TEXT:
            found = union(found, TEXTS)
        if one.kinds & WHOLE and other.kinds & LIST:
            found = union(found, list_of(_items(other)))
    return _operated(self, node, "*", left, right, found)


def sign(symbol: str) -> Callable[[Inference, nodes.UnaryExpr, bool], Type]:
    """Unary `-` and `+`."""

    def infer(self: Inference, node: nodes.UnaryExpr, soft: bool) -> Type:
        found = self.type(node.node)

        def message() -> str:
            return f"{symbol} needs a number, not {called(found)}"

        if not self.demand(node.node, found, NUMBER, "WF319", message, node.lineno, symbol):
            return NEVER
        return Type(found.kinds & NUMBER)

    return infer


def compare(self: Inference, node: nodes.Compare, soft: bool) -> Type:
    """A chain of comparisons; those behind the first are only looked at when it holds."""
    left_node, left = node.expr, self.type(node.expr)
    possible = bool(left.kinds)
    sure = self.sure
    for operand in node.ops:
        right = self.type(operand.expr)
        possible = possible and bool(right.kinds)
        if possible and not _comparable(self, operand.op, left_node, left, operand.expr, right):
            possible = False
        left_node, left = operand.expr, right
        self.sure = False
    self.sure = sure
    return BOOLEANS if possible else NEVER


def are_disjoint(one: Type, other: Type) -> bool:
    """Whether no value of one type equals one of the other."""
    return not any(
        one.kinds & sort and other.kinds & sort and not (sort == TEXT and _share_no_text(one, other)) for sort in _SORTS
    )


def check_equality(self: Inference, symbol: str, node: nodes.Expr, left: Type, right: Type) -> None:
    """A warning where two values are never equal, the second at a node; with null alone it is left to the author."""
    if not are_disjoint(left, right) or not left.kinds & ~(NULL | TOLD) or not right.kinds & ~(NULL | TOLD):
        return
    holds = "always holds" if symbol in ("!=", "not in") else "never holds"
    texts = left.kinds == right.kinds == TEXT
    one, other = (describe(left), describe(right)) if texts else (called(left), called(right))
    told = f"{one} and the items are {other}" if symbol.endswith("in") else f"{one} never equals {other}"
    self.fault(
        "WF321", f"{symbol} {holds}: {told}", node_offset(node), symbol, severity="warning", fails=False, before=True
    )


def _numbers(symbol: str, left: Type, right: Type) -> Type:
    if not left.kinds & NUMBER or not right.kinds & NUMBER:
        return NEVER
    whole = left.kinds & NUMBER == right.kinds & NUMBER == WHOLE and symbol not in ("/", "**")
    return INTEGERS if whole else NUMBERS


def _operated(self: Inference, node: nodes.BinExpr, symbol: str, left: Type, right: Type, found: Type) -> Type:
    if not left.kinds or not right.kinds:
        return NEVER
    if not found.kinds:
        hint = "write ~ to join texts" if symbol == "+" and (left.kinds | right.kinds) & TEXT else None
        message = f"{symbol} cannot take {called(left)} and {called(right)}"
        self.fault("WF319", message, node_offset(node.right), symbol, hint=hint, before=True)
        return NEVER
    for operand, type in ((node.left, left), (node.right, right)):
        if type.kinds & TOLD:
            warn_of_null(self, operand)
    return found


def _joined(left: Type, right: Type) -> Type:
    return list_of(union(_items(left), _items(right)))


def _items(type: Type) -> Type:
    return _ANY if type.items is None else type.items


def _comparable(
    self: Inference, op: str, left_node: nodes.Expr, left: Type, right_node: nodes.Expr, right: Type
) -> bool:
    if op in _EQUALITIES:
        check_equality(self, _EQUALITIES[op], right_node, left, right)
        return True
    if op in _ORDERINGS:
        return _orderable(self, _ORDERINGS[op], left_node, left, right_node, right)
    return _containable(self, "in" if op == "in" else "not in", left_node, left, right_node, right)


def _orderable(
    self: Inference, symbol: str, left_node: nodes.Expr, left: Type, right_node: nodes.Expr, right: Type
) -> bool:
    if not (left.kinds & NUMBER and right.kinds & NUMBER) and not left.kinds & right.kinds & TEXT:
        message = f"{symbol} needs two numbers or two texts, not {called(left)} and {called(right)}"
        self.fault("WF319", message, node_offset(right_node), symbol, before=True)
        return False
    for node, type in ((left_node, left), (right_node, right)):
        if type.kinds & TOLD:
            warn_of_null(self, node)
    return True


def _containable(
    self: Inference, symbol: str, left_node: nodes.Expr, left: Type, right_node: nodes.Expr, right: Type
) -> bool:
    able = right.kinds & (LIST | MAPPING | (TEXT if left.kinds & TEXT else 0))
    if not able:
        message = f"in needs a list, text or mapping, not {called(left)} in {called(right)}"
        self.fault("WF319", message, node_offset(right_node), "in", before=True)
        return False
    if right.kinds & TOLD:
        warn_of_null(self, right_node)
    if able == LIST and right.items is not None and right.items.kinds:
        check_equality(self, symbol, right_node, left, right.items)
    return True


def _share_no_text(one: Type, other: Type) -> bool:
    return one.texts is not None and other.texts is not None and one.texts.isdisjoint(other.texts)
