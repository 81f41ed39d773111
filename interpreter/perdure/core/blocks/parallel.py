"""Branches that run side by side, each with its own copy of the names that its steps make."""

from __future__ import annotations

from dataclasses import dataclass, field

from perdure.core.blocks.group import GroupFrame
from perdure.core.frame import Frame
from perdure.core.outcomes import Completed, Outcome
from perdure.core.turn import Turn
from perdure.values import JSON


@dataclass(slots=True)
class ParallelFrame(GroupFrame):
    """`active` are the branches that take part: those whose `if` holds. Results of steps in a branch show outside
    once the group ends, and only those of branches that did not lose: until then they lie in `kept`."""

    active: list[str] = field(default_factory=list)
    started: bool = False
    kept: dict[str, JSON] = field(default_factory=dict)

    def enter(self, turn: Turn) -> None:
        self.active = [
            name for name, lane in self.node.lanes.items() if lane.when is None or turn.holds(lane.when, self.scope)
        ]
        self.prepare(turn, len(self.active))
        self.advance(turn)

    def more(self, turn: Turn) -> bool:
        if not self.started:
            self.started = True
            for name in self.active:
                lane = self.node.lanes[name]
                scope = turn.new_scope(self.scope, {}, home=True) if lane.keeps else self.scope
                self.members[str(turn.enter(lane.body, self, scope=scope))] = name
        return False

    def release(self, turn: Turn, key: str | None, member: Frame) -> None:
        if member.scope == self.scope:
            return
        if key is not None:
            scope = turn.state.scopes[member.scope]
            self.kept[key] = [scope.steps, scope.marks]
        turn.drop_scope(member.scope)

    def ended(self, turn: Turn, outcome: Outcome) -> None:
        home = turn.state.home(self.scope)
        assert home.steps is not None
        for name, (steps, marks) in self.kept.items():
            if name in self.values or self.collect or not isinstance(outcome, Completed):
                home.steps.update(steps)
                around = turn.member(self)
                home.marks.update({id: [moment, around] for id, (moment, _) in marks.items()})

    def result(self, turn: Turn) -> JSON:
        if self.collect:
            skipped = {"ok": True, "value": None}
            return {name: self.outcome_of(name) if name in self.active else skipped for name in self.node.lanes}
        return {name: self.values.get(name) for name in self.node.lanes}

    def describe(self, key: str) -> dict[str, JSON]:
        return {"branch": key}
