"""Plots of runs that are spoken to and speak to one another: signals, updates, answers, events, children, restarts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from plot import Plot, outcome

from perdure.definition import load
from perdure.values import SECOND

if TYPE_CHECKING:
    from stage import Stage

COUNT = load("""
workflow: count
steps:
  - id: r
    receive:
      state: {got: []}
      on:
        - signal: add
          steps: [{activity: work, with: {value: "{{ message }}"}}]
          set: {got: "{{ state.got + [message] }}"}
        - update: put
          set: {got: "{{ state.got + [message] }}"}
          reply: "{{ message * 2 }}"
        - update: slow
          async: true
          steps: [{activity: work, with: {value: "{{ message }}"}}]
          set: {got: "{{ state.got + [message] }}"}
          reply: "{{ message * 2 }}"
        - signal: end
          stop: true
output: "{{ steps.r.got }}"
""")


class Messages(Plot):
    """Signals and updates, insisted on or not, to a run that counts them."""

    documents = (COUNT,)

    async def play(self, stage: Stage) -> None:
        await stage.start("count", {}, "count")
        await asyncio.gather(*(self._send(stage, number) for number in range(self.some(2, 9))))
        await stage.send("signal", "count", "end", None, "end")

    async def _send(self, stage: Stage, number: int) -> None:
        await self.pause(self.chance.triangular(0, 10, 0))
        kind, name = self.chance.choice((("signal", "add"), ("update", "put"), ("update", "slow")))
        await stage.send(kind, "count", name, number, f"m{number}", insist=self.chance.random() < 0.7)

    def judge(self, stage: Stage) -> Iterator[str]:
        found = outcome(stage, "count")
        if found["status"] != "completed":
            yield f"count is {found['status']}"
            return
        got = Counter(found["output"])
        for message in stage.ledger.messages:
            if message.kind == "start" or message.id == "end":
                continue
            if got[message.data] != 1 if message.told == "acknowledged" else got[message.data] > 1:
                yield f"{message.id} was {message.told} and counted {got[message.data]} times"
            if message.kind == "update" and message.told == "acknowledged" and message.reply != message.data * 2:
                yield f"{message.id} was replied to with {message.reply!r}"
            if message.told == "refused":
                yield f"{message.id} was refused: {message.reply!r}"


AGAIN = load("""
workflow: again
input: {type: object}
steps:
  - {id: s, wait: {signal: add}}
  - {activity: tick}
  - if: "input.got | length < input.most - 1"
    restart: {input: {most: "{{ input.most }}", got: "{{ input.got + [steps.s] }}"}}
output: "{{ input.got + [steps.s] }}"
""")


class Restarts(Plot):
    """Every signal to a run that restarts after each is counted, once."""

    documents = (AGAIN,)

    async def play(self, stage: Stage) -> None:
        most = self.some(2, 5)
        await stage.start("again", {"most": most, "got": []}, "again")
        for number in range(most):
            await self.pause(self.chance.choice((0, 0.05, 1, 5)))
            await stage.send("signal", "again", "add", number, f"m{number}")

    def judge(self, stage: Stage) -> Iterator[str]:
        found = outcome(stage, "again")
        sent = [m for m in stage.ledger.messages if m.kind == "signal"]
        if any(message.tries > 1 for message in sent):
            return  # ids of signals are forgotten over a restart
        if found["status"] != "completed" or sorted(found["output"]) != list(range(len(sent))):
            yield f"again is {found['status']} with {found.get('output')}"


MUM = load("""
workflow: mum
steps:
  - parallel:
      branches:
        a: [{id: k, workflow: kid, with: {n: 1}}]
        b: [{id: l, workflow: kid, with: {n: 2}}]
  - {send: {to: box, signal: add, data: "{{ input.n }}"}}
output: "{{ steps.k }}{{ steps.l }}"
""")
KID = load("""
workflow: kid
steps:
  - {id: a, activity: work, with: {value: "{{ input.n }}"}, compensate: {activity: undo, with: {value: 1}}}
  - {id: b, activity: work, with: {value: "{{ input.n }}"}}
