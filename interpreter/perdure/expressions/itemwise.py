"""The filters that apply a filter or test to each item: `map`, `select` and their kin.

Which filter or test is a literal text, so it is looked up, and its arguments bound, while compiling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from jinja2 import nodes

from perdure.errors import ExpressionError
from perdure.expressions.access import MISSING, follow
from perdure.expressions.arguments import as_closure, known, order
from perdure.expressions.catalogue import FILTERS, TESTS
from perdure.expressions.scope import Scope
from perdure.expressions.sequences import attribute_of
from perdure.expressions.visitor import Visitor
from perdure.expressions.wording import refusal
from perdure.values import JSON

Step = Callable[[JSON], JSON]
Stage = Callable[[Scope], Step]
"""Given a scope, evaluates its arguments once and gives the function to apply to each item."""

GUARDS: Final = frozenset({"defined", "undefined"})
"""Tests that may be asked of what is missing."""


def empty(name: str) -> ExpressionError:
    """The refusal of an item of an empty list."""
    return refusal(f"there is no {name} item: nothing is in it", hint="guard with | default(…)")


def _map(visitor: Visitor, node: nodes.Filter, args: Sequence[nodes.Expr], named: Mapping[str, nodes.Expr]) -> Stage:
    if args:
        return _filter_stage(visitor, node, _literal(args[0], "the filter of map"), args[1:], named)
    if "attribute" not in named or not named.keys() <= {"attribute", "default"}:
        raise refusal("map takes attribute=… or the name of a filter", offset=node.lineno)
    path = _path(named["attribute"])
    if "default" not in named:
        return lambda scope: lambda item: attribute_of(item, path)
    default = visitor.strict(named["default"])

    def stage(scope: Scope) -> Step:
        instead = default(scope)

        def step(item: JSON) -> JSON:
            found = follow(item, path)
            return instead if found is MISSING else found

        return step

    return stage


def _filter_stage(
    visitor: Visitor,
    node: nodes.Filter,
    name: str,
    args: Sequence[nodes.Expr],
    named: Mapping[str, nodes.Expr],
) -> Stage:
    filter_ = known(FILTERS, "filter", name, node.lineno)
    itemwise = ITEMWISE.get(name)
    if itemwise is not None:
        arguments = [itemwise(visitor, node, args, named)]
    else:
        ordered = order(filter_, args, named, node.lineno)
        arguments = [as_closure(visitor, argument, soft=False) for argument in ordered]
    apply = filter_.apply

    def stage(scope: Scope) -> Step:
        values = [argument(scope) for argument in arguments]

        def step(item: JSON) -> JSON:
            result = apply(scope, item, *values)
            if result is MISSING:
                raise empty(name)
            return result

        return step

    return stage


def _select(visitor: Visitor, node: nodes.Filter, args: Sequence[nodes.Expr], named: Mapping[str, nodes.Expr]) -> Stage:
    if not args:
        _order_none(node, named)
        return lambda scope: bool
    test = known(TESTS, "test", _literal(args[0], f"the test of {node.name}"), node.lineno)
    ordered = order(test, args[1:], named, node.lineno)
    arguments, apply = [as_closure(visitor, argument, soft=False) for argument in ordered], test.apply

    def stage(scope: Scope) -> Step:
        values = [argument(scope) for argument in arguments]
        return lambda item: apply(scope, item, *values)

    return stage


def _select_attribute(
    visitor: Visitor, node: nodes.Filter, args: Sequence[nodes.Expr], named: Mapping[str, nodes.Expr]
) -> Stage:
    if not args:
        raise refusal(f"{node.name} needs a key path", offset=node.lineno)
    path = _path(args[0])
    holds = _select(visitor, node, args[1:], named)
    # Without a test, and for `defined`, an item may lack the key; any other test would have to guess.
    lenient = len(args) == 1 or _literal(args[1], "the test") in GUARDS

    def stage(scope: Scope) -> Step:
        test = holds(scope)
        if len(args) == 1:
            return lambda item: (found := follow(item, path)) is not MISSING and test(found)
        return lambda item: test(follow(item, path) if lenient else attribute_of(item, path))

    return stage


ITEMWISE: Final[dict[str, Callable[..., Stage]]] = {
    "map": _map,
    "select": _select,
    "reject": _select,
    "selectattr": _select_attribute,
    "rejectattr": _select_attribute,
}


def _literal(node: nodes.Expr, what: str) -> str:
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        return node.value
    raise refusal(f"{what} must be a literal text", offset=node.lineno)


def _path(node: nodes.Expr) -> str | int:
    if isinstance(node, nodes.Const) and (isinstance(node.value, str) or type(node.value) is int):
        return node.value
    raise refusal("the attribute must be a literal text", offset=node.lineno)


def _order_none(node: nodes.Filter, named: Mapping[str, nodes.Expr]) -> None:
    if named:
        raise refusal(f"{node.name} takes a test and its arguments", offset=node.lineno)
