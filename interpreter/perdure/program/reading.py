"""What a program's nodes name and read: the nodes inside them, the references of their expressions, their variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from perdure.expressions import Expression, Template
from perdure.expressions.visitor import Reference
from perdure.program import nodes
from perdure.program.nodes import Address, Node
from perdure.program.program import Program


def inside(node: Node) -> Iterator[Address]:
    """The nodes that a node names."""
    for name in ("child", "body", "undo"):
        address = getattr(node, name, None)
        if address:
            yield address
    yield from getattr(node, "children", ())
    arms = getattr(node, "arms", ())
    yield from arms.values() if isinstance(arms, Mapping) else (arm.body for arm in arms)
    yield from (lane.body for lane in getattr(node, "lanes", {}).values())
    yield from (handler.body for handler in getattr(node, "handlers", ()) if handler.body)


def around_nodes(program: Program) -> dict[Address, Address]:
    """The node around each node."""
    return {address: node.address for node in program.nodes.values() for address in inside(node)}


def steps_in(program: Program, address: Address) -> Iterator[Address]:
    waiting = [address]
    while waiting:
        node = program.nodes.get(waiting.pop())
        if node is not None:
            yield node.step
            waiting.extend(inside(node))


def references(part: object) -> Iterator[Reference]:
    """Every name that the expressions of a node, or of a part of it, read."""
    if isinstance(part, Expression):
        yield from part.references
    elif isinstance(part, Template):
        for _, expression in part.expressions:
            yield from expression.references
    elif isinstance(part, tuple):
        for item in part:
            yield from references(item)
    elif is_dataclass(part) and not isinstance(part, type):
        for field in fields(part):
            yield from references(getattr(part, field.name))
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from references(value)


def variables(program: Program, behind: set[Address] | None = None) -> set[str]:
    """Variables that the program begins with or sets, apart from what it sets in steps that are behind."""
    names = set() if program.vars is None else set(program.vars.names)
    for node in program.nodes.values():
        if isinstance(node, nodes.Set) and (behind is None or node.step not in behind):
            names.update(node.values.names)
    return names
