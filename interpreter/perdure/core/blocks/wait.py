"""A durable wait: for a time, a signal, any of several things, or all of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from perdure.core.blocks.waiting import TriggerFrame
from perdure.core.turn import Turn
from perdure.values import JSON


@dataclass(slots=True)
class WaitFrame(TriggerFrame):
    """`got` are the payloads by trigger name; a timer's is null."""

    got: dict[str, JSON] = field(default_factory=dict)

    waits = "wait"

    def fired(self, turn: Turn, name: str, data: JSON) -> bool:
        match self.node.gather:
            case "all":
                self.got[name] = data
                if len(self.got) < len(self.node.triggers):
                    return False
                value: JSON = {trigger.name: self.got[trigger.name] for trigger in self.node.triggers}
            case "any":
                value = {"name": name, "data": data}
            case _:
                value = data
        self.withdraw(turn)
        turn.complete(self, value)
        return True
