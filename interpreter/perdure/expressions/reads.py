"""Names, keys, items and slices as closures.

A path of constant keys becomes one closure and one `Reference`. How data is read stands in `access`.
"""

from __future__ import annotations

from typing import Final

from jinja2 import nodes

from perdure.errors import ExpressionError
from perdure.expressions import access
from perdure.expressions.access import MISSING, Closure, Key
from perdure.expressions.catalogue import FILTERS, FUNCTIONS
from perdure.expressions.scope import Scope
from perdure.expressions.visitor import Reference, Visitor, located
from perdure.expressions.wording import kind, refusal, spelled
from perdure.values import JSON

LONGEST_PATH: Final = 100
NULL: Final = "null"
"""The constant as YAML and JSON spell it; Jinja2 only knows `none` and reads this as a name."""

_FILTER_NAMES: Final = frozenset(FILTERS)
_FUNCTION_NAMES: Final = frozenset(FUNCTIONS)


def compile_read(visitor: Visitor, node: nodes.Node, soft: bool) -> Closure:
    """A name, key, item or slice; constant paths become one closure."""
    if isinstance(node, nodes.Getitem) and _key(node) is None:
        return _read_dynamic(visitor, node, soft)
    keys: list[Key] = []
    base = node
    while isinstance(base, nodes.Getattr | nodes.Getitem) and (key := _key(base)) is not None:
        keys.append(key)
        base = base.node
    path = tuple(reversed(keys))
    if len(path) > LONGEST_PATH:
        raise refusal("the path is too long", offset=node.lineno)
    if isinstance(base, nodes.Name) and base.name != NULL:
        return _read_name(visitor, base, path, soft)
    if isinstance(base, nodes.Name):
        base = nodes.Const(None, lineno=base.lineno)
    inner = visitor.soft(base) if soft else visitor.strict(base)
    return _read_keys(inner, path, soft, node.lineno)


def _key(node: nodes.Getattr | nodes.Getitem) -> Key | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    value = node.arg.value if isinstance(node.arg, nodes.Const) else None
    return value if isinstance(value, str) or type(value) is int else None


def _read_name(visitor: Visitor, node: nodes.Name, path: tuple[Key, ...], soft: bool) -> Closure:
    root, offset = node.name, node.lineno
    visitor.references.append(Reference(root, path, offset, soft))
    if soft:
        return access.try_path(root, path)

    def explain(scope: Scope) -> ExpressionError:
        return located(access.explain_path(scope.names, root, path, _FUNCTION_NAMES, _FILTER_NAMES), offset)

    return access.read_path(root, path, explain)


def _read_keys(inner: Closure, path: tuple[Key, ...], soft: bool, offset: int) -> Closure:
    def read(scope: Scope) -> JSON:
        value = inner(scope)
        for position, key in enumerate(path):
            found = access.find(value, key)
            if found is MISSING:
                if soft:
                    return MISSING
                place = spelled("the value", path[:position])
                raise located(access.absence(value, key, place, _FILTER_NAMES), offset)
            value = found
        return value

    return read


def _read_dynamic(visitor: Visitor, node: nodes.Getitem, soft: bool) -> Closure:
    inner = visitor.soft(node.node) if soft else visitor.strict(node.node)
    if isinstance(node.arg, nodes.Slice):
        return _slice(visitor, inner, node.arg, node.lineno)
    if isinstance(node.arg, nodes.Tuple):
        raise refusal("a subscript takes one key", offset=node.lineno)
    key, offset, place = visitor.strict(node.arg), node.lineno, _place(node.node)

    def read(scope: Scope) -> JSON:
        value, at = inner(scope), key(scope)
        found = access.find(value, at)
        if found is MISSING and not soft:
            if not isinstance(at, str) and type(at) is not int:
                raise refusal(f"a key is a text or a whole number, not {kind(at)}", offset=offset)
            raise located(access.absence(value, at, place, _FILTER_NAMES), offset)
        return found

    return read


def _place(node: nodes.Node) -> str:
    keys: list[Key] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem) and (key := _key(node)) is not None:
        keys.append(key)
        node = node.node
    return spelled(node.name if isinstance(node, nodes.Name) else "the value", reversed(keys))


def _slice(visitor: Visitor, inner: Closure, node: nodes.Slice, offset: int) -> Closure:
    start, stop, step = (
        visitor.strict(bound) if bound is not None else (lambda scope: None)
        for bound in (node.start, node.stop, node.step)
    )

    def read(scope: Scope) -> JSON:
        value = inner(scope)
        if value is MISSING:
            return MISSING
        try:
            return access.cut(value, start(scope), stop(scope), step(scope), scope)
        except ExpressionError as error:
            raise located(error, offset) from None

    return read
