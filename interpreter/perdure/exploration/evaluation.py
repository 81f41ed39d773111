"""What an expression may come to on a path: its values, each with what was decided to get there, or why it fails.

Goes through the syntax tree as the language does, short circuits and guards included. What cannot be known is decided
both ways, and the same way again where it is asked again. `uncertain` says that it might fail for reasons nobody can
see here: unknown types, lists that are too short.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from jinja2 import nodes

from perdure.exploration.knowledge import (
    FALSE,
    MISSING,
    NULL,
    TRUE,
    Fields,
    Items,
    Known,
    Missing,
    Open,
    Value,
    either,
    kind_of,
    known,
    may_be_null,
    without_null,
)
from perdure.exploration.operations import (
    Failure,
    arguments_of,
    as_decided,
    as_falsy,
    defaults_behind,
    exactly,
    made_equal,
    reference_of,
    spell,
    surely_differ,
    telling,
)
from perdure.exploration.paths import Path, learn
from perdure.exploration.reading import MOST_WAYS, Reading, Way
from perdure.exploration.trails import Condition
from perdure.expressions.catalogue import FILTERS, FUNCTIONS, TESTS
from perdure.expressions.itemwise import ITEMWISE
from perdure.expressions.operators import ARITHMETIC, COMPARISONS
from perdure.values import JSON

_SYMBOLS: Final = {
    nodes.Add: "+", nodes.Sub: "-", nodes.Mul: "*", nodes.Div: "/", nodes.FloorDiv: "//", nodes.Mod: "%",
    nodes.Pow: "**",
}  # fmt: skip
_OPPOSITE: Final = {"ne": "eq", "lteq": "gt", "gteq": "lt", "notin": "in"}
_WORDS: Final = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "gt": ">",
    "lteq": "<=",
    "gteq": ">=",
    "in": "in",
    "notin": "not in",
}
_TYPE_TESTS: Final = {
    "string": "string", "mapping": "object", "sequence": "array", "boolean": "boolean", "number": "number",
}  # fmt: skip
_STEADY: Final = frozenset(("duration", "range"))


class Evaluation(Reading):
    """One evaluation of an expression, written as `text`; ask it once."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.tree: nodes.Expr | None = None

    def values(self, tree: nodes.Expr, path: Path) -> list[Way]:
        """The ways the expression may go; never `MISSING`."""
        self.tree = tree
        return self._visit(tree, path, soft=False)

    def conditions(self, tree: nodes.Expr, path: Path) -> list[tuple[Path, bool | Failure]]:
        """The ways a condition may go."""
        found: list[tuple[Path, bool | Failure]] = []
        for way, value in self.values(tree, path):
            if isinstance(value, Failure):
                found.append((way, value))
            elif (isinstance(value, Known) and value.value not in (True, False, None)) or isinstance(
                value, Fields | Items
            ):
                found.append((way, Failure("a condition is true, false or null")))
            else:
                self.uncertain = self.uncertain or (isinstance(value, Open) and kind_of(value) != "boolean")
                found += self._truths(tree, way, value)
        return found

    # -- the walk over the tree

    def _visit(self, node: nodes.Node, path: Path, *, soft: bool) -> list[Way]:
        ways = _VISITS.get(type(node), Evaluation._anything)(self, node, path, soft)
        if len(ways) > MOST_WAYS:
            self.uncertain = True
            return [*[way for way in ways if isinstance(way[1], Failure)][:4], (path, self._some(node))]
        return ways

    def _all(self, parts: Sequence[nodes.Node], path: Path) -> list[tuple[Path, list[Value] | Failure]]:
        """The ways several expressions may go, one behind the other."""
        ways: list[tuple[Path, list[Value] | Failure]] = [(path, [])]
        for part in parts:
            following: list[tuple[Path, list[Value] | Failure]] = []
            for here, values in ways:
                if isinstance(values, Failure):
                    following.append((here, values))
                    continue
                for there, value in self._visit(part, here, soft=False):
                    if isinstance(value, Failure):
                        following.append((there, value))
                    elif not isinstance(value, Missing):
                        following.append((there, [*values, value]))
            ways = following[: 2 * MOST_WAYS]
        return ways

    def _constant(self, node: nodes.Const, path: Path, soft: bool) -> list[Way]:
        return [(path, known(node.value))]

    def _truths(self, node: nodes.Node, path: Path, value: Value | Missing) -> list[tuple[Path, bool]]:
        """Whether a value counts as true, decided where it is not known."""
        if isinstance(value, Missing):
            return [(path, False)]
        if isinstance(value, Known):
            return [(path, bool(value.value))]
        if isinstance(value, Fields):
            return [(path, bool(value.items))]
        if isinstance(value, Open) and kind_of(value) == "boolean" and not may_be_null(value):
            reference = reference_of(node)
            return [
                (self._decide(learn(path, value.cell, kind, reference), node, truth), truth)
                for truth, kind in ((True, TRUE), (False, FALSE))
            ]
        return self._atom(("truth", spell(value)), node, path)

    def _atom(self, key: object, node: nodes.Node, path: Path) -> list[tuple[Path, bool]]:
        """A condition that nothing is known about: as it was decided before, else both ways."""
        if key in path.atoms:
            return [(path, path.atoms[key][0])]
        return [
            (self._decide(path, node, truth).but(atoms={**path.atoms, key: (truth, reference_of(node))}), truth)
            for truth in (True, False)
        ]

    def _decide(self, path: Path, node: nodes.Node, truth: bool) -> Path:
        if not isinstance(node, nodes.Expr):
            return path
        return path.after(Condition(node, truth, path, self.text, node is self.tree))

    def _not(self, node: nodes.Not, path: Path, soft: bool) -> list[Way]:
        ways: list[Way] = []
        for there, value in self._visit(node.node, path, soft=False):
            if isinstance(value, Failure):
                ways.append((there, value))
            else:
                ways += [(way, known(not truth)) for way, truth in self._truths(node.node, there, value)]
        return ways

    def _junction(self, node: nodes.And | nodes.Or, path: Path, soft: bool) -> list[Way]:
        ways: list[Way] = []
        stops = isinstance(node, nodes.Or)
        for there, value in self._visit(node.left, path, soft=False):
            if isinstance(value, Failure | Missing):
                ways.append((there, value))
                continue
            for way, truth in self._truths(node.left, there, value):
                if truth is stops:
                    ways.append((way, value if isinstance(value, Known) else as_falsy(value, truth)))
                else:
                    ways += self._visit(node.right, way, soft=False)
        return ways

    def _conditional(self, node: nodes.CondExpr, path: Path, soft: bool) -> list[Way]:
        ways: list[Way] = []
        for there, value in self._visit(node.test, path, soft=False):
            if isinstance(value, Failure):
                ways.append((there, value))
                continue
            for way, truth in self._truths(node.test, there, value):
                if truth:
                    ways += self._visit(node.expr1, way, soft=soft)
                elif node.expr2 is not None:
                    ways += self._visit(node.expr2, way, soft=soft)
                else:
                    ways.append((way, MISSING if soft else NULL))
        return ways

    def _compare(self, node: nodes.Compare, path: Path, soft: bool) -> list[Way]:
        if len(node.ops) != 1:
            return self._anything(node, path, soft)
        operand = node.ops[0]
        ways: list[Way] = []
        for there, both in self._all([node.expr, operand.expr], path):
            if isinstance(both, Failure):
                ways.append((there, both))
            else:
                ways += self._compared(node, operand.op, both[0], both[1], there)
        return ways

    def _compared(self, node: nodes.Compare, op: str, left: Value, right: Value, path: Path) -> list[Way]:
        if isinstance(left, Known) and isinstance(right, Known):
            return [(path, exactly(COMPARISONS[op], left.value, right.value))]
        if op not in ("eq", "ne"):
            self.uncertain = True
        opposite = op in _OPPOSITE
        plain = _OPPOSITE.get(op, op)
        if plain == "eq" and surely_differ(left, right):
            return [(path, known(opposite))]
        ways: list[Way] = []
        for there, truth in self._atom((plain, spell(left), spell(right)), as_decided(node, plain, opposite), path):
            if truth and plain == "eq":
                there = made_equal(there, node, left, right)
            ways.append((there, known(truth is not opposite)))
        return ways

    def _test(self, node: nodes.Test, path: Path, soft: bool) -> list[Way]:
        ways: list[Way] = []
        guarding = node.name in ("defined", "undefined")
        for there, value in self._visit(node.node, path, soft=guarding):
            if isinstance(value, Failure):
                ways.append((there, value))
            elif guarding:
                ways.append((there, known(isinstance(value, Missing) == (node.name == "undefined"))))
            elif not isinstance(value, Missing):
                ways += self._tested(node, value, there)
        return ways

    def _tested(self, node: nodes.Test, value: Value, path: Path) -> list[Way]:
        name = node.name
        if isinstance(value, Known) and not node.args and not node.kwargs:
            return [(path, exactly(TESTS[name].apply, value.value))]
        if name in ("none", "null"):
            return self._null_tested(node, value, path)
        if isinstance(value, Fields) and name in _TYPE_TESTS:
            return [(path, known(name == "mapping"))]
        if isinstance(value, Items) and name in _TYPE_TESTS:
            return [(path, known(name == "sequence"))]
        ways: list[Way] = []
        for there, arguments in self._all(arguments_of(node), path):
            if isinstance(arguments, Failure):
                ways.append((there, arguments))
                continue
            self.uncertain = self.uncertain or name not in _TYPE_TESTS
            key = ("test", name, spell(value), *map(spell, arguments))
            ways += [(way, known(truth)) for way, truth in self._atom(key, node, there)]
        return ways

    def _null_tested(self, node: nodes.Test, value: Value, path: Path) -> list[Way]:
        if not isinstance(value, Open) or may_be_null(value) is False:
            return [(path, FALSE)]
        reference = reference_of(node)
        null = learn(self._decide(path, node, True), value.cell, NULL, reference)
        other = learn(self._decide(path, node, False), value.cell, without_null(value), reference)
        return [(null, TRUE), (other, FALSE)]

    def _filter(self, node: nodes.Filter, path: Path, soft: bool) -> list[Way]:
        if node.name == "default":
            return self._default(node, path, soft)
        assert node.node is not None
        if node.name in ITEMWISE:
            return self._mapped(node, path) or self._loose(node, [node.node], path)
        ways: list[Way] = []
        for there, values in self._all([node.node, *arguments_of(node)], path):
            if isinstance(values, Failure):
                ways.append((there, values))
            elif all(isinstance(value, Known) for value in values) and not node.kwargs:
                ways.append(
                    (there, self._filtered(node, [value.value for value in values if isinstance(value, Known)]))
                )
            else:
                self.uncertain = True
                ways.append((there, self._derived(node.name, values)))
        return ways

    def _filtered(self, node: nodes.Filter, values: list[JSON]) -> Value | Failure:
        builtin = FILTERS[node.name]
        found = exactly(builtin.apply, *values, *defaults_behind(builtin, node.args))
        return Failure(f"there is no {node.name} item") if isinstance(found, Missing) else found

    def _default(self, node: nodes.Filter, path: Path, soft: bool) -> list[Way]:
        assert node.node is not None
        named = {str(pair.key): pair.value for pair in node.kwargs}
        fallback = node.args[0] if node.args else named.get("default_value")
        falsy = node.args[1] if len(node.args) > 1 else named.get("boolean")
        also = isinstance(falsy, nodes.Const) and falsy.value is True
        ways: list[Way] = []
        for there, value in self._visit(node.node, path, soft=True):
            if isinstance(value, Failure):
                ways.append((there, value))
                continue
            truths = self._truths(node.node, there, value) if also or isinstance(value, Missing) else [(there, True)]
            for way, truth in truths:
                if truth and not isinstance(value, Missing):
                    ways.append((way, value))
                else:
                    ways += [(way, known(""))] if fallback is None else self._visit(fallback, way, soft=soft)
        return ways

    def _call(self, node: nodes.Call, path: Path, soft: bool) -> list[Way]:
        name = node.node.name if isinstance(node.node, nodes.Name) else ""
        ways: list[Way] = []
        for there, values in self._all(arguments_of(node), path):
            if isinstance(values, Failure):
                ways.append((there, values))
            elif name in _STEADY and values and all(isinstance(value, Known) for value in values) and not node.kwargs:
                builtin = FUNCTIONS[name]
                exact = [value.value for value in values if isinstance(value, Known)]
                ways.append((there, exactly(builtin.apply, *exact, *defaults_behind(builtin, node.args))))
            else:
                self.uncertain = self.uncertain or bool(values)
                ways.append((there, self._some(node)))
        return ways

    def _list(self, node: nodes.List | nodes.Tuple, path: Path, soft: bool) -> list[Way]:
        ways: list[Way] = []
        for there, values in self._all(node.items, path):
            if isinstance(values, Failure):
                ways.append((there, values))
            elif all(isinstance(value, Known) for value in values):
                ways.append((there, known([value.value for value in values if isinstance(value, Known)])))
            else:
                ways.append((there, Items(either(f"[{spell(values[0])}]", values))))
        return ways

    def _mapping(self, node: nodes.Dict, path: Path, soft: bool) -> list[Way]:
        if not all(isinstance(pair.key, nodes.Const) and isinstance(pair.key.value, str) for pair in node.items):
            return self._loose(node, [pair.value for pair in node.items], path)
        names = [pair.key.value for pair in node.items if isinstance(pair.key, nodes.Const)]
        return [
            (there, values if isinstance(values, Failure) else Fields(tuple(zip(names, values, strict=True))))
            for there, values in self._all([pair.value for pair in node.items], path)
        ]

    def _arithmetic(self, node: nodes.BinExpr, path: Path, soft: bool) -> list[Way]:
        symbol = _SYMBOLS[type(node)]
        ways: list[Way] = []
        for there, values in self._all([node.left, node.right], path):
            if isinstance(values, Failure):
                ways.append((there, values))
                continue
            left, right = values
            if isinstance(left, Known) and isinstance(right, Known):
                ways.append((there, exactly(ARITHMETIC[symbol], left.value, right.value)))
            elif NULL in values:
                ways.append((there, Failure(f"null cannot be used with {symbol}")))
            else:
                self.uncertain = True
                ways.append((there, self._derived(symbol, values)))
        return ways

    def _anything(self, node: nodes.Node, path: Path, soft: bool) -> list[Way]:
        """A node whose parts count, and whose value nothing is known about."""
        return self._loose(node, [part for part in node.iter_child_nodes() if isinstance(part, nodes.Expr)], path)

    def _loose(self, node: nodes.Node, parts: Sequence[nodes.Node], path: Path) -> list[Way]:
        self.uncertain = True
        return [
            (
                there,
                values if isinstance(values, Failure) else self._derived(type(node).__name__ + telling(node), values),
            )
            for there, values in self._all(parts, path)
        ]

    def _derived(self, what: str, values: Sequence[Value]) -> Open:
        return Open(f"{what}({', '.join(map(spell, values))})")


_VISITS: Final[dict[type[nodes.Node], Callable[..., list[Way]]]] = {
    nodes.Const: Evaluation._constant,
    nodes.Name: Evaluation._name,
    nodes.Getattr: Evaluation._name,
    nodes.Getitem: Evaluation._name,
    nodes.Not: Evaluation._not,
    nodes.And: Evaluation._junction,
    nodes.Or: Evaluation._junction,
    nodes.CondExpr: Evaluation._conditional,
    nodes.Compare: Evaluation._compare,
    nodes.Test: Evaluation._test,
    nodes.Filter: Evaluation._filter,
    nodes.Call: Evaluation._call,
    nodes.List: Evaluation._list,
    nodes.Tuple: Evaluation._list,
    nodes.Dict: Evaluation._mapping,
    **dict.fromkeys(_SYMBOLS, Evaluation._arithmetic),
}
