"""Where a generated step may stand, and the kinds that hold no steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from fakes import chance

from perdure.testing.harness import STARTED_AT
from perdure.values import SECOND, format_time, to_datetime

if TYPE_CHECKING:
    from programs import Writer

Step = dict[str, Any]
SIGNALS = ("go", "stop", "more")
EVENTS = ("rain", "sun")
TYPES = ("pay.Busy", "pay.Declined", "Boom")


@dataclass(frozen=True)
class Room:
    """Where a step may stand: what it may read, and what it must not do."""

    depth: int
    names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    vars: bool = True
    many: bool = False
    serial: bool = True
    ends: bool = True
    undoes: bool = True
    targets: tuple[str, ...] = ()

    def with_(self, **changes: Any) -> Room:
        return replace(self, **changes)


class Leaves:
    def make_activity(self: Writer, room: Room, around: Room) -> Step:
        name = self.one_of(
            "work", "work", "work", "flaky", "bad", "slow", "hang", "stubborn", "late", "torn", "garbage"
        )
        arguments: Step = {"value": self.value(around)}
        if name == "bad":
            arguments["type"] = self.one_of(*TYPES)
            if self.maybe(30):
                arguments["again"] = False
        return {"activity": name, "with": arguments}

    def make_workflow(self: Writer, room: Room, around: Room) -> Step:
        if self.maybe(15):
            return {"workflow": "pack", "with": {"key": self.number()}, "detach": True, "output": "detached"}
        return {"workflow": self.one_of("pack", "broken"), "with": {"key": self.number(), "value": self.value(around)}}

    def make_set(self: Writer, room: Room, around: Room) -> Step:
        if around.many:
            return self.make_activity(room, around)
        if around.serial and self.maybe(50):
            self.variables.append("c")
            return {"set": {"c": "{{ vars.c + 1 }}"}}
        name = f"v{self.number()}"
        self.variables.append(name)
        return {"set": {name: self.value(around.with_(vars=False))}}

    def make_publish(self: Writer, room: Room, around: Room) -> Step:
        return {"publish": self.value(around)}

    def make_wait(self: Writer, room: Room, around: Room) -> Step:
        form = self.integer(0, 6)
        patience: Step = {}
        if self.maybe(60):
            patience["timeout"] = self.span()
            if self.maybe(60):
                patience["default"] = self.value(around)
        if form == 0:
            return {"wait": self.span()}
        if form == 1:
            return {"wait": {"signal": self.one_of(*SIGNALS), **self.passing(), **patience}}
        if form == 2:
            return {"wait": {**self.event(around), **patience}}
        if form == 3:
            return {"wait": {"any": self.entries(around), **patience}}
        if form == 4:
            return {"wait": {"all": self.entries(around), **patience}}
        if form == 5:
            moment = STARTED_AT + chance(self.salt, self.number()) % (60 * SECOND)
            if self.maybe(50):
                return {"wait": {"until": format_time(moment), **patience}}
            local = to_datetime(moment, ZoneInfo("Asia/Tokyo")).replace(tzinfo=None).isoformat()
            return {"wait": {"until": local, "timezone": "Asia/Tokyo", **patience}}
        return {"wait": {"for": self.span()}}

    def passing(self: Writer) -> Step:
        return {"transient": True} if self.maybe(20) else {}

    def event(self: Writer, room: Room) -> Step:
        found: Step = {"event": self.one_of(*EVENTS)}
        if self.maybe(40):
            found["match"] = self.one_of("message.a == 1", "message == 1", "input.yes")
        return found

    def entries(self: Writer, room: Room) -> list[Step]:
        found: list[Step] = []
        for _ in range(self.one_of(1, 2, 3)):
            form = self.integer(0, 2)
            entry: Step = {"name": f"n{self.number()}"}
            if form == 0:
                entry.update({"signal": self.one_of(*SIGNALS), **self.passing()})
            elif form == 1:
                entry.update(self.event(room))
            else:
                entry["after"] = self.span()
            found.append(entry)
        return found

    def make_ask(self: Writer, room: Room, around: Room) -> Step:
        ask: Step = {"prompt": "May I?"}
        if self.maybe(50):
            ask["choices"] = ["yes", "no"]
        elif self.maybe(30):
            ask["form"] = {"type": "string", "maxLength": 3}
        if self.maybe(20):
            ask["reminders"] = [self.span(), self.span()]
        if self.maybe(20):
            ask["of"] = "ana"
        if self.maybe(60):
            ask["timeout"] = self.span(3, 60)
            if self.maybe(60):
                ask["default"] = "no"
        return {"ask": ask}

    def make_send(self: Writer, room: Room, around: Room) -> Step:
        to = self.one_of("run", "run", "other", "nobody")
        return {"send": {"to": to, "signal": self.one_of(*SIGNALS), "data": [self.number(), self.value(around)]}}

    def make_emit(self: Writer, room: Room, around: Room) -> Step:
        return {"emit": {"event": self.one_of(*EVENTS), "data": {"a": self.one_of(1, 2), "b": self.number()}}}

    def make_cancel(self: Writer, room: Room, around: Room) -> Step:
        to = self.one_of("other", "nobody", "run")
        return {"cancel": {"run": to, "reason": f"reason {self.number()}"}}

    def make_rollback(self: Writer, room: Room, around: Room) -> Step:
        if around.targets and self.maybe(60):
            return {"rollback": {"to": around.targets[-1 - self.integer(0, len(around.targets) - 1)]}}
        return {"rollback": "all"}

    def make_fail(self: Writer, room: Room, around: Room) -> Step:
        return {"fail": {"type": self.one_of(*TYPES), "message": "no", "details": self.value(around)}}

    def make_return(self: Writer, room: Room, around: Room) -> Step:
        if not around.ends:
            return self.make_fail(room, around)
        if self.maybe(20):
            return {"restart": {"input": {"again": self.number(), "yes": True, "no": False, "n": 3}}}
        return {"return": self.value(around)}
