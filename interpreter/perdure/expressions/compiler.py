"""Syntax tree to closures: each allowed node becomes a Python function of a scope, every other is refused.

`strict` refuses what is missing; `soft`, used under a guard, hands `MISSING` on. Nothing is evaluated while
compiling. Paths are compiled in `reads`, filters, tests and calls in `calls`. What operators do stands in
`operators`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from jinja2 import nodes

from perdure.errors import ExpressionError
from perdure.expressions import calls, operators
from perdure.expressions.access import MISSING, Closure
from perdure.expressions.reads import compile_read
from perdure.expressions.scope import Scope
from perdure.expressions.visitor import Reference, Visitor, located
from perdure.expressions.wording import kind, refusal
from perdure.values import JSON

DEEPEST_TREE: Final = 100


class Compiler:
    """One expression's compilation: the closures, and the names and functions met on the way."""

    def __init__(self) -> None:
        self.references: list[Reference] = []
        self.functions: set[str] = set()
        self._depth = 0

    def strict(self, node: nodes.Node) -> Closure:
        """A closure that never gives `MISSING`."""
        return self._visit(node, soft=False)

    def soft(self, node: nodes.Node) -> Closure:
        """A closure that gives `MISSING` where the node's own path is missing."""
        return self._visit(node, soft=True)

    def _visit(self, node: nodes.Node, *, soft: bool) -> Closure:
        self._depth += 1
        if self._depth > DEEPEST_TREE:
            raise refusal("the expression is nested too deep", offset=node.lineno)
        compile_node = _NODES.get(type(node))
        if compile_node is None:
            raise refusal(f"{type(node).__name__.lower()} is not supported here", offset=node.lineno)
        closure = compile_node(self, node, soft)
        self._depth -= 1
        return closure


def builds(node: nodes.Node | None) -> bool:
    """Whether a node may give a list or mapping that was not there before and so must be weighed."""
    match node:
        case nodes.Getattr() | nodes.Getitem():
            return isinstance(getattr(node, "arg", None), nodes.Slice) or builds(node.node)
        case nodes.CondExpr():
            return builds(node.expr1) or builds(node.expr2)
        case nodes.And() | nodes.Or():
            return builds(node.left) or builds(node.right)
        case nodes.Filter(name="default"):
            return builds(node.node) or any(map(builds, node.args)) or any(builds(pair.value) for pair in node.kwargs)
        case nodes.Filter(name="first" | "last" | "min" | "max"):
            return builds(node.node)
        case nodes.List() | nodes.Tuple():
            return not all(isinstance(item, nodes.Const) for item in node.items)
        case nodes.Dict():
            return not all(isinstance(pair.value, nodes.Const) for pair in node.items)
    return isinstance(node, nodes.Add | nodes.Mul | nodes.Filter | nodes.Call)


def _constant(visitor: Visitor, node: nodes.Const, soft: bool) -> Closure:
    value = node.value
    return lambda scope: value


def _binary(symbol: str) -> Callable[[Visitor, nodes.BinExpr, bool], Closure]:
    operate = operators.ARITHMETIC[symbol]

    def compile_node(visitor: Visitor, node: nodes.BinExpr, soft: bool) -> Closure:
        left, right, offset = visitor.strict(node.left), visitor.strict(node.right), node.lineno

        def run(scope: Scope) -> JSON:
            try:
                return operate(scope, left(scope), right(scope))
            except ExpressionError as error:
                raise located(error, offset) from None

        return run

    return compile_node


def _unary(operate: Callable[[JSON], JSON]) -> Callable[[Visitor, nodes.UnaryExpr, bool], Closure]:
    def compile_node(visitor: Visitor, node: nodes.UnaryExpr, soft: bool) -> Closure:
        inner, offset = visitor.strict(node.node), node.lineno

        def run(scope: Scope) -> JSON:
            try:
                return operate(inner(scope))
            except ExpressionError as error:
                raise located(error, offset) from None

        return run

    return compile_node


