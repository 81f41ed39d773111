"""What stands around an evaluation: exact operations, the names decisions are kept under, and why something is absent.

Plain functions over nodes of syntax trees and values; nothing here follows a path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import nodes

from perdure.errors import ExpressionError
from perdure.exploration.knowledge import (
    FALSE,
    MISSING,
    NULL,
    Fields,
    Items,
    Known,
    Open,
    Value,
    kind_of,
    known,
)
from perdure.exploration.paths import Path, Reference, learn
from perdure.expressions import Builtin
from perdure.expressions.access import MISSING as ABSENT
from perdure.expressions.arguments import order
from perdure.expressions.scope import Scope
from perdure.expressions.wording import spelled
from perdure.values import JSON

NOWHERE: Final[Reference] = ("", "")


@dataclass(frozen=True, slots=True)
class Failure:
    """The expression cannot be evaluated here, for sure."""

    why: str


class _NoWorld:
    """An outside world that nothing exact may ask."""

    def now(self) -> int:
        raise AssertionError

    def random(self) -> float:
        raise AssertionError

    def uuid(self) -> str:
        raise AssertionError


_WORLD: Final = _NoWorld()


def exactly(operate: Callable[..., JSON], *values: JSON) -> Any:
    """What an operation gives for known values: a value, `MISSING`, or why it fails."""
    try:
        found = operate(Scope({}, _WORLD), *values)
    except ExpressionError as problem:
        return Failure(problem.message)
    return MISSING if found is ABSENT else known(found)


def defaults_behind(builtin: Builtin, given: Sequence[nodes.Expr]) -> list[JSON]:
    """The defaults of the parameters that are not given."""
    rest = order(builtin, list(given), {}, 0)[len(given) :]
    return [default(Scope({}, _WORLD)) for default in rest if callable(default)]


def key_of(node: nodes.Getattr | nodes.Getitem) -> str | int | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    value = node.arg.value if isinstance(node.arg, nodes.Const) else None
    return value if isinstance(value, str) or type(value) is int else None


def base_of(node: nodes.Node) -> tuple[nodes.Node, list[str | int]]:
    """What stands before the constant keys at the end of a path, and these keys."""
    keys: list[str | int] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        key = key_of(node)
        if key is None:
            break
        keys.append(key)
        node = node.node
    keys.reverse()
    return node, keys


def place_of(node: nodes.Node) -> str:
    """A name with the keys behind it as people write it; something else by what it is."""
    base, keys = base_of(node)
    return spelled(base.name if isinstance(base, nodes.Name) else "the mapping", keys)


def why_unset(keys: list[JSON]) -> Failure:
    return Failure(f"the variable {keys[0]} has no value" if keys else "it has no value")


def why_absent(value: Value, path: Path, root: str, keys: list[JSON], key: JSON) -> str:
    """Why a key cannot be read: what it stands on is null, or does not have it."""
    place = spelled(root, keys)
    learned = path.cells.get(value.cell, (None,))[0] if isinstance(value, Open) else None
    if NULL in (value, learned):
        return f"{place} is null"
    return f"{place} has no {key}"


def reference_of(node: nodes.Node) -> Reference:
    """The first name that a condition reads."""
    for name in [node] if isinstance(node, nodes.Name) else node.find_all(nodes.Name):
        for holder in [node, *node.find_all((nodes.Getattr, nodes.Getitem))]:
            if isinstance(holder, nodes.Getattr | nodes.Getitem) and holder.node is name:
                return (name.name, key_of(holder) or "")
        return (name.name, "")
    return NOWHERE


def spell(value: Value) -> str:
    """A value as what is decided about it is kept under."""
    match value:
        case Known(text):
            return text
        case Open(cell):
            return cell
        case Items(item):
            return f"[{spell(item)}…]"
        case Fields(items):
            return "{" + ", ".join(f"{name}: {spell(item)}" for name, item in items) + "}"
    return value.cell


def surely_differ(left: Value, right: Value) -> bool:
    """Whether two values are surely not equal, since one is a list or mapping and the other a plain value."""
    for one, other in ((left, right), (right, left)):
        plain = isinstance(one, Known) and not isinstance(one.value, list | dict)
        if plain and (isinstance(other, Fields | Items) or (isinstance(other, Open) and other.solid and one == NULL)):
            return True
    return False


def made_equal(path: Path, node: nodes.Compare, left: Value, right: Value) -> Path:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Open) and isinstance(other, Known):
            return learn(path, one.cell, other, reference_of(node))
    return path


def as_decided(node: nodes.Compare, op: str, opposite: bool) -> nodes.Node:
    """The comparison as it is decided: `a != b` as `a == b`."""
    if not opposite:
        return node
    return nodes.Compare(node.expr, [nodes.Operand(op, node.ops[0].expr, lineno=node.lineno)], lineno=node.lineno)


def as_falsy(value: Value, truth: bool) -> Value:
    return value if truth else FALSE if isinstance(value, Open) and kind_of(value) == "boolean" else value


def arguments_of(node: nodes.Filter | nodes.Test | nodes.Call) -> list[nodes.Expr]:
    return [*node.args, *(pair.value for pair in node.kwargs)]


def telling(node: nodes.Node) -> str:
    """What tells one node of a kind from another: the names and constants in it."""
    parts = [getattr(node, "name", "")]
    parts += [
        str(getattr(part, "name", getattr(part, "value", getattr(part, "attr", ""))))
        for part in node.find_all(nodes.Node)
    ]
    return "|".join(map(str, parts))
