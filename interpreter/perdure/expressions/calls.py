"""Filters, tests and function calls as closures: names looked up, arguments bound, while compiling.

A name that is not in a table is refused here, also where `map` or `select` are given it as a text. What
they do stands in `sequences` and `conversions`.
"""

from __future__ import annotations

from jinja2 import nodes

from perdure.errors import ExpressionError
from perdure.expressions.access import MISSING, Closure
from perdure.expressions.arguments import as_closure, bound, known, named, ordered, refuse_stars
from perdure.expressions.builtin import Builtin
from perdure.expressions.catalogue import FILTERS, FUNCTIONS, TESTS
from perdure.expressions.itemwise import GUARDS, ITEMWISE, empty
from perdure.expressions.scope import Scope
from perdure.expressions.sequences import PARTIAL
from perdure.expressions.visitor import Visitor, located
from perdure.expressions.wording import clipped, refusal, suggestion
from perdure.values import JSON


def compile_call(visitor: Visitor, node: nodes.Call, soft: bool) -> Closure:
    """A call of a known function by its bare name."""
    name = node.node.name if isinstance(node.node, nodes.Name) else None
    if name is None:
        attribute = node.node.attr if isinstance(node.node, nodes.Getattr) else None
        is_filter = attribute in FILTERS
        raise refusal(
            f"{clipped(attribute)}(…) is a method; data has none" if attribute else "only functions can be called",
            offset=node.lineno,
            hint=f"write | {attribute}" if is_filter else "use a filter",
        )
    if name not in FUNCTIONS:
        hint = f"write … | {name}" if name in FILTERS else suggestion(name, FUNCTIONS)
        raise refusal(f'unknown function "{clipped(name)}"', offset=node.node.lineno, hint=hint)
    function, offset = FUNCTIONS[name], node.node.lineno
    arguments = bound(visitor, function, node)
    visitor.functions.add(name)
    apply = function.apply

    def run(scope: Scope) -> JSON:
        values = [argument(scope) for argument in arguments]
        try:
            return apply(scope, *values)
        except ExpressionError as error:
            raise located(error, offset) from None

    return run


def compile_filter(visitor: Visitor, node: nodes.Filter, soft: bool) -> Closure:
    """A filter behind a value."""
    assert node.node is not None  # only a filter block has none, and blocks are never parsed
    filter_ = known(FILTERS, "filter", node.name, node.lineno)
    if node.name == "default":
        return _default(visitor, node, filter_, soft)
    partial = node.name in PARTIAL
    operand = visitor.soft(node.node) if soft and partial else visitor.strict(node.node)
    compile_arguments = ITEMWISE.get(node.name)
    if compile_arguments is not None:
        refuse_stars(node)
        arguments = [compile_arguments(visitor, node, node.args, named(node))]
    else:
        arguments = bound(visitor, filter_, node)
    return _applied(filter_, operand, arguments, node.lineno, strict=partial and not soft)


def compile_test(visitor: Visitor, node: nodes.Test, soft: bool) -> Closure:
    """A test behind `is`."""
    test = known(TESTS, "test", node.name, node.lineno)
    operand = visitor.soft(node.node) if node.name in GUARDS else visitor.strict(node.node)
    return _applied(test, operand, bound(visitor, test, node), node.lineno, strict=False)


def _applied(builtin: Builtin, operand: Closure, arguments: list[Closure], offset: int, *, strict: bool) -> Closure:
    apply, name = builtin.apply, builtin.name

    def run(scope: Scope) -> JSON:
        value = operand(scope)
        if value is MISSING and name not in GUARDS:
            return MISSING
        try:
            result = apply(scope, value, *[argument(scope) for argument in arguments])
            if strict and result is MISSING:
                raise empty(name)
        except ExpressionError as error:
            raise located(error, offset) from None
        return result

    return run


def _default(visitor: Visitor, node: nodes.Filter, builtin: Builtin, soft: bool) -> Closure:
    assert node.node is not None
    operand = visitor.soft(node.node)
    value, boolean = ordered(builtin, node)
    fallback = as_closure(visitor, value, soft=soft)
    also_falsy = as_closure(visitor, boolean, soft=False)

    def run(scope: Scope) -> JSON:
        found = operand(scope)
        if found is MISSING or (not found and also_falsy(scope)):
            return fallback(scope)
        return found

    return run
