"""The types that filters, tests and functions give, and operands and arguments they never take.

Most stand in the signatures beside the declarations; those whose result depends on what they are given stand here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from jinja2 import nodes

from perdure.definition.diagnostics import quoted
from perdure.definition.types.describe import called
from perdure.definition.types.lattice import (
    ANY,
    BOOLEANS,
    FRACTION,
    INTEGERS,
    LIST,
    MAPPING,
    NEVER,
    NUMBER,
    NUMBERS,
    TEXT,
    TEXTS,
    WHOLE,
    Type,
    find,
    list_of,
    only,
    text,
    truthy,
    union,
    values,
)
from perdure.definition.types.reading import node_offset
from perdure.definition.types.signatures import signature
from perdure.expressions import FILTERS, FUNCTIONS, TESTS, Builtin
from perdure.expressions.itemwise import GUARDS
from perdure.expressions.sequences import PARTIAL
from perdure.record import record

if TYPE_CHECKING:
    from perdure.definition.types.inference import Inference

_SORTED: Final = NUMBER | TEXT


@record
class Given:
    """The operand of a filter and its arguments by name."""

    operand: Type
    arguments: dict[str, tuple[nodes.Expr, Type]]

    def constant(self, name: str, default: object) -> object:
        """An argument that is written out; None for one that is not."""
        found = self.arguments.get(name)
        if found is None:
            return default
        return found[0].value if isinstance(found[0], nodes.Const) else None


def filtered(self: Inference, node: nodes.Filter, soft: bool) -> Type:
    """A filter behind a value."""
    filter_ = FILTERS.get(node.name)
    if filter_ is None or node.node is None:
        return ANY
    if node.name == "default":
        return _default(self, node, soft)
    operand = self.type(node.node, soft=soft and node.name in PARTIAL)
    return _applied(self, filter_, node, node.node, operand, node.args, {str(p.key): p.value for p in node.kwargs})


def tested(self: Inference, node: nodes.Test, soft: bool) -> Type:
    """A test behind `is`."""
    test = TESTS.get(node.name)
    operand = self.type(node.node, soft=node.name in GUARDS)
    if test is None or node.name in GUARDS:
        return BOOLEANS
    given = _given(self, test, node.args, {str(p.key): p.value for p in node.kwargs})
    fits = _fits(self, test, node.lineno, node.node, operand, given)
    return BOOLEANS if fits else NEVER


def called_function(self: Inference, node: nodes.Call, soft: bool) -> Type:
    """A function by its name."""
    name = node.node.name if isinstance(node.node, nodes.Name) else ""
    function = FUNCTIONS.get(name)
    if function is None:
        return ANY
    given = _given(self, function, node.args, {str(p.key): p.value for p in node.kwargs})
    takes = signature(function).takes
    for parameter, kinds in zip(function.parameters, takes, strict=False):
        if parameter.name in given.arguments and not _takes(self, name, kinds, *given.arguments[parameter.name]):
            return NEVER
    return signature(function).gives


def _applied(
    self: Inference,
    filter_: Builtin,
    node: nodes.Filter,
    operand_node: nodes.Expr,
    operand: Type,
    args: list[nodes.Expr],
    named: dict[str, nodes.Expr],
) -> Type:
    itemwise = _ITEMWISE.get(filter_.name)
    if itemwise is not None:
        if not _fits(self, filter_, node.lineno, operand_node, operand, Given(operand, {})):
            return NEVER
        return itemwise(self, node, only(operand, LIST), args, named)
    given = _given(self, filter_, args, named, operand)
    if filter_.name in ("int", "float") and "default" in given.arguments:
        return _COMPUTED[filter_.name](given) if operand.kinds else NEVER
    if not _fits(self, filter_, node.lineno, operand_node, operand, given):
        return NEVER
    computed = _COMPUTED.get(filter_.name)
    return signature(filter_).gives if computed is None else computed(given)


def _given(
    self: Inference, builtin: Builtin, args: list[nodes.Expr], named: dict[str, nodes.Expr], operand: Type = ANY
) -> Given:
    found = {}
    for parameter, argument in zip(builtin.parameters, args, strict=False):
        found[parameter.name] = (argument, self.type(argument))
    for name, argument in named.items():
        found[name] = (argument, self.type(argument))
    return Given(operand, found)


def _fits(
    self: Inference, builtin: Builtin, offset: int, operand_node: nodes.Expr, operand: Type, given: Given
) -> bool:
    """Whether a filter or test takes what it is given."""
    kinds, *takes = signature(builtin).takes

    def message() -> str:
        return f"{builtin.name} needs {called(Type(kinds))}, not {called(operand)}"

    fits = self.demand(operand_node, operand, kinds, "WF320", message, offset, builtin.name)
    for parameter, taken in zip(builtin.parameters, takes, strict=False):
        if parameter.name in given.arguments:
            fits = _takes(self, builtin.name, taken, *given.arguments[parameter.name]) and fits
    return fits


def _takes(self: Inference, name: str, kinds: int, node: nodes.Expr, given: Type) -> bool:
    def message() -> str:
        return f"{name} takes {called(Type(kinds))} here, not {called(given)}"

    return self.demand(node, given, kinds, "WF320", message, node_offset(node), "")


def _default(self: Inference, node: nodes.Filter, soft: bool) -> Type:
    assert node.node is not None
    given = dict(zip(("default_value", "boolean"), node.args, strict=False))
    given.update({str(pair.key): pair.value for pair in node.kwargs})
    found = self.type(node.node, soft=True)
    with self.perhaps():
        fallback = self.type(given["default_value"], soft=soft) if "default_value" in given else text("")
        boolean = given.get("boolean")
        if boolean is not None:
            self.type(boolean)
    always = isinstance(boolean, nodes.Const) and boolean.value is True
    return union(truthy(found) if always else found, fallback)


# -- results that depend on what is given


def _item(given: Given) -> Type:
    return union(_items(given.operand), TEXTS if given.operand.kinds & TEXT else NEVER)


def _extreme(given: Given) -> Type:
    items = _items(given.operand)
    return items if "attribute" in given.arguments else only(items, _SORTED)


def _same_list(given: Given) -> Type:
    return only(given.operand, LIST)


def _reversed(given: Given) -> Type:
    return union(only(given.operand, LIST), TEXTS if given.operand.kinds & TEXT else NEVER)


def _listed(given: Given) -> Type:
    texts = list_of(TEXTS) if given.operand.kinds & (TEXT | MAPPING) else NEVER
    return union(only(given.operand, LIST), texts)


def _keys(given: Given) -> Type:
    fields = given.operand.fields
    if fields is None or fields.rest.kinds or not given.operand.kinds & MAPPING:
        return list_of(TEXTS)
    return list_of(text(*fields.named) if fields.named else NEVER)


def _values(given: Given) -> Type:
    return list_of(values(given.operand))


def _sum(given: Given) -> Type:
    start = given.arguments.get("start")
    items = _items(given.operand)
    whole = "attribute" not in given.arguments and not items.kinds & FRACTION
    found = INTEGERS if whole and (start is None or start[1].kinds & NUMBER == WHOLE) else NUMBERS
    return found if start is None else union(found, start[1])


def _number(kind: Type) -> Callable[[Given], Type]:
    def convert(given: Given) -> Type:
        default = given.arguments.get("default")
        return kind if default is None else union(kind, default[1])

    return convert


def _rounded(given: Given) -> Type:
    precision = given.constant("precision", 0)
    digits = type(precision) is int and precision > 0
    whole = not given.operand.kinds & FRACTION or (precision is not None and not digits)
    return INTEGERS if whole else NUMBERS


def _absolute(given: Given) -> Type:
    return only(given.operand, NUMBER)


_COMPUTED: Final[dict[str, Callable[[Given], Type]]] = {
    "first": _item,
    "last": _item,
    "min": _extreme,
    "max": _extreme,
    "sort": _same_list,
    "unique": _same_list,
    "reverse": _reversed,
    "list": _listed,
    "keys": _keys,
    "values": _values,
    "sum": _sum,
    "int": _number(INTEGERS),
    "float": _number(NUMBERS),
    "round": _rounded,
    "abs": _absolute,
}


# -- filters that look at each item


def _map(
    self: Inference, node: nodes.Filter, operand: Type, args: list[nodes.Expr], named: dict[str, nodes.Expr]
) -> Type:
    items = _items(operand)
    if args:
        name = args[0].value if isinstance(args[0], nodes.Const) else None
        filter_ = FILTERS.get(name) if isinstance(name, str) else None
        if filter_ is None:
            return list_of(ANY)
        with self.perhaps():  # an empty list has no item that could fail
            return list_of(_applied(self, filter_, node, args[0], items, args[1:], named))
    default = self.type(named["default"]) if "default" in named else None
    attribute = named.get("attribute")
    path = attribute.value if isinstance(attribute, nodes.Const) else None
    if not isinstance(path, str) or attribute is None:
        return list_of(ANY)
    found = items
    for part in path.split("."):
        if default is None:
            _judge_item(self, found, part, attribute.lineno)
        found = union(find(found, part), find(found, 0) if part.isdecimal() else NEVER)
    return list_of(found if default is None else union(found, default))


def _judge_item(self: Inference, items: Type, key: str, offset: int) -> None:
    """A key that no item of a list has: a fault as soon as there is one item."""
    if not items.kinds or key.isdecimal():
        return
    fields = items.fields
    missing = fields is not None and not fields.rest.kinds and key not in fields.named
    if not items.kinds & MAPPING or missing:
        known = () if fields is None else tuple(fields.named)
        message = f"an item has no field {quoted(key)}"
        message += "" if items.kinds & MAPPING else f": it is {called(items)}"
        self.fault("WF311", message, offset, key, severity="warning", known=known, fails=False)


def _chosen(
    self: Inference, node: nodes.Filter, operand: Type, args: list[nodes.Expr], named: dict[str, nodes.Expr]
) -> Type:
    if not args and node.name == "select":
        return list_of(truthy(_items(operand)))
    for argument in args[1:]:
        self.type(argument)
    return only(operand, LIST)


_ITEMWISE: Final[dict[str, Callable[..., Type]]] = {
    "map": _map,
    "select": _chosen,
    "reject": _chosen,
    "selectattr": _chosen,
    "rejectattr": _chosen,
}


def _items(type: Type) -> Type:
    """The type of a list's items."""
    if not type.kinds & LIST:
        return NEVER
    return ANY if type.items is None else type.items
