"""What an expression may come to on a path: its values, each with what was decided to get there, or why it fails.

Goes through the syntax tree as the language does, short circuits and guards included. What cannot be known is decided
both ways, and the same way again where it is asked again. `uncertain` says that it might fail for reasons nobody can
see here: unknown types, lists that are too short.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from jinja2 import nodes

from perdure.errors import ExpressionError
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
    child,
    either,
    kind_of,
    known,
    lifted,
    may_be_null,
    without_null,
)
from perdure.exploration.paths import Path, Reference, kinds, learn
from perdure.exploration.trails import Condition
from perdure.expressions.access import find
from perdure.expressions.access import MISSING as ABSENT
from perdure.expressions.arguments import order
from perdure.expressions.catalogue import FILTERS, FUNCTIONS, TESTS
from perdure.expressions.itemwise import ITEMWISE
from perdure.expressions.operators import ARITHMETIC, COMPARISONS
from perdure.expressions.scope import Scope
from perdure.expressions.wording import spelled
from perdure.values import JSON

MOST_WAYS: Final = 24
"""Ways one expression is followed; what has more is taken to give anything."""

_SYMBOLS: Final = {
    nodes.Add: "+", nodes.Sub: "-", nodes.Mul: "*", nodes.Div: "/", nodes.FloorDiv: "//", nodes.Mod: "%", nodes.Pow: "**",
}  # fmt: skip
_OPPOSITE: Final = {"ne": "eq", "lteq": "gt", "gteq": "lt", "notin": "in"}
_WORDS: Final = {"eq": "==", "ne": "!=", "lt": "<", "gt": ">", "lteq": "<=", "gteq": ">=", "in": "in", "notin": "not in"}
_TYPE_TESTS: Final = {
    "string": "string", "mapping": "object", "sequence": "array", "boolean": "boolean", "number": "number",
}  # fmt: skip
_STEADY: Final = frozenset(("duration", "range"))
NOWHERE: Final[Reference] = ("", "")


@dataclass(frozen=True, slots=True)
class Failure:
    """The expression cannot be evaluated here, for sure."""

    why: str


Way = tuple[Path, Value | Missing | Failure]


class _NoAmbient:
    """An outside world that nothing exact may ask."""

    def now(self) -> int:
        raise AssertionError

    random = uuid = now  # type: ignore[assignment]


_SCOPE: Final = _NoAmbient()


class Evaluation:
    """One evaluation of an expression; ask it once."""

    def __init__(self) -> None:
        self.uncertain = False
        self._chance = 0

    def values(self, tree: nodes.Expr, path: Path) -> list[Way]:
        """The ways the expression may go; never `MISSING`."""
        return self._visit(tree, path, soft=False)

    def conditions(self, tree: nodes.Expr, path: Path) -> list[tuple[Path, bool | Failure]]:
        """The ways a condition may go."""
        found: list[tuple[Path, bool | Failure]] = []
        for way, value in self.values(tree, path):
            if isinstance(value, Failure):
                found.append((way, value))
            elif isinstance(value, Known) and value.value not in (True, False, None):
                found.append((way, Failure("a condition is true, false or null")))
            elif isinstance(value, Fields | Items):
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

    def _name(self, node: nodes.Node, path: Path, soft: bool) -> list[Way]:
        """A name with the constant keys behind it."""
        keys: list[JSON] = []
        base: nodes.Node = node
        while isinstance(base, nodes.Getattr | nodes.Getitem):
            key = _key(base)
            if key is None:
                break
            keys.append(key)
            base = base.node
        keys.reverse()
        if isinstance(base, nodes.Name):
            reference: Reference = (base.name, keys[0] if keys else "")
            return self._follow(self._root(base.name, keys, path), base.name, keys, soft, reference)
        if isinstance(base, nodes.Getitem):
            return self._dynamic(base, path, soft)
        ways: list[Way] = []
        for there, value in self._visit(base, path, soft=soft):
            if isinstance(value, Failure | Missing):
                ways.append((there, value))
            else:
                ways += self._follow((there, value, 0), "the value", keys, soft, NOWHERE)
        return ways

    def _root(self, root: str, keys: list[JSON], path: Path) -> tuple[Path, Value | Missing, int]:
        """What a name stands for, and how many keys were used to find it."""
        if root in path.names:
            return path, path.names[root], 0
        if root == "null":
            return path, NULL, 0
        if root == "steps" and keys:
            return path, path.results.get(str(keys[0]), NULL), 1
        if root == "vars" and keys:
            return path, path.vars.get(str(keys[0]), MISSING), 1
        return path, Open(root), 0

    def _follow(
        self, start: tuple[Path, Value | Missing, int], root: str, keys: list[JSON], soft: bool, reference: Reference
    ) -> list[Way]:
        path, value, used = start
        ways: list[Way] = [] if isinstance(value, Missing) else list(kinds(path, value, reference))
        if isinstance(value, Missing):
            ways = [(path, MISSING)]
        for position, key in enumerate(keys[used:], used):
            following: list[Way] = []
            for here, found in ways:
                if isinstance(found, Missing | Failure):
                    following.append((here, found))
                    continue
                for there, inner in self._read(here, found, key, soft, reference):
                    if isinstance(inner, Missing) and not soft:
                        following.append((there, Failure(_absence(found, there, root, keys[:position], key))))
                    else:
                        following.append((there, inner))
            ways = following
        if soft:
            return ways
        return [(way, _unset(keys)) if isinstance(found, Missing) else (way, found) for way, found in ways]

    def _read(self, path: Path, value: Value, key: JSON, soft: bool, reference: Reference) -> list[Way]:
        value = lifted(value)
        if isinstance(value, Known):
            found = find(value.value, key)
            return [(path, MISSING if found is ABSENT else known(found))]
        if isinstance(value, Fields):
            field = value.get(key)
            return [(path, MISSING)] if field is None else list(kinds(path, field, reference))
        if isinstance(value, Items):
            if not isinstance(key, int):
                return [(path, MISSING)]
            self.uncertain = self.uncertain or not soft
            ways: list[Way] = list(kinds(path, value.item, reference))
            return [*ways, (path, MISSING)] if soft else ways
        if isinstance(value, Open):
            return self._read_open(path, value, key, soft, reference)
        return [way for there, kind in kinds(path, value, reference) for way in self._kept(there, kind, key, soft, reference)]

    def _kept(self, path: Path, kind: Value | Missing, key: JSON, soft: bool, reference: Reference) -> list[Way]:
        return [(path, MISSING)] if isinstance(kind, Missing) else self._read(path, kind, key, soft, reference)

    def _read_open(self, path: Path, value: Open, key: JSON, soft: bool, reference: Reference) -> list[Way]:
        ways: list[Way] = []
        null = may_be_null(value)
        if null:
            ways.append((learn(path, value.cell, NULL, reference), MISSING))
            value = without_null(value)
            path = learn(path, value.cell, value, reference)
        elif null is None and soft:
            self.uncertain = self.uncertain or not soft
        inner, sure = child(value, key)
        cell = f"{value.cell}.{key}"
        if cell in path.cells:
            found = path.cells[cell][0]
            return [*ways, *([(path, found)] if isinstance(found, Missing) else kinds(path, found, reference))]
        if sure == "absent":
            return [*ways, (path, MISSING)]
        if sure == "optional" or (soft and sure == "unsure"):
            ways.append((learn(path, cell, MISSING, reference), MISSING))
            path = learn(path, cell, inner, reference)
        elif sure == "unsure":
            self.uncertain = True
        return [*ways, *kinds(path, inner, reference)]

    def _dynamic(self, node: nodes.Getitem, path: Path, soft: bool) -> list[Way]:
        """A slice, or a key that is worked out."""
        if isinstance(node.arg, nodes.Slice):
            return self._anything(node, path, soft)
        ways: list[Way] = []
        for there, both in self._all([node.node, node.arg], path):
            if isinstance(both, Failure):
                ways.append((there, both))
                continue
            value, key = both
            if isinstance(key, Known) and isinstance(key.value, str | int) and not isinstance(key.value, bool):
                ways += self._follow((there, value, 0), "the value", [key.value], soft, NOWHERE)
            else:
                self.uncertain = True
                ways.append((there, self._some(node)))
                if soft:
                    ways.append((there, MISSING))
        return ways

    def _truths(self, node: nodes.Node, path: Path, value: Value | Missing) -> list[tuple[Path, bool]]:
        """Whether a value counts as true, decided where it is not known."""
        if isinstance(value, Missing):
            return [(path, False)]
        if isinstance(value, Known):
            return [(path, bool(value.value))]
        if isinstance(value, Fields):
            return [(path, bool(value.items))]
        if isinstance(value, Open) and kind_of(value) == "boolean" and not may_be_null(value):
            reference = _reference(node)
            return [
                (self._decide(learn(path, value.cell, kind, reference), node, truth), truth)
                for truth, kind in ((True, TRUE), (False, FALSE))
            ]
        return self._atom(("truth", _spell(value)), node, path)

    def _atom(self, key: object, node: nodes.Node, path: Path) -> list[tuple[Path, bool]]:
        """A condition that nothing is known about: as it was decided before, else both ways."""
        if key in path.atoms:
            return [(path, path.atoms[key][0])]
        return [
            (self._decide(path, node, truth).but(atoms={**path.atoms, key: (truth, _reference(node))}), truth)
            for truth in (True, False)
        ]

    def _decide(self, path: Path, node: nodes.Node, truth: bool) -> Path:
        return path.after(Condition(node, truth, path)) if isinstance(node, nodes.Expr) else path

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
                    ways.append((way, value if isinstance(value, Known) else _weak(value, truth)))
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
            return [(path, _exactly(lambda: COMPARISONS[op](_scope(), left.value, right.value)))]
        if op not in ("eq", "ne"):
            self.uncertain = True
        opposite = op in _OPPOSITE
        plain = _OPPOSITE.get(op, op)
        if plain == "eq" and _differ(left, right):
            return [(path, known(opposite))]
        ways: list[Way] = []
        for there, truth in self._atom((plain, _spell(left), _spell(right)), _as(node, plain, opposite), path):
            if truth and plain == "eq":
                there = _equal(there, node, left, right)
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
            return [(path, _exactly(lambda: TESTS[name].apply(_scope(), value.value)))]
        if name in ("none", "null"):
            return self._null_tested(node, value, path)
        if isinstance(value, Fields) and name in _TYPE_TESTS:
            return [(path, known(name == "mapping"))]
        if isinstance(value, Items) and name in _TYPE_TESTS:
            return [(path, known(name == "sequence"))]
        ways: list[Way] = []
        for there, arguments in self._all(_arguments(node), path):
            if isinstance(arguments, Failure):
                ways.append((there, arguments))
                continue
            self.uncertain = self.uncertain or name not in _TYPE_TESTS
            key = ("test", name, _spell(value), *map(_spell, arguments))
            ways += [(way, known(truth)) for way, truth in self._atom(key, node, there)]
        return ways

    def _null_tested(self, node: nodes.Test, value: Value, path: Path) -> list[Way]:
        if not isinstance(value, Open) or may_be_null(value) is False:
            return [(path, FALSE)]
        reference = _reference(node)
        null = learn(self._decide(path, node, True), value.cell, NULL, reference)
        other = learn(self._decide(path, node, False), value.cell, without_null(value), reference)
        return [(null, TRUE), (other, FALSE)]

    def _filter(self, node: nodes.Filter, path: Path, soft: bool) -> list[Way]:
        if node.name == "default":
            return self._default(node, path, soft)
        assert node.node is not None
        if node.name in ITEMWISE:
            return self._loose(node, [node.node], path)
        ways: list[Way] = []
        for there, values in self._all([node.node, *_arguments(node)], path):
            if isinstance(values, Failure):
                ways.append((there, values))
            elif all(isinstance(value, Known) for value in values) and not node.kwargs:
                ways.append((there, self._filtered(node, [value.value for value in values if isinstance(value, Known)])))
            else:
                self.uncertain = True
                ways.append((there, self._derived(node.name, values)))
        return ways

    def _filtered(self, node: nodes.Filter, values: list[JSON]) -> Value | Failure:
        builtin = FILTERS[node.name]
        rest = order(builtin, node.args, {}, 0)[len(node.args) :]
        defaults = [default(_scope()) for default in rest if callable(default)]
        found = _exactly(lambda: builtin.apply(_scope(), *values, *defaults))
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
        for there, values in self._all(_arguments(node), path):
            if isinstance(values, Failure):
                ways.append((there, values))
            elif name in _STEADY and values and all(isinstance(value, Known) for value in values) and not node.kwargs:
                builtin = FUNCTIONS[name]
                rest = [default(_scope()) for default in order(builtin, node.args, {}, 0)[len(node.args) :] if callable(default)]
                given = [value.value for value in values if isinstance(value, Known)]
                ways.append((there, _exactly(lambda given=given, rest=rest: builtin.apply(_scope(), *given, *rest))))
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
                ways.append((there, Items(either(f"[{_spell(values[0])}]", values))))
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
                operate = ARITHMETIC[symbol]
                one, other = left.value, right.value
                ways.append((there, _exactly(lambda one=one, other=other, do=operate: do(_scope(), one, other))))
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
            (there, values if isinstance(values, Failure) else self._derived(type(node).__name__ + _text(node), values))
            for there, values in self._all(parts, path)
        ]

    def _derived(self, what: str, values: Sequence[Value]) -> Open:
        return Open(f"{what}({', '.join(map(_spell, values))})")

    def _some(self, node: nodes.Node) -> Open:
        self._chance += 1
        return Open(f"?{id(node)}.{self._chance}")


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


def _key(node: nodes.Getattr | nodes.Getitem) -> str | int | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    value = node.arg.value if isinstance(node.arg, nodes.Const) else None
    return value if isinstance(value, str) or type(value) is int else None


def _scope() -> Scope:
    return Scope({}, _SCOPE)


def _exactly(operate: Callable[[], JSON]) -> Value | Failure:
    try:
        found = operate()
    except ExpressionError as problem:
        return Failure(problem.message)
    return MISSING if found is ABSENT else known(found)  # type: ignore[return-value]


def _unset(keys: list[JSON]) -> Failure:
    return Failure(f"the variable {keys[0]} has no value" if keys else "it has no value")


def _absence(value: Value, path: Path, root: str, keys: list[JSON], key: JSON) -> str:
    """Why a key cannot be read: what it stands on is null, or does not have it."""
    place = spelled(root, keys)
    learned = path.cells.get(value.cell, (None,))[0] if isinstance(value, Open) else None
    if NULL in (value, learned):
        return f"{place} is null"
    return f"{place} has no {key}"


def _reference(node: nodes.Node) -> Reference:
    """The first name that a condition reads."""
    for name in [node] if isinstance(node, nodes.Name) else node.find_all(nodes.Name):
        for holder in [node, *node.find_all((nodes.Getattr, nodes.Getitem))]:
            if isinstance(holder, nodes.Getattr | nodes.Getitem) and holder.node is name:
                return (name.name, _key(holder) or "")
        return (name.name, "")
    return NOWHERE


def _spell(value: Value) -> str:
    """A value as what is decided about it is kept under."""
    match value:
        case Known(text):
            return text
        case Open(cell):
            return cell
        case Items(item):
            return f"[{_spell(item)}…]"
        case Fields(items):
            return "{" + ", ".join(f"{name}: {_spell(item)}" for name, item in items) + "}"
    return value.cell


def _differ(left: Value, right: Value) -> bool:
    """Whether two values are surely not equal, since one is a list or mapping and the other a plain value."""
    for one, other in ((left, right), (right, left)):
        plain = isinstance(one, Known) and not isinstance(one.value, list | dict)
        if plain and (isinstance(other, Fields | Items) or (isinstance(other, Open) and other.solid and one == NULL)):
            return True
    return False


def _equal(path: Path, node: nodes.Compare, left: Value, right: Value) -> Path:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Open) and isinstance(other, Known):
            return learn(path, one.cell, other, _reference(node))
    return path


def _as(node: nodes.Compare, op: str, opposite: bool) -> nodes.Node:
    """The comparison as it is decided: `a != b` as `a == b`."""
    if not opposite:
        return node
    return nodes.Compare(node.expr, [nodes.Operand(op, node.ops[0].expr, lineno=node.lineno)], lineno=node.lineno)


def _weak(value: Value, truth: bool) -> Value:
    return value if truth else FALSE if isinstance(value, Open) and kind_of(value) == "boolean" else value


def _arguments(node: nodes.Filter | nodes.Test | nodes.Call) -> list[nodes.Expr]:
    return [*node.args, *(pair.value for pair in node.kwargs)]


def _text(node: nodes.Node) -> str:
    """What tells one node of a kind from another: the names and constants in it."""
    parts = [getattr(node, "name", "")]
    parts += [str(getattr(part, "name", getattr(part, "value", getattr(part, "attr", "")))) for part in node.find_all(nodes.Node)]
    return "|".join(map(str, parts))
