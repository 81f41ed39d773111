"""Random definitions for the simulation, drawn from a plain seed: wild ones, and steady ones.

What a steady one comes to does not hang on time: no timeouts, no messages, no races. Both are those of the oracle, with
every span a number of times shorter, so that much happens while a lease lasts.
"""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

from leaves import Room, Step
from programs import MODIFIERS, Writer

ATTEMPTS = 8
"""Of a steady program's steps: more than ever are lost in crashes."""


class Dice(Writer):
    """Draws by a generator of chance."""

    def __init__(self, chance: Random, budget: int) -> None:
        super().__init__(lambda strategy: None, chance.randrange(1 << 20), budget=budget)
        self.chance = chance

    def integer(self, least: int, most: int) -> int:
        return self.chance.randint(least, most)

    def several(self, options: tuple[str, ...], most: int) -> list[str]:
        return self.chance.sample(options, self.chance.randint(1, most))

    def make_return(self, room: Room, around: Room) -> Step:
        made = super().make_return(room, around)
        if "restart" in made:  # once or twice
            given = {"yes": True, "no": False, "n": "{{ input.n - 1 }}", "text": "x"}
            return {"if": "input.n > 1", "restart": {"input": given}}
        return made


class Steady(Dice):
    def several(self, options: tuple[str, ...], most: int) -> list[str]:
        if options is MODIFIERS:
            options = tuple(option for option in options if option != "timeout")
        return super().several(options, most)

    def value(self, room: Room) -> Any:
        return super().value(room.with_(names=tuple(name for name in room.names if name != "error.attempt")))

    def retry(self) -> Step:
        return {"attempts": ATTEMPTS, "delay": self.span(1, 4), "backoff": "constant", "jitter": 0}

    def joining(self, count: int) -> Step:
        return {"on_error": "collect"} if self.maybe(30) else {}

    def make_activity(self, room: Room, around: Room) -> Step:
        made = super().make_activity(room, around)
        if made["activity"] in ("hang", "flaky"):  # flaky goes by the number of the attempt, and so by crashes
            made["activity"] = "work"
        return made

    def make_wait(self, room: Room, around: Room) -> Step:
        return {"wait": self.span()}

    def make_ask(self, room: Room, around: Room) -> Step:
        return self.make_activity(room, around)

    def make_cancel(self, room: Room, around: Room) -> Step:
        return self.make_send(room, around)

    def make_send(self, room: Room, around: Room) -> Step:
        made = super().make_send(room, around)
        made["send"]["to"] = self.one_of("other", "nobody")
        return made

    def make_select(self, room: Room, around: Room) -> Step:
        return self.make_parallel(room, around)

    def make_receive(self, room: Room, around: Room) -> Step:
        return self.make_foreach(room, around)

    def document(self) -> Step:
        made = super().document()
        made.pop("timeout", None)
        made.pop("defaults", None)
        return made


def definition(chance: Random, *, steady: bool, shorter: int, budget: int) -> tuple[Step, list[Step]]:
    """A definition and what happens to it."""
    writer = (Steady if steady else Dice)(chance, budget)
    document, script = writer.document(), [] if steady else writer.script()
    text = re.sub(r"(\d+)us\b", lambda found: f"{max(int(found[1]) // shorter, 1)}us", json.dumps(document))
    return json.loads(text), [
        {
            name: value // shorter if name in ("at", "pause") and value is not True else value
            for name, value in entry.items()
        }
        for entry in script
    ]