output: "{{ input.n }}"
""")


class Families(Plot):
    """Parents and children both end and agree; what each parent sends to a box arrives once."""

    documents = (KID, MUM, COUNT)

    async def play(self, stage: Stage) -> None:
        await stage.start("count", {}, "box")
        self.mums = [f"mum {number}" for number in range(self.some(1, 3))]
        await asyncio.gather(*(self._one(stage, number) for number in range(len(self.mums))))
        for id in self.mums:
            with_status = stage.file.find(id)
            while with_status is not None and with_status.closed_at is None:
                await self.pause(1)
                with_status = stage.file.find(id)
        await stage.send("signal", "box", "end", None, "end")

    async def _one(self, stage: Stage, number: int) -> None:
        await stage.start("mum", {"n": number}, self.mums[number])
        await self.pause(self.chance.triangular(0, 8, 0))
        if self.chance.random() < 0.4:
            await stage.do(self.chance.choice(("cancel", "cancel", "terminate")), self.mums[number])

    def judge(self, stage: Stage) -> Iterator[str]:
        got = Counter(outcome(stage, "box").get("output") or ())
        touched = {message.run for message in stage.ledger.messages if message.kind in ("cancel", "terminate")}
        for number, id in enumerate(self.mums):
            mum = outcome(stage, id)
            kids = [row for row in stage.file.runs.values() if row.parent == id]
            if len(kids) > 2:
                yield f"{id} has {len(kids)} children"
            if mum["status"] == "completed":
                if mum["output"] != "12" or [kid.status for kid in kids] != ["completed"] * 2:
                    yield f"{id} completed with {mum['output']!r} and children {[kid.status for kid in kids]}"
                if got[number] != 1:
                    yield f"what {id} sent was counted {got[number]} times"
            elif id not in touched or mum["status"] not in ("cancelled", "terminated") or got[number] > 1:
                yield f"{id} is {mum['status']}, what it sent was counted {got[number]} times"


WISH = load("""
workflow: wish
steps:
  - {id: a, ask: {prompt: May I?, timeout: "{{ input.patience }}", default: nobody}}
  - {activity: tick}
output: "{{ steps.a.answer }}"
""")


class Answers(Plot):
    """An answer that was acknowledged counts, whatever the hour."""

    documents = (WISH,)

    async def play(self, stage: Stage) -> None:
        await asyncio.gather(*(self._one(stage, f"wish {number}") for number in range(self.some(1, 4))))

    async def _one(self, stage: Stage, id: str) -> None:
        scale = 10 if self.small else 1
        patience = self.chance.choice((2, 30)) / scale
        await stage.start("wish", {"patience": f"{round(patience * SECOND)}us"}, id)
        for number in range(2):
            await asyncio.sleep(self.chance.choice((0.01, 1.9, 2.0, 2.05, 5.0)) / scale)
            await stage.do("answer", id, "a", f"answer {number}")
        if self.chance.random() < 0.2:
            await stage.do("pause", id)
            await stage.insist_on("resume", id)

    def judge(self, stage: Stage) -> Iterator[str]:
        for row in stage.file.runs.values():
            sent = [m for m in stage.ledger.messages if m.run == row.id and m.kind == "answer"]
            given = [m.given[1] for m in sent if m.told == "acknowledged"]
            possible = given or ["nobody", *(m.given[1] for m in sent if m.told != "unknown" and m.tries)]
            found = outcome(stage, row.id)
            if row.status != "completed" or found["output"] not in possible or len(given) > 1:
                yield f"{row.id} is {row.status} with {found.get('output')}, and the answers {given} were acknowledged"


RAIN = load("""
workflow: rain
steps:
  - {id: e, wait: {event: rain}}
  - {activity: tick}
output: "{{ steps.e.n }}"
""")
FLOOD = load("""
workflow: flood
schedule: {event: rain, overlap: allow}
steps: [{activity: tick}]
""")


class Events(Plot):
    """An event misses nobody who waits for it, and starts one run."""

    documents = (RAIN, FLOOD)
    emitted = 0

    async def play(self, stage: Stage) -> None:
        self.emitted = self.some(1, 3)
        self.runs = [f"rain {number}" for number in range(self.some(1, 4))]
        for id in self.runs:
            await stage.start("rain", {}, id)
        while not all(stage.file.keys[id] in stage.file.subscriptions.get("rain", ()) for id in self.runs):
            await self.pause(1)
        for number in range(self.emitted):
            await self.pause(self.chance.choice((0, 0, 1, 5)))
            sent = {"n": number}
            await stage.insist(lambda sent=sent: stage.client.emit("rain", sent, id=f"e{sent['n']}"))

    def judge(self, stage: Stage) -> Iterator[str]:
        for id in self.runs:
            found = outcome(stage, id)
            if found["status"] != "completed" or found["output"] != 0:
                yield f"{id} is {found}"
        started = Counter(row.workflow for row in stage.file.runs.values())["flood"]
        if started != self.emitted:
            yield f"{self.emitted} events started {started} runs"
