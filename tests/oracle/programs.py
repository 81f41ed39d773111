"""Random definitions and what happens to them: any kind in any kind under any modifier, all of them valid.

Where the language leaves an order open the programs do not depend on it: no two things are ever due at one moment
(every span is a number of microseconds of its own), and whatever can run beside something begins with a call, which
takes its own time. What fakes do follows from their call alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fakes import chance
from hypothesis import strategies as st
from leaves import EVENTS, SIGNALS, Leaves, Room, Step

from perdure.values import SECOND

GLOBS = (["pay.*"], ["Boom"], ["*"], ["Timeout"], ["JoinFailed", "ExpressionFailed"])


# -- definitions


@dataclass
class Writer(Leaves):
    """Draws one definition; `spans` makes every span differ."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    salt: int
    count: int = 0
    budget: int = 14
    variables: list[str] = field(default_factory=list)
    updates: list[str] = field(default_factory=list)
    fragments: dict[str, Any] = field(default_factory=dict)

    def integer(self, least: int, most: int) -> int:
        return self.draw(st.integers(least, most))

    def several(self, options: tuple[str, ...], most: int) -> list[str]:
        """One or more of these, each once."""
        return self.draw(st.lists(st.sampled_from(options), min_size=1, max_size=most, unique=True))

    def one_of(self, *options: Any) -> Any:
        return options[self.integer(0, len(options) - 1)]

    def maybe(self, percent: int) -> bool:
        return self.integer(0, 99) >= 100 - percent

    def number(self) -> int:
        self.count += 1
        return self.count

    def span(self, least: int = 1, most: int = 40) -> str:
        wide = self.one_of(4, most)
        span = f"{least * SECOND + chance(self.salt, self.number()) % (wide * SECOND)}us"
        return f"{{{{ '{span}' }}}}" if self.maybe(8) else span

    # -- values

    def value(self, room: Room) -> Any:
        readable = [f"steps.{id}" for id in room.ids[-3:]] + list(room.names)
        if self.variables and room.vars:
            readable.append(f"vars.{self.variables[-1]}")
        what = self.integer(0, 9)
        if what < 4 or not readable:
            return self.one_of(1, "x", [1, 2], {"a": 1})
        if what == 9:
            return "{{ input.missing }}"
        return "{{ " + self.one_of(*readable) + " }}"

    def condition(self, room: Room) -> str:
        options = ["input.yes", "input.no", "input.n > 2"]
        options += [f"steps.{id} is none" for id in room.ids[-2:]]
        options += [f"steps.{id} is mapping" for id in room.ids[-2:]]
        if "index" in room.names:
            options.append("index == 1")
        if "error" in room.names:
            options.append('error.type == "Boom"')
        if self.maybe(5):
            return "input.n"
        return str(self.one_of(*options))

    # -- lists of steps

    def steps(self, room: Room, most: int = 3, least: int = 1, beside: bool = False) -> list[Step]:
        found: list[Step] = []
        if beside:
            undo = {"compensate": {"activity": "undo"}} if room.undoes and self.maybe(30) else {}
            found.append({"activity": "tick", **undo})
        for _ in range(self.integer(least, most)):
            step = self.step(room)
            found.append(step)
            if "id" in step:
                room = room.with_(ids=(*room.ids, step["id"], *self.inner(step)), targets=(*room.targets, step["id"]))
            if "return" in step or "restart" in step or "fail" in step:
                break
        return found

    def inner(self, step: Step) -> list[str]:
        """Ids inside that may be read behind the step."""
        lists: list[Any] = []
        if "steps" in step and "foreach" not in step and "repeat" not in step:
            lists.append(step["steps"])
        if "parallel" in step:
            lists.extend(
                lane if isinstance(lane, list) else lane["steps"] for lane in step["parallel"]["branches"].values()
            )
        if "branch" in step and isinstance(step["branch"], list):
            lists.extend(arm.get("steps", arm.get("else")) for arm in step["branch"])
        found = []
        for steps in lists:
            found.extend(inside["id"] for inside in steps if "id" in inside)
        return found

    def step(self, room: Room) -> Step:
        self.budget -= 1
        nests = room.depth > 0 and self.budget > 0
        kind = self.one_of(*(NESTS if nests and self.maybe(60) else LEAVES))
        step: Step = {}
        if self.maybe(85):
            step["id"] = f"s{self.number()}"
        deeper = room.with_(depth=room.depth - 1)
        step.update(getattr(self, f"make_{kind}")(deeper, room))
        if self.maybe(55):
            self.modify(step, deeper, room)
        return step

    # -- modifiers

    def modify(self, step: Step, deeper: Room, room: Room) -> None:
        chosen = self.several(MODIFIERS, 4)
        own = (*room.ids, step["id"]) if "id" in step else room.ids
        for name in chosen:
            if name in step:
                continue
            if name == "if":
                step["if"] = self.condition(room)
            elif name == "timeout":
                step["timeout"] = self.one_of(
                    self.span(), {"attempt": self.span()}, {"total": self.span(), "attempt": self.span()}
                )
            elif name == "retry":
                step["retry"] = self.retry()
            elif name == "catch":
                step["catch"] = [self.arm(deeper) for _ in range(self.one_of(1, 1, 2))]
            elif name == "finally":
                step["finally"] = self.steps(deeper.with_(ends=False, targets=()), most=2, beside=True)
            elif name == "compensate" and room.undoes:
                step["compensate"] = self.undo(deeper.with_(ids=own))
            elif name == "output":
                step["output"] = self.value(room.with_(ids=own))

    def retry(self) -> Step:
        policy: Step = {"attempts": self.one_of(2, 3), "delay": self.span(1, 8), "jitter": 0}
        if self.maybe(25):
            policy["backoff"] = self.one_of("constant", "linear")
        if self.maybe(15):
            policy["max_delay"] = self.span(1, 6)
        if self.maybe(15):
            policy["within"] = self.span(3, 20)
        if self.maybe(20):
            policy["on"] = self.one_of(*GLOBS)
        if self.maybe(15):
            policy["except"] = self.one_of(*GLOBS)
        return policy

    def arm(self, room: Room) -> Step:
        names = (*room.names, "error")
        arm: Step = {}
        if self.maybe(50):
            arm["errors"] = self.one_of(*GLOBS)
        if self.maybe(20):
            arm["if"] = self.condition(room.with_(names=names))
        if self.maybe(50):
            arm["compensate"] = True
        if self.maybe(20):
            arm["as"] = f"e{self.number()}"
            names = (*names, f"{arm['as']}.type")
        if self.maybe(10):
            return arm
        arm["steps"] = self.steps(
            room.with_(names=(*room.names, "error.type", "error.attempt", "error.step")), most=2, least=0
        )
        return arm

    def undo(self, room: Room) -> Step:
        room = room.with_(ends=False, undoes=False, serial=False, targets=())
        if self.maybe(70):
            return {"activity": self.one_of("undo", "undo", "bad"), "with": {"value": self.value(room)}}
        return {"steps": self.steps(room, most=2, beside=True)}

    # -- kinds that hold steps

    def make_steps(self, room: Room, around: Room) -> Step:
        return {"steps": self.steps(room, most=4)}

    def make_branch(self, room: Room, around: Room) -> Step:
        if self.maybe(35):
            cases = {key: self.steps(room, most=2) for key in ("3", "true", "x")[: self.one_of(1, 2, 3)]}
            made: Step = {"on": self.one_of("input.n", "input.yes", "input.text"), "cases": cases}
            if self.maybe(50):
                made["else"] = self.steps(room, most=2)
            return {"branch": made}
        arms: list[Step] = [
            {"when": self.condition(around), "steps": self.steps(room, most=2)} for _ in range(self.one_of(1, 2))
        ]
        if self.maybe(50):
            steps = self.steps(room, most=2)
            arms.append(self.one_of({"else": steps}, {"else": True, "steps": steps}))
        return {"branch": arms}

    def joining(self, count: int) -> Step:
        made: Step = {}
        if self.maybe(55):
            made["join"] = self.one_of("any", "all", *range(1, count + 1))
        if self.maybe(35):
            made["rest"] = self.one_of("finish", "cancel")
        if self.maybe(30):
            made["on_error"] = "collect"
        if self.maybe(15):
            made["tolerate"] = self.one_of(0, 1, "50%")
            made.pop("on_error", None)
        return made

    def make_parallel(self, room: Room, around: Room) -> Step:
        branches: Step = {}
        inside = room.with_(targets=(), serial=False)
        for number in range(self.one_of(2, 3, 1)):
            lane: Any = self.steps(inside, most=2, beside=bool(number) or not self.maybe(15))
            if self.maybe(20):
                lane = {"if": self.condition(around), "steps": lane}
            branches[f"b{self.number()}"] = lane
        return {"parallel": {"branches": branches, **self.joining(1)}}

    def make_foreach(self, room: Room, around: Room) -> Step:
        count = self.one_of(2, 3, 1, 0)
        at_once = self.one_of(1, 2, 3)
        made: Step = {"foreach": self.one_of(list(range(count)), f"range({count})")}
        if at_once > 1:
            made["concurrency"] = self.one_of(at_once, f"{{{{ {at_once} }}}}")
        name = "item"
        if self.maybe(30):
            name = made["as"] = f"it{self.number()}"
        inside = room.with_(
            names=(*room.names, name, "index"),
            many=room.many or at_once > 1,
            targets=(),
            serial=room.serial and at_once == 1,
        )
        made.update(self.joining(max(count, 1)))
        made["steps"] = self.steps(inside, most=2, beside=at_once > 1 or self.maybe(50))
        return made

    def make_repeat(self, room: Room, around: Room) -> Step:
        loop: Step = self.one_of(
            {"until": "index == 1"}, {"while": "index < 2"}, {"until": "index > 3", "max": 2}, {"while": "index < 1"}
        )
        inside = room.with_(names=(*room.names, "index"), targets=())
        return {"repeat": dict(loop), "steps": self.steps(inside, most=2, beside=self.maybe(50))}

    def make_select(self, room: Room, around: Room) -> Step:
        arms: list[Step] = []
        inside = room.with_(names=(*room.names, "message"))
        arms += [
            {"signal": name, **self.passing(), "steps": self.steps(inside, most=2)}
            for name in SIGNALS[: self.one_of(1, 2, 0)]
        ]
        if self.maybe(30):
            arms.append({"event": EVENTS[0], "steps": self.steps(inside, most=2)})
        if not arms or self.maybe(60):
            arms.append({"after": self.span(), "steps": self.steps(inside, most=2)})
        if self.maybe(30):
            made: Step = {"arms": arms, "timeout": self.span()}
            if self.maybe(60):
                made["default"] = self.value(around)
            return {"select": made}
        return {"select": arms}

    def make_receive(self, room: Room, around: Room) -> Step:
        if around.many:
            return self.make_foreach(room, around)
        handlers: list[Step] = []
        inside = room.with_(names=(*room.names, "message", "state.n"), ends=False, targets=(), serial=False)
        for number in range(self.one_of(1, 2, 3)):
            update = self.maybe(50)
            name = f"u{self.number()}" if update else SIGNALS[number]
            if update:
                self.updates.append(name)
            handler: Step = {"update" if update else "signal": name}
            if update and self.maybe(40):
                handler["accept"] = self.one_of("state.n < 2", "message == 1", "input.n")
            if self.maybe(20):
                handler["input"] = {"type": "integer"}
            concurrent = self.maybe(35)
            if concurrent:
                handler["async"] = True
            if concurrent or self.maybe(60):
                handler["steps"] = self.steps(inside.with_(many=room.many or concurrent), most=2, beside=True)
            if self.maybe(70):
                handler["set"] = {"n": "{{ state.n + 1 }}", "last": self.value(inside)}
            if update and self.maybe(70):
                handler["reply"] = self.one_of(
                    "{{ state.n }}", "{{ message }}", "{{ state.missing }}" if self.maybe(5) else "ok"
                )
            if self.maybe(25):
                handler["stop"] = True
            handlers.append(handler)
        made: Step = {"state": {"n": 0, "last": None}, "on": handlers}
        if self.maybe(50):
            made["until"] = self.one_of("state.n > 1", "state.n == 1")
        if self.maybe(70):
            made["timeout"] = self.span(10, 60)
            if self.maybe(50):
                made["default"] = self.value(around)
        return {"receive": made}

    def make_use(self, room: Room, around: Room) -> Step:
        name = f"f{self.number()}"
        inside = Room(room.depth, ("input.a",), ends=room.ends, undoes=room.undoes, many=room.many, serial=room.serial)
        fragment: Step = {"steps": self.steps(inside, most=3)}
        if self.maybe(40):
            fragment["input"] = {"type": "object", "required": ["a"], "properties": {"a": {}}}
        if self.maybe(40):
            fragment["output"] = "{{ input.a }}"
        self.fragments[name] = fragment
        given = {"yes": "{{ input.yes }}", "no": "{{ input.no }}", "n": "{{ input.n }}", "text": "x"}
        if around.names and around.names[0] == "input.a":
            given = {"a": 2, **given}
        else:
            given = {"a": self.value(around), **given}
        if "input" in fragment:
            fragment["input"].pop("properties")
        return {"use": name, "with": given}

    # -- the whole

    def document(self) -> Step:
        room = Room(depth=self.one_of(2, 3, 4))
        made: Step = {"workflow": "oracle", "steps": self.steps(room, most=4)}
        if self.maybe(15):
            made["timeout"] = self.span(10, 200)
        if self.maybe(12):
            made["retry"] = self.retry()
        if self.maybe(12):
            made["catch"] = [self.arm(room)]
        if self.maybe(15):
            made["finally"] = self.steps(room.with_(ends=False, targets=()), most=2, beside=True)
        if self.maybe(25):
            made["output"] = self.value(room)
        if self.maybe(5):
            made["output_schema"] = {"type": "object"}
        if self.maybe(12):
            made["defaults"] = {"*": {"retry": self.retry()}, "wor*": {"timeout": self.span()}}
        if self.variables:
            made["vars"] = dict.fromkeys(self.variables, 0)
        if self.fragments:
            made["fragments"] = self.fragments
        return made

    def script(self) -> list[Step]:
        """What happens from outside, each at a moment of its own."""
        return [self.entry() for _ in range(self.integer(0, 8))]

    def entry(self) -> Step:
        at = chance("script", self.salt, self.number()) % (self.one_of(5, 40, 120) * SECOND)
        form = self.integer(0, 19)
        if form < 6:
            return {"at": at, "signal": self.one_of(*SIGNALS), "with": self.one_of(1, {"a": 1}, "x")}
        if form < 11 and self.updates:
            return {"at": at, "update": self.one_of(*self.updates), "with": self.one_of(1, "x")}
        if form < 13:
            return {"at": at, "event": self.one_of(*EVENTS), "with": self.one_of({"a": 1}, 1)}
        if form < 15:
            return {"at": at, "answer": self.one_of(0, 1), "with": self.one_of("yes", "maybe")}
        if form < 17:
            return {"at": at, "cancel": True}
        if form < 18:
            return {"at": at, "terminate": True}
        return {"at": at, "pause": chance(at) % (20 * SECOND)}


LEAVES = (
    "activity", "activity", "activity", "wait", "wait", "set", "publish", "fail", "send", "emit", "ask", "rollback",
    "return", "workflow", "cancel",
)  # fmt: skip
NESTS = (
    "steps",
    "parallel",
    "foreach",
    "branch",
    "repeat",
    "select",
    "use",
    "receive",
    "parallel",
    "foreach",
    "receive",
)
MODIFIERS = ("compensate", "catch", "retry", "timeout", "finally", "if", "output")


@st.composite
def programs(draw: st.DrawFn) -> tuple[Step, list[Step]]:
    """A definition and a script."""
    writer = Writer(draw, draw(st.integers(0, 1 << 20)))
    document = writer.document()
    return document, writer.script()
