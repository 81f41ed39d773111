"""The nodes of a program in the order in which they run, and up to where each name is still read.

What nothing reads any more need not be known, so that paths which differ in it alone are one. Loops and their like
stand for all their turns.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from perdure.expressions import Expression, Template
from perdure.program import Program
from perdure.program.nodes import (
    Activity,
    Address,
    Arm,
    Ask,
    Branch,
    CancelRun,
    Catch,
    Child,
    Emit,
    Finally,
    Finish,
    Handler,
    Joining,
    Lane,
    MessageHandler,
    Node,
    Parallel,
    Patience,
    Receive,
    Select,
    Send,
    Sequence,
    Set,
    Trigger,
    Use,
    Wait,
)

_WITHIN: Final = (Arm, Handler, Joining, Lane, MessageHandler, Patience, Trigger)
_MESSAGES: Final = ("signal", "event")


def inner(node: Node) -> tuple[Address, ...]:
    """The nodes right inside a node, in the order in which they may run."""
    lister = _INNER.get(type(node))
    if lister is not None:
        return lister(node)
    child = getattr(node, "child", None) or getattr(node, "body", None)
    return () if child is None else (child,)


_INNER: Final[Mapping[type[Node], Callable[[Any], tuple[Address, ...]]]] = {
    Sequence: lambda node: node.children,
    Branch: lambda node: tuple(arm.body for arm in node.arms),
    Parallel: lambda node: tuple(lane.body for lane in node.lanes.values()),
    Select: lambda node: tuple(node.arms.values()),
    Receive: lambda node: tuple(handler.body for handler in node.handlers if handler.body is not None),
    Finally: lambda node: (node.child, node.body),
    Catch: lambda node: (node.child, *(handler.body for handler in node.handlers)),
    Finish: lambda node: (node.child,) if node.undo is None else (node.child, node.undo),
}


def expressions(part: Any) -> Iterator[Expression]:
    """The expressions of a node, or of a part of one."""
    for name in (field.name for field in fields(part)):
        value = getattr(part, name)
        for one in value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else (value,):
            if isinstance(one, Expression):
                yield one
            elif isinstance(one, Template):
                yield from (expression for _, expression in one.expressions)
            elif isinstance(one, _WITHIN) and is_dataclass(one):
                yield from expressions(one)


@dataclass(frozen=True, slots=True)
class Layout:
    """`first` and `last` number the nodes as one comes to them and leaves them; `reads` has the last place at which a
    root with its first key is read, `anything` the last at which a root is read as a whole."""

    first: Mapping[Address, int]
    last: Mapping[Address, int]
    reads: Mapping[tuple[str, object], int]
    anything: Mapping[str, int]
    setting: tuple[tuple[int, frozenset[str]], ...]
    waiting: tuple[int, ...]
    blocking: tuple[int, ...]

    @classmethod
    def of(cls, program: Program) -> Layout:
        drawing = _Drawing(program)
        drawing.draw(program.root)
        return cls(
            drawing.first, drawing.last, drawing.reads, drawing.anything,
            tuple(sorted(drawing.setting)), tuple(sorted(drawing.waiting)), tuple(sorted(drawing.blocking)),
        )  # fmt: skip

    def is_read(self, root: str, key: object, place: int) -> bool:
        """Whether something behind a place reads it."""
        return self.reads.get((root, key), -1) > place or self.anything.get(root, -1) > place

    def sets(self, address: Address) -> frozenset[str]:
        """The variables that are set inside a node."""
        start = bisect_left(self.setting, (self.first[address], frozenset()))
        found: set[str] = set()
        for place, names in self.setting[start:]:
            if place > self.last[address]:
                break
            found |= names
        return frozenset(found)

    def waits(self, address: Address) -> bool:
        """Whether something inside a node waits for messages."""
        return self._any(self.waiting, address)

    def blocks(self, address: Address) -> bool:
        """Whether time can pass inside a node."""
        return self._any(self.blocking, address)

    def _any(self, places: tuple[int, ...], address: Address) -> bool:
        at = bisect_left(places, self.first[address])
        return at < len(places) and places[at] <= self.last[address]


_TIMELY: Final = (Activity, Child, Wait, Select, Ask, Receive, Send, Emit, CancelRun)


class _Drawing:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.first: dict[Address, int] = {}
        self.last: dict[Address, int] = {}
        self.reads: dict[tuple[str, object], int] = {}
        self.anything: dict[str, int] = {}
        self.setting: list[tuple[int, frozenset[str]]] = []
        self.waiting: list[int] = []
        self.blocking: list[int] = []
        self.number = 0

    def draw(self, root: Address) -> None:
        waiting: list[tuple[Address, bool]] = [(root, False)]
        while waiting:
            address, leaving = waiting.pop()
            node = self.program.nodes[address]
            self.number += 1
            if leaving:
                self.leave(node)
                continue
            self.enter(node)
            waiting.append((address, True))
            waiting += [(one, False) for one in reversed(inner(node))]

    def enter(self, node: Node) -> None:
        self.first[node.address] = self.number
        if isinstance(node, Set):
            self.setting.append((self.number, frozenset(node.values.names)))
        if isinstance(node, _TIMELY):
            self.blocking.append(self.number)
        if isinstance(node, Ask | Receive) or any(
            getattr(trigger, kind) for trigger in getattr(node, "triggers", ()) for kind in _MESSAGES
        ):
            self.waiting.append(self.number)

    def leave(self, node: Node) -> None:
        self.last[node.address] = self.number
        for expression in expressions(node):
            for reference in expression.references:
                if reference.path:
                    self.reads[reference.root, reference.path[0]] = self.number
                self.reads[reference.root, ""] = self.number
                if not reference.path or not isinstance(reference.path[0], str):
                    self.anything[reference.root] = self.number
        if isinstance(node, Use):
            self.anything["input"] = self.number
