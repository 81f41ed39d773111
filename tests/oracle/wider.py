"""Programs of the whole language: those of `programs`, and with locks, caches, imported fragments and whole errors.

The simulation and the exploration draw from the narrower ones, whose runs need no world beside them.
"""

from __future__ import annotations

from typing import Any

from fakes import chance
from hypothesis import strategies as st
from leaves import Room, Step
from programs import Writer

from perdure.values import SECOND

KEYS = ("door", "gate", "{{ 7 }}", "7", "{{ [1, 'a'] }}", "{{ true }}", "{{ input.missing }}")


MAIN, OUTER, INNER = "main.json", "parts/outer.json", "parts/inner.json"
Files = dict[str, Step]


class Wider(Writer):
    """What stands behind a lock or a cache begins with a call, so that two that are let in at once are told apart."""

    def step(self, room: Room) -> Step:
        step = super().step(room)
        if "activity" in step or self.begins_with_call(step):
            self.guard(step, room, self.integer(0, 11))
        return step

    def guard(self, step: Step, room: Room, which: int) -> None:
        """A lock, a cache, both, or nothing mostly."""
        if which in (4, 5, 6):
            step["lock"] = {"key": self.guarding(room)}
            if self.maybe(35):
                step["lock"]["limit"] = self.one_of(2, "{{ 2 }}", 1)
        if which in (6, 7, 8):
            step["cache"] = {"key": self.guarding(room)}
            if self.maybe(40):
                step["cache"]["ttl"] = self.span(1, 60)

    def begins_with_call(self, step: Step) -> bool:
        return "steps" in step and bool(step["steps"]) and "activity" in step["steps"][0]

    def guarding(self, room: Room) -> Any:
        own = [f"{{{{ {name} }}}}" for name in room.names if name in ("index", "item")]
        return self.one_of(*KEYS[:2], *KEYS[:2], *KEYS, *own)

    def make_parallel(self, room: Room, around: Room) -> Step:
        if self.one_of(0, 1):
            return super().make_parallel(room, around)
        inside = room.with_(targets=(), serial=False)
        lanes = {f"b{self.number()}": self.contender(inside, number % 2) for number in range(self.one_of(2, 3))}
        return {"parallel": {"branches": lanes, **self.joining(1)}}

    def contender(self, room: Room, first: int) -> list[Step]:
        """A lane that wants one lock inside another; some want them in the other order."""
        found: Step = {"steps": self.steps(room, most=1, beside=True)}
        inner: Step = {"id": f"s{self.number()}", "activity": "work", "with": {"value": 1}}
        self.modify(inner, room, room)
        found["steps"].insert(1, inner)
        for step, key in ((found, first), (inner, 1 - first)):
            self.guard(step, room, 5)
            if self.one_of(0, 1, 1):
                step["lock"]["key"] = KEYS[key]
        return [{"activity": "tick"}, found]

    def make_repeat(self, room: Room, around: Room) -> Step:
        made = super().make_repeat(room, around)
        if self.one_of(0, 1, 1):
            again: Step = {"activity": "work", "with": {"value": "{{ index }}"}, "compensate": {"activity": "undo"}}
            self.guard(again, room, self.one_of(6, 7))
            again["cache"]["key"] = self.one_of("same", "same", "{{ index // 2 }}")
            if not room.undoes:
                del again["compensate"]
            made["steps"].insert(0, again)
        return made

    def make_activity(self, room: Room, around: Room) -> Step:
        made = super().make_activity(room, around)
        if self.one_of(0, 0, 1):
            made["activity"] = self.one_of("distant", "mute", "hang", made["activity"])
        return made

    def modify(self, step: Step, deeper: Room, room: Room) -> None:
        """Calls may also have limits to their time in a queue and to their silence."""
        super().modify(step, deeper, room)
        own = step.get("timeout", {})
        if "activity" in step and isinstance(own, dict) and self.one_of(0, 1):
            limits = {key: self.span(1, 12) for key in ("queue", "heartbeat") if self.one_of(0, 1)}
            if own or limits:
                step["timeout"] = {**own, **limits}

    def labels(self) -> Step:
        own = [f"{{{{ vars.{name} }}}}" for name in self.variables[-2:]]
        values = ("a", 7, True, "{{ input.n }}", "{{ input.yes }}", "{{ run.workflow }}", "n is {{ input.n }}", *own)
        made = {f"l{self.number()}": self.one_of(*values) for _ in range(self.one_of(1, 2, 3))}
        if self.maybe(10):
            made["wrong"] = "{{ input.missing }}"
        return made

    def arm(self, room: Room) -> Step:
        made = super().arm(room)
        if "steps" in made and self.maybe(40):
            seen = self.one_of("{{ error }}", "{{ error.cause }}")
            made["steps"].insert(0, {"activity": "seen", "with": {"value": seen}})
        return made

    def make_steps(self, room: Room, around: Room) -> Step:
        return {"steps": self.steps(room, most=4, beside=self.maybe(40))}

    def make_use(self, room: Room, around: Room) -> Step:
        made = super().make_use(room, around)
        fragment = self.fragments[made["use"]]
        if self.maybe(25):
            fragment["input"] = {"type": "object", "properties": {"a": {"type": "integer"}}}
        return made

    def document(self) -> Step:
        made = super().document()
        if self.one_of(0, 1):
            made["labels"] = self.labels()
        for name in made.get("vars", {}):
            if self.maybe(20):
                made["vars"][name] = self.one_of("{{ input.n }}", "{{ run.attempt }}", "{{ input.missing }}")
        if self.one_of(0, 1):
            made["queries"] = {
                "what": self.one_of("state", "state if state is not none else run.attempt"),
                "more": self.one_of("state.a", "state | default(0)", "run.attempt + 1"),
            }
        return made

    def entry(self) -> Step:
        made = super().entry()
        if self.integer(0, 5) == 3:
            return {"at": made["at"], "query": self.one_of("what", "more")}
        if self.one_of(0, 0, 1):
            return {"at": made["at"], "crash": chance(made["at"], "down") % (self.one_of(1, 5, 30) * SECOND)}
        return made

    def files(self) -> Files:
        """Some fragments are in a file of their own; those that use no others in one that both import."""
        main = self.document()
        fragments = main.get("fragments", {})
        if not fragments or self.maybe(50):
            return {MAIN: main}
        inner = {name: found for name, found in fragments.items() if not used(found)}
        outer = {name: found for name, found in fragments.items() if name not in inner}
        aliases = {name: f"inner.{name}" for name in inner}
        rename(outer, aliases)
        rename(main, aliases | {name: f"outer.{name}" for name in outer})
        del main["fragments"]
        files = {MAIN: main, INNER: {"fragments": inner}}
        main["imports"] = {"inner": f"./{INNER}"}
        if outer:
            files[OUTER] = {"imports": {"inner": "inner.json"}, "fragments": outer}
            main["imports"]["outer"] = OUTER
        return files


def used(written: Any) -> set[str]:
    """The fragments that are used in something written."""
    own = {written["use"]} if isinstance(written, dict) and "use" in written else set()
    return own.union(*(used(inside) for inside in parts(written)))


def rename(written: Any, names: dict[str, str]) -> None:
    """Let each `use` of these fragments be of another name."""
    if isinstance(written, dict) and "use" in written:
        written["use"] = names.get(written["use"], written["use"])
    for inside in parts(written):
        rename(inside, names)


def parts(written: Any) -> list[Any]:
    return list(written.values()) if isinstance(written, dict) else written if isinstance(written, list) else []


@st.composite
def programs(draw: st.DrawFn) -> tuple[Files, list[Step]]:
    """The files of a definition and a script."""
    writer = Wider(draw, draw(st.integers(0, 1 << 20)))
    return writer.files(), writer.script()
