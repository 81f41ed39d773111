"""What a test may name: the steps of a program by id or address, its activities, children, messages and queries.

Knows a program's nodes, nothing of tests and runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeVar

from perdure.program import Program
from perdure.program.nodes import Activity, Address, Ask, Child, Node, Receive, Select, Wait

Found = TypeVar("Found", bound=Node)

_TURN: Final = re.compile(r"\[\d+\]")


class Names:
    """The names of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._found: dict[str, frozenset[Address]] = {}
        self.activities = {step: node.name for step, node in self._of(Activity)}
        self.children = {step: node.workflow for step, node in self._of(Child)}
        self.asks = frozenset(step for step, _ in self._of(Ask))
        self.steps = frozenset((*(step for step in program.kinds if step), *program.ids.values()))
        waits = [node.triggers for _, node in self._of(Wait)] + [node.triggers for _, node in self._of(Select)]
        triggers = [trigger for found in waits for trigger in found]
        handlers = [handler for _, node in self._of(Receive) for handler in node.handlers]
        self.messages: Mapping[str, frozenset[str]] = {
            "signal": frozenset((
                *(one.signal for one in triggers if one.signal), *(one.name for one in handlers if not one.update),
            )),
            "event": frozenset(one.event for one in triggers if one.event),
            "update": frozenset(one.name for one in handlers if one.update),
        }  # fmt: skip

    def addresses(self, name: str) -> frozenset[Address]:
        """The steps of this name, each without the turns it may stand in; a name may go on behind an id, as
        `hotel/compensate` does."""
        plain = _TURN.sub("", name)
        if plain not in self._found:
            ids = self.program.ids
            head, slash, rest = plain.partition("/")
            inside = {f"{step}/{rest}" for step, id in ids.items() if id == head} if slash else set()
            found = {step for step in self.program.kinds if step and (plain in (step, ids.get(step)) or step in inside)}
            self._found[plain] = frozenset(found)
        return self._found[plain]

    def means(self, name: str, label: str) -> bool:
        """Whether a name means the step that people see under this label (an id, or an address with turns)."""
        return name == label or ("[" not in name and not self.addresses(name).isdisjoint(self.addresses(label)))

    def _of(self, kind: type[Found]) -> list[tuple[Address, Found]]:
        return [(node.step, node) for node in self.program.nodes.values() if isinstance(node, kind)]
