"""Plots around random definitions: wild ones, and steady ones, whose outcome is known.

The definitions are drawn in `generated`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING, Any

import generated
from fakes import post, without_messages
from plot import Plot, outcome
from stage import LONGEST, said_to

from perdure.definition import inspect, load
from perdure.testing.activities import Call, End, Reply
from perdure.testing.harness import Harness
from perdure.values import SECOND

if TYPE_CHECKING:
    from stage import Stage

INPUT = {"yes": True, "no": False, "n": 3, "text": "x"}
PACK = load("workflow: pack\nsteps: [{activity: work, with: {value: pack}}]\noutput: {n: 1}\n")
BROKEN = load("workflow: broken\nsteps: [{activity: tick}, {fail: {type: Broken, message: broken}}]\n")
OTHER = load("workflow: other\nsteps: [{wait: {signal: never}}]\n")


class Generated(Plot):
    steady = False
    resumable = True
    began = scripted = 0.0

    def __init__(self, chance: Random, shorter: int, *, small: bool = False) -> None:
        super().__init__(chance, shorter, small=small)
        sizes = (1, 3, 4) if small else (5, 9, 14)
        while True:
            self.document, self.script = generated.definition(
                chance, steady=self.steady, shorter=shorter, budget=chance.choice(sizes)
            )
            self.script += [
                {"at": entry["at"] + entry["pause"], "resume": True} for entry in self.script if "pause" in entry
            ]
            definition = inspect(json.dumps(self.document)).definition
            if definition is not None:
                break
        self.definition = definition
        self.documents = (PACK, BROKEN, OTHER, definition)

    def __str__(self) -> str:
        return f"{super().__str__()}\n{json.dumps(self.document)}\n" + "\n".join(map(json.dumps, self.script))

    async def play(self, stage: Stage) -> None:
        self.began = asyncio.get_running_loop().time()
        await self._begin(stage)
        self.scripted = asyncio.get_running_loop().time()
        await self._go_on(stage, self.scripted)

    async def play_on(self, stage: Stage) -> None:
        """The rest of the story, after a moment at which the client was lost too: what it was about to send is lost."""
        now = asyncio.get_running_loop().time()
        told = {message.run for message in stage.ledger.messages if message.told == "acknowledged"}
        if "run" not in told:
            await self._begin(stage)
            now = self.scripted
        await self._go_on(stage, now)

    async def _begin(self, stage: Stage) -> None:
        if '"other"' in json.dumps(self.document):
            await stage.start("other", {}, "other")
        await stage.start(self.definition.name, INPUT, "run")

    async def _go_on(self, stage: Stage, since: float) -> None:
        moments = [(self.scripted + entry["at"] / SECOND, number) for number, entry in enumerate(self.script)]
        await asyncio.gather(
            *(self._enter(stage, number, self.script[number], at) for at, number in moments if at >= since)
        )

    async def _enter(self, stage: Stage, number: int, entry: dict[str, Any], at: float) -> None:
        await asyncio.sleep(at - asyncio.get_running_loop().time())
        insist = self.chance.random() < 0.7
        if "signal" in entry:
            await stage.send("signal", "run", entry["signal"], entry["with"], f"m{number}", insist=insist)
        elif "update" in entry:
            await stage.post_update("run", entry["update"], entry["with"], f"m{number}")
        elif "event" in entry:
            await stage.insist(lambda: stage.client.emit(entry["event"], entry["with"], id=f"m{number}"))
        elif "answer" in entry:
            asks = await stage.insist(lambda: stage.client.asks("run"))
            if asks:
                await stage.do("answer", "run", asks[entry["answer"] % len(asks)].step, entry["with"])
        else:
            await stage.do(next(name for name in entry if name != "at"), "run")


class Wild(Generated):
    pass


class Steady(Generated):
    steady = True
    expected: list[dict[str, Any]] = []
    took = 0
    """How long it takes without perils, in microseconds."""

    def prepare(self) -> None:
        self.expected = [self._expected(salt) for salt in range(5)]

    def judge(self, stage: Stage) -> Iterator[str]:
        if not self.expected:
            self.prepare()
        expected = self.expected
        if any(one != expected[0] for one in expected) or self.took > LONGEST / 2 * SECOND:
            return  # it hangs on time, or takes longer than it is waited for
        found = outcome(stage, "run")
        if re.search(rf'"WorkerLost".*"attempt": {generated.ATTEMPTS}\b', json.dumps(found)):
            return  # a crash took the last attempt of a step that fails each time
        if found["status"] == "cancelled" or "WorkerLost" in json.dumps(found):
            yield f"did not end by itself: {found}"
        found = plain(found)
        for what, value in expected[0].items():
            if found.get(what) != value:
                yield f"{what} is {found.get(what)!r}, and without perils it is {value!r}"

    def _expected(self, salt: int) -> dict[str, Any]:
        chance = Random(f"{salt}")

        def slowed(call: Call) -> Reply:
            said = said_to(call.name, call.arguments, call.address, call.attempt)
            factor = 1 if salt == 0 else chance.choice((0.1, 1, 3, 60))
            return Reply(said.end, round(said.after * factor), False, said.on_cancel, 0, said.cancelled)

        def child(call: Call) -> Reply:
            after = round(SECOND * chance.choice((0.1, 1, 60)))
            if call.name == "broken":
                return Reply(End(error={"type": "Broken", "message": "broken", "step": "fail"}), after)
            return Reply(End({"n": 1}), after)

        status, came_to = "continued", {"input": INPUT}
        while status == "continued":
            harness = Harness(
                self.definition.program,
                lambda name: slowed,
                children=lambda name: child,
                post=post,
                input=came_to["input"],
            )
            harness.run()
            self.took += harness.elapsed if salt == 0 else 0
            status, came_to = harness.status, harness.outcome
        return plain({"status": status, **came_to})


def plain(outcome: dict[str, Any]) -> dict[str, Any]:
    """What of an outcome does not hang on time."""
    names = ("status", "output", "error", "undone", "not_undone")
    kept = {name: _without_attempts(without_messages(outcome.get(name))) for name in names}
    kept["undone"] = sorted(kept["undone"] or ())  # what completes side by side is undone in either order
    return kept


def _without_attempts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_attempts(item) for name, item in value.items() if name != "attempt"}
    return [_without_attempts(item) for item in value] if isinstance(value, list) else value
