"""Arguments of filters, tests and functions, brought into the order of their parameters while compiling.

Too many, too few, unknown and doubled ones are refused with the signature as the hint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from jinja2 import nodes

from perdure.expressions.access import Closure
from perdure.expressions.builtin import REQUIRED, Builtin, Table
from perdure.expressions.visitor import Visitor
from perdure.expressions.wording import clipped, refusal, suggestion
from perdure.values import JSON

_INSTEAD: Final = {
    "attr": "write a[name] to read a key",
    "count": "write | length",
    "d": "write | default(…)",
    "format": "write ~ to join texts, | round(2) for digits",
}
"""Names that Jinja2 has and this language does not, with the way to write it here."""


def known(table: Table, noun: str, name: str, offset: int) -> Builtin:
    """The entry of that name, or a refusal with a suggestion."""
    found = table.get(name)
    if found is None:
        hint = _INSTEAD.get(name) or suggestion(name, table)
        raise refusal(f'unknown {noun} "{clipped(name)}"', offset=offset, hint=hint)
    return found


def named(node: nodes.Filter | nodes.Test | nodes.Call) -> dict[str, nodes.Expr]:
    """The arguments given by name."""
    found: dict[str, nodes.Expr] = {}
    for pair in node.kwargs:
        name = str(pair.key)
        if name in found:
            raise refusal(f'"{clipped(name)}" is given twice', offset=node.lineno)
        found[name] = pair.value
    return found


def refuse_stars(node: nodes.Filter | nodes.Test | nodes.Call) -> None:
    """Refuse `*` and `**`, whose count is only known when it is too late."""
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise refusal("* and ** are not supported in arguments", offset=node.lineno)


def ordered(builtin: Builtin, node: nodes.Filter | nodes.Test | nodes.Call) -> list[nodes.Expr | Closure]:
    """The arguments of a node in the order of the parameters, defaults filled in."""
    refuse_stars(node)
    return order(builtin, node.args, named(node), node.lineno)


def order(
    builtin: Builtin, args: Sequence[nodes.Expr], named: Mapping[str, nodes.Expr], offset: int
) -> list[nodes.Expr | Closure]:
    """The same of arguments that are already taken apart."""
    parameters = builtin.parameters
    if len(args) > len(parameters):
        raise refusal(
            f"{builtin.name} takes at most {len(parameters)} arguments", offset=offset, hint=builtin.signature
        )
    result: list[nodes.Expr | Closure] = list(args)
    for parameter in parameters[len(args) :]:
        if parameter.name in named:
            result.append(named[parameter.name])
        elif parameter.default is REQUIRED:
            raise refusal(f"{builtin.name} needs {parameter.name}", offset=offset, hint=builtin.signature)
        else:
            result.append(_always(parameter.default))
    for name in named:
        if name not in {parameter.name for parameter in parameters[len(args) :]}:
            raise refusal(f'{builtin.name} takes no "{clipped(name)}"', offset=offset, hint=builtin.signature)
    return result


def bound(visitor: Visitor, builtin: Builtin, node: nodes.Filter | nodes.Test | nodes.Call) -> list[Closure]:
    """The arguments of a node as closures, in the order of the parameters."""
    return [as_closure(visitor, argument, soft=False) for argument in ordered(builtin, node)]


def as_closure(visitor: Visitor, argument: nodes.Expr | Closure, *, soft: bool) -> Closure:
    """An argument as a closure; a default is one already."""
    if isinstance(argument, nodes.Expr):
        return visitor.soft(argument) if soft else visitor.strict(argument)
    return argument


def _always(value: JSON) -> Closure:
    return lambda scope: value
