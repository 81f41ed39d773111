"""Values that make a path's conditions come out as they did: an input, results of calls, data of messages.

Starts from the plainest values that fit, and tries out what stands in the conditions themselves. What is found is
exact as far as it goes: conditions are evaluated as a run would. Whether all of them hold, the caller sees by running.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from jinja2 import nodes

from perdure.errors import ExpressionError
from perdure.exploration.knowledge import NULL, Either, Fields, Items, Known, Missing, Open, Value
from perdure.exploration.paths import Path
from perdure.exploration.trails import Condition, Learned, Link
from perdure.expressions.compiler import Compiler
from perdure.expressions.scope import Scope
from perdure.values import JSON

USUAL: Final[tuple[JSON, ...]] = (True, False, 0, 1, -1, "x", "", None, [{}], ["x"], [], {}, 1_000_000)
"""Tried where nothing in the condition helps."""
_GONE: Final = object()
_MOST_TRIES: Final = 400
_COUNTED: Final = ("index", "@", "~")
"""Cells of what a run counts and sets by itself, in loops and groups: whether they come out so is not open."""


class _Still:
    """A world that stands still."""

    def now(self) -> int:
        return 0

    def random(self) -> float:
        return 0.5

    def uuid(self) -> str:
        return "00000000-0000-4000-8000-000000000000"


class Solver:
    """`plain` gives the first value of an origin: the input, a result, a message. `values` are those found."""

    def __init__(self, origins: Mapping[str, Callable[[], JSON]]) -> None:
        self.origins = origins
        self.values: dict[str, JSON] = {}
        self._names = sorted(origins, key=len, reverse=True)

    def solve(self, links: list[Link]) -> None:
        """Find values under which the links of a trail come out as they stand there, as far as can be."""
        for link in links:
            if isinstance(link, Learned):
                self._learn(link)
        brought: list[Condition] = []
        for condition in links:
            if isinstance(condition, Condition) and self._bring_about(condition, brought):
                brought.append(condition)

    def obstacle(self, links: list[Link]) -> Condition | None:
        """The first condition that no values were found for, where only such keep a run from the path. There is none
        where a condition comes out on its own but not with the others: then they may contradict each other."""
        conditions = [link for link in links if isinstance(link, Condition)]
        beyond = [condition for condition in conditions if self._is_beyond(condition)]
        open_ = [condition for condition in conditions if condition not in beyond and not self._comes_out(condition)]
        return beyond[0] if beyond and not open_ else None

    def _is_beyond(self, condition: Condition) -> bool:
        """Whether no choice of values brings a condition about: it reads what is made of them, or of the world."""
        cells = list(_cells(condition))
        if any(cell.startswith(_COUNTED) and self._placed(cell) is None for cell in cells):
            return False
        if not cells or any(self._placed(cell) is None for cell in cells):
            return True
        if self._comes_out(condition):
            return False
        return not Solver(self.origins)._bring_about(condition, [])

    def value(self, origin: str) -> JSON:
        """The value of an origin as it stands."""
        if origin not in self.values:
            self.values[origin] = copy.deepcopy(self.origins[origin]())
        return self.values[origin]

    # -- cells

    def _placed(self, cell: str) -> tuple[str, list[str]] | None:
        """The origin of a cell, and the keys behind it."""
        for origin in self._names:
            if cell == origin:
                return origin, []
            if cell.startswith(f"{origin}."):
                return origin, cell[len(origin) + 1 :].split(".")
        return None

    def _get(self, cell: str) -> JSON:
        placed = self._placed(cell)
        if placed is None:
            return None
        value = self.value(placed[0])
        for key in placed[1]:
            if isinstance(value, dict) and key in value:
                value = value[key]
            elif isinstance(value, list) and key.lstrip("-").isdigit() and -len(value) <= int(key) < len(value):
                value = value[int(key)]
            else:
                return None
        return value

    def _put(self, cell: str, value: object) -> None:
        """Set what a cell stands for; `_GONE` takes it away."""
        placed = self._placed(cell)
        if placed is None:
            return
        origin, keys = placed
        if not keys:
            self.values[origin] = None if value is _GONE else value
            return
        self.values[origin] = _changed(self.value(origin), keys, value)

    def _learn(self, learned: Learned) -> None:
        value = learned.value
        if isinstance(value, Missing):
            self._put(learned.cell, _GONE)
        elif isinstance(value, Known):
            self._put(learned.cell, copy.deepcopy(value.value))
        elif isinstance(value, Open) and self._get(learned.cell) is None and value.cell == learned.cell:
            self._put(learned.cell, {"object": {}, "array": []}.get(str(value.schema.get("type")), "x"))

    # -- conditions

    def _bring_about(self, condition: Condition, earlier: list[Condition]) -> bool:
        """Change what a condition reads until it comes out as it should, and those before it still do, if it can."""
        if self._comes_out(condition):
            return True
        before = copy.deepcopy(self.values)
        tries = 0
        for cell in dict.fromkeys(_cells(condition)):
            for candidate in [*_candidates(condition.node), *_filled(condition.node, self._get(cell)), _GONE]:
                tries += 1
                self._put(cell, copy.deepcopy(candidate) if candidate is not _GONE else candidate)
                if self._comes_out(condition) and all(map(self._comes_out, earlier)):
                    return True
                self.values = copy.deepcopy(before)
                if tries > _MOST_TRIES:
                    return False
        return False

    def _comes_out(self, condition: Condition) -> bool:
        run = Compiler().strict(condition.node)
        try:
            found = run(Scope(_Names(self, condition.path), _Still()))
        except ExpressionError:
            return False
        number = isinstance(found, int | float) and not isinstance(found, bool)
        return not number and bool(found) is condition.holds  # a number is no condition, though it counts as true

    def concrete(self, value: Value | Missing, path: Path) -> JSON:
        """A value with everything filled in."""
        match value:
            case Known(_, exact):
                return exact
            case Fields(items):
                return {name: self.concrete(item, path) for name, item in items}
            case Items(item):
                return [self.concrete(item, path)]
            case Open(cell):
                learned = path.cells.get(cell)
                return learned[0].value if learned and isinstance(learned[0], Known) else self._get(cell)
            case Either(cell, kinds):
                learned = path.cells.get(cell)
                return self.concrete(learned[0] if learned else kinds[0], path)
        return None


def _changed(whole: JSON, keys: list[str], value: object) -> JSON:
    """A value with another one below it; what is in the way makes room."""
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if key.isdigit() and not isinstance(whole, dict):
        items = list(whole) if isinstance(whole, list) else []
        items += [{}] * (int(key) + 1 - len(items))
        items[int(key)] = _changed(items[int(key)], rest, value)
        return items
    fields = dict(whole) if isinstance(whole, dict) else {}
    if value is _GONE and not rest:
        fields.pop(key, None)
    else:
        fields[key] = _changed(fields.get(key), rest, value)
    return fields


class _Names(dict[str, Any]):
    """The names of an expression on a path, made when they are read."""

    def __init__(self, solver: Solver, path: Path) -> None:
        super().__init__()
        self.solver, self.path = solver, path

    def __missing__(self, root: str) -> JSON:
        path, concrete = self.path, self.solver.concrete
        if root in path.names:
            return concrete(path.names[root], path)
        if root == "steps":
            return _Steps({id: concrete(value, path) for id, value in path.results.items()})
        if root == "vars":
            return {name: concrete(value, path) for name, value in path.vars.items()}
        if root == "run":
            return {"id": "run", "workflow": "w", "version": None, "started_at": "", "attempt": 1}
        raise KeyError(root)


class _Steps(dict[str, JSON]):
    """Steps that have not run read as null."""

    def __missing__(self, id: str) -> JSON:
        return None


def _cells(condition: Condition) -> Iterator[str]:
    """The cells that a condition reads."""
    tree = condition.node
    found = [tree, *tree.find_all((nodes.Getattr, nodes.Getitem, nodes.Name))]
    inner = {id(node.node) for node in found if isinstance(node, nodes.Getattr | nodes.Getitem)}
    for node in found:
        if isinstance(node, nodes.Getattr | nodes.Getitem | nodes.Name) and id(node) not in inner:
            cell = _cell(node, condition.path)
            if cell is not None:
                yield cell


def _cell(node: nodes.Node, path: Path) -> str | None:
    keys: list[str] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getattr):
            keys.append(node.attr)
        elif isinstance(node.arg, nodes.Const):
            keys.append(str(node.arg.value))
        else:
            return None
        node = node.node
    if not isinstance(node, nodes.Name):
        return None
    keys.reverse()
    value: Any = path.names.get(node.name)
    if value is None and keys and node.name in ("steps", "vars"):
        value = (path.results if node.name == "steps" else path.vars).get(keys.pop(0), NULL)
    while isinstance(value, Fields | Either):
        if isinstance(value, Either):
            learned = path.cells.get(value.cell)
            opens = [kind for kind in value.kinds if isinstance(kind, Open | Fields)]
            value = learned[0] if learned else opens[0] if opens else Open(value.cell)
        elif keys:
            value = value.get(keys.pop(0))
        else:
            return None
    return ".".join((value.cell, *keys)) if isinstance(value, Open) else None


def _candidates(tree: nodes.Expr) -> Iterator[JSON]:
    """Values worth trying: what stands in the condition, and its neighbours."""
    for constant in [tree, *tree.find_all(nodes.Const)]:
        if not isinstance(constant, nodes.Const):
            continue
        value = constant.value
        yield value
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield from (value + 1, value - 1)
            if isinstance(value, int) and 0 <= value < 50:
                yield from ([{}] * (value + 1), "x" * (value + 1))
        elif isinstance(value, str):
            yield from (f"{value}x", [value])
    yield from USUAL


def _filled(tree: nodes.Expr, value: JSON) -> Iterator[JSON]:
    """Each candidate in a list or mapping of the same shape, or as an item of a list: for filters that look inside."""
    paths = _attributes(tree) or [()]
    for candidate in (*_candidates(tree), -1_000_000):
        if isinstance(candidate, dict | list):
            continue
        if isinstance(value, dict | list) and value:
            yield _with_leaves(value, candidate)
        else:
            yield [_under(path, candidate) for path in paths]


def _with_leaves(value: JSON, leaf: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: _with_leaves(item, leaf) for key, item in value.items()}
    return [_with_leaves(item, leaf) for item in value] if isinstance(value, list) else leaf


def _attributes(tree: nodes.Expr) -> list[tuple[str, ...]]:
    """The paths of attributes that the filters of an expression read of items."""
    pairs = (pair for pair in tree.find_all(nodes.Keyword) if pair.key == "attribute")
    return [tuple(str(pair.value.value).split(".")) for pair in pairs if isinstance(pair.value, nodes.Const)]


def _under(path: tuple[str, ...], value: JSON) -> JSON:
    for key in reversed(path):
        value = {key: value}
    return value