def _and(visitor: Visitor, node: nodes.And, soft: bool) -> Closure:
    left, right = visitor.strict(node.left), visitor.strict(node.right)
    return lambda scope: left(scope) and right(scope)


def _or(visitor: Visitor, node: nodes.Or, soft: bool) -> Closure:
    left, right = visitor.strict(node.left), visitor.strict(node.right)
    return lambda scope: left(scope) or right(scope)


def _conditional(visitor: Visitor, node: nodes.CondExpr, soft: bool) -> Closure:
    test = visitor.strict(node.test)
    visit = visitor.soft if soft else visitor.strict
    chosen = visit(node.expr1)
    otherwise = None if soft is False else MISSING
    alternative = visit(node.expr2) if node.expr2 is not None else (lambda scope: otherwise)
    return lambda scope: chosen(scope) if test(scope) else alternative(scope)


def _compare(visitor: Visitor, node: nodes.Compare, soft: bool) -> Closure:
    first, offset = visitor.strict(node.expr), node.expr.lineno
    rest = [(operators.COMPARISONS[operand.op], visitor.strict(operand.expr)) for operand in node.ops]
    if len(rest) > DEEPEST_TREE:
        raise refusal("the comparison is too long", offset=offset)

    def run(scope: Scope) -> JSON:
        try:
            left = first(scope)
            for compare, operand in rest:
                right = operand(scope)
                if not compare(scope, left, right):
                    return False
                left = right
        except ExpressionError as error:
            raise located(error, offset) from None
        return True

    return run


def _concat(visitor: Visitor, node: nodes.Concat, soft: bool) -> Closure:
    parts = [visitor.strict(part) for part in node.nodes]

    def run(scope: Scope) -> JSON:
        texts = [operators.render(scope, part(scope)) for part in parts]
        scope.text(sum(map(len, texts)))
        return "".join(texts)

    return run


def _list(visitor: Visitor, node: nodes.List | nodes.Tuple, soft: bool) -> Closure:
    items = [visitor.strict(item) for item in node.items]

    def run(scope: Scope) -> JSON:
        scope.spend(len(items))
        return [item(scope) for item in items]

    return run


def _mapping(visitor: Visitor, node: nodes.Dict, soft: bool) -> Closure:
    pairs = [(visitor.strict(pair.key), visitor.strict(pair.value), pair.lineno) for pair in node.items]

    def run(scope: Scope) -> JSON:
        scope.spend(len(pairs))
        made = {}
        for key, value, offset in pairs:
            name = key(scope)
            if not isinstance(name, str):
                raise refusal(f"a key is a text, not {kind(name)}", offset=offset, hint="write the key in quotes")
            made[name] = value(scope)
        return made

    return run


_NODES: Final[dict[type[nodes.Node], Callable[..., Closure]]] = {
    nodes.Const: _constant,
    nodes.Name: compile_read,
    nodes.Getattr: compile_read,
    nodes.Getitem: compile_read,
    nodes.Add: _binary("+"),
    nodes.Sub: _binary("-"),
    nodes.Mul: _binary("*"),
    nodes.Div: _binary("/"),
    nodes.FloorDiv: _binary("//"),
    nodes.Mod: _binary("%"),
    nodes.Pow: _binary("**"),
    nodes.Neg: _unary(operators.negate),
    nodes.Pos: _unary(operators.affirm),
    nodes.Not: _unary(lambda value: not value),
    nodes.And: _and,
    nodes.Or: _or,
    nodes.CondExpr: _conditional,
    nodes.Compare: _compare,
    nodes.Concat: _concat,
    nodes.List: _list,
    nodes.Tuple: _list,
    nodes.Dict: _mapping,
    nodes.Filter: calls.compile_filter,
    nodes.Test: calls.compile_test,
    nodes.Call: calls.compile_call,
}
