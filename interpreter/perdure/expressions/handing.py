"""Whether an expression hands a name on as it is, or works with what it holds.

Does not evaluate anything and knows no names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from jinja2 import nodes

from perdure.expressions.syntax import parse

_READS: Final = (nodes.Getattr, nodes.Getitem)
_HANDS_ON: Final = (nodes.Concat, nodes.Add, nodes.List, nodes.Dict, nodes.Pair)
"""What puts values together without looking into them."""


def altered(text: str, root: str) -> list[int]:
    """The offsets in a bare expression at which something under `root` is not just read and passed on."""
    return list(_altered(parse(text), root, handed_on=True))


def _altered(node: nodes.Node, root: str, *, handed_on: bool) -> Iterator[int]:
    base: nodes.Node = node
    while isinstance(base, _READS):
        yield from _altered(base.arg, root, handed_on=False) if isinstance(base, nodes.Getitem) else ()
        base = base.node
    if isinstance(base, nodes.Name):
        if base.name == root and not handed_on:
            yield base.lineno
    elif isinstance(base, nodes.CondExpr):
        yield from _altered(base.test, root, handed_on=False)
        for branch in (base.expr1, base.expr2):
            if branch is not None:
                yield from _altered(branch, root, handed_on=handed_on and base is node)
    else:
        inside = handed_on and base is node and isinstance(base, _HANDS_ON)
        for child in base.iter_child_nodes():
            yield from _altered(child, root, handed_on=inside)
