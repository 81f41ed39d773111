"""The same steps once per item of a list, a bounded number of them at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

from perdure.core.blocks.group import GroupFrame
from perdure.core.frame import Frame
from perdure.core.turn import Turn
from perdure.errors import ExpressionError
from perdure.values import JSON


@dataclass(slots=True)
class ForeachFrame(GroupFrame):
    """Each turn has a scope of its own with the item and its index. Turns that have not started when the join is met
    never start."""

    items: list[JSON] = field(default_factory=list)
    following: int = 0
    concurrency: int = 1

    def enter(self, turn: Turn) -> None:
        node = self.node
        items = turn.expression(node.items, self.scope)
        if not isinstance(items, list):
            raise ExpressionError(f"foreach takes a list, not {_kind(items)}")
        if node.concurrency is not None:
            self.concurrency = turn.whole(node.concurrency, self, "concurrency", 1)
        self.items = items
        self.prepare(turn, len(items))
        self.advance(turn)

    def more(self, turn: Turn) -> bool:
        while self.following < self.total and len(self.members) < self.concurrency:
            index = self.following
            self.following += 1
            bindings = {self.node.name: self.items[index], "index": index}
            scope = turn.new_scope(self.scope, bindings, home=True)
            frame = turn.enter(self.node.body, self, scope=scope, turn=(self.node.step, index))
            self.members[str(frame)] = str(index)
        return self.following < self.total

    def release(self, turn: Turn, key: str | None, member: Frame) -> None:
        turn.drop_scope(member.scope)

    def result(self, turn: Turn) -> JSON:
        keys = map(str, range(self.total))
        if self.collect:
            return [self.outcome_of(key) for key in keys]
        return [self.values.get(key) for key in keys]

    def describe(self, key: str) -> dict[str, JSON]:
        return {"index": int(key)}


def _kind(value: JSON) -> str:
    names = {dict: "a mapping", str: "a text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
