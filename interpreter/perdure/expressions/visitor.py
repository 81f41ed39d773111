"""What compiling a node asks of the compiler around it, and what it leaves there.

The seam between the compiler's dispatch and the files that compile one family of nodes each.
"""

from __future__ import annotations

from typing import Protocol

from jinja2 import nodes

from perdure.errors import ExpressionError
from perdure.expressions.access import Closure, Key
from perdure.record import record


@record
class Reference:
    """A name that an expression reads, with the longest constant path behind it.

    `offset` is the name's character in the text; `guarded` says that a missing path is no error there, as it
    stands under `| default(…)` or `is defined`.
    """

    root: str
    path: tuple[Key, ...]
    offset: int | None
    guarded: bool


class Visitor(Protocol):
    """The compilation of one expression, as its nodes see it."""

    references: list[Reference]
    functions: set[str]

    def strict(self, node: nodes.Node) -> Closure:
        """A closure that never gives `MISSING`; refuses a node that is not allowed."""
        ...

    def soft(self, node: nodes.Node) -> Closure:
        """A closure that gives `MISSING` where the node's own path is missing."""
        ...


def located(error: ExpressionError, offset: int) -> ExpressionError:
    """The error, placed at the offset unless something inside has placed it already."""
    if error.offset is None:
        error.offset = offset
    return error
