"""What is played: definitions, what the client does with them, and what must be true in the end besides all promises.

`ends` is what is done to runs that have nothing left to do of themselves.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

import generated
from fakes import post, without_messages
from stage import said_to

from perdure.definition import inspect, load
from perdure.testing.activities import Call, End, Reply
from perdure.testing.harness import Harness
from perdure.values import SECOND, decode

if TYPE_CHECKING:
    from stage import Stage

INPUT = {"yes": True, "no": False, "n": 3, "text": "x"}
ORDINARY = ("resume", "cancel", "terminate")


class Plot:
    documents: tuple[Any, ...] = ()
    ends: tuple[str, ...] = ORDINARY
    workers = 1
    """How many it takes at least."""
    quick = True
    """Whether it takes few virtual seconds."""
    resumable = False
    """Whether it has a `play_on`."""

    def __init__(self, chance: Random, shorter: int, *, small: bool = False) -> None:
        self.chance = chance
        self.shorter = shorter
        self.small = small
        """Whether it is to be over soon."""

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(3 * seconds / self.shorter if self.small else seconds)

    def some(self, least: int, most: int) -> int:
        """How many there are of something."""
        return self.chance.randint(least, min(most, least + 1) if self.small else most)

    def __str__(self) -> str:
        return type(self).__name__.lower()

    def prepare(self) -> None:
        """Find out once what is expected, for a plot that is played often."""

    async def play(self, stage: Stage) -> None: ...

    def judge(self, stage: Stage) -> Iterator[str]:
        yield from ()


def outcome(stage: Stage, id: str) -> dict[str, Any]:
    row = stage.file.find(id)
    return {} if row is None else {"status": row.status, **decode(row.outcome or b"{}")}


# -- generated ones

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

    def prepare(self) -> None:
        self.expected = [self._expected(salt) for salt in range(5)]

    def judge(self, stage: Stage) -> Iterator[str]:
        if not self.expected:
            self.prepare()
        expected = self.expected
        if any(one != expected[0] for one in expected) or expected[0]["status"] == "continued":
            return
        found = outcome(stage, "run")
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

        harness = Harness(
            self.definition.program, lambda name: slowed, children=lambda name: child, post=post, input=INPUT
        )
        harness.run()
        return plain({"status": harness.status, **harness.outcome})


def plain(outcome: dict[str, Any]) -> dict[str, Any]:
    """What of an outcome does not hang on time."""
    names = ("status", "output", "error", "undone", "not_undone")
    return {name: _without_attempts(without_messages(outcome.get(name))) for name in names}


def _without_attempts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_attempts(item) for name, item in value.items() if name != "attempt"}
    return [_without_attempts(item) for item in value] if isinstance(value, list) else value


# -- written ones


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


SAGA = load("""
workflow: saga
steps:
  - foreach: "range(input.n)"
    concurrency: 2
    steps:
      - {id: a, activity: work, with: {value: "{{ index }}"},
         compensate: {activity: undo, with: {value: "{{ steps.a.value }}"}}}
  - {id: b, activity: flaky, with: {value: b}, retry: {attempts: 9, delay: 50ms, jitter: 0},
     compensate: {activity: undo, with: {value: b}}}
  - {id: c, activity: slow, with: {value: c}, compensate: {activity: undo, with: {value: c}}}
  - if: input.fails
    fail: {type: Boom, message: boom}
finally: [{activity: tick}]
""")


class Sagas(Plot):
    """Runs that fail or are cancelled undo what completed, newest first."""

    documents = (SAGA,)

    async def play(self, stage: Stage) -> None:
        await asyncio.gather(*(self._one(stage, f"saga {number}") for number in range(self.some(1, 4))))

    async def _one(self, stage: Stage, id: str) -> None:
        await stage.start("saga", {"n": self.some(0, 4), "fails": self.chance.random() < 0.5}, id)
        await self.pause(self.chance.triangular(0, 8, 0))
        if self.chance.random() < 0.6:
            await stage.do("cancel", id)

    def judge(self, stage: Stage) -> Iterator[str]:
        for key, row in stage.file.runs.items():
            found = {"status": row.status, **decode(row.outcome or b"{}")}
            undone = list(found.get("undone", []))
            if row.status == "completed":
                if undone:
                    yield f"{row.id} completed and undid {undone}"
                continue
            if found.get("not_undone"):
                yield f"{row.id} did not undo {found['not_undone']}"
            completed = [
                call for seq in sorted(seq for run, seq in stage.ledger.landed if run == key)
                if (call := stage.started.get((key, seq))) is not None and call.name in ("work", "flaky", "slow")
            ]  # fmt: skip
            expected = [call.address for call in reversed(completed)]
            if undone != expected:
                yield f"{row.id} undid {undone}, and what completed was, newest first, {expected}"


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


DOOR = load("""
workflow: door
concurrency: {key: "{{ input.place }}", limit: 2, on_conflict: queue}
steps:
  - {lock: {key: door}, activity: work, with: {value: door}}
  - lock: {key: pool, limit: 2}
    steps: [{activity: work, with: {value: pool}}, {activity: tick}]
  - {if: input.again, restart: {input: {again: false, place: "{{ input.place }}"}}}
""")


class Locks(Plot):
    """Many runs share locks; some are cancelled, terminated, paused."""

    documents = (DOOR,)

    async def play(self, stage: Stage) -> None:
        await asyncio.gather(*(self._one(stage, f"door {number}") for number in range(self.some(2, 6))))

    async def _one(self, stage: Stage, id: str) -> None:
        await stage.start("door", {"again": self.chance.random() < 0.3, "place": self.chance.randrange(2)}, id)
        await self.pause(self.chance.triangular(0, 8, 0))
        deed = self.chance.choice((None, None, None, "cancel", "terminate", "pause"))
        if deed is not None:
            await stage.do(deed, id)
        if deed == "pause":
            await self.pause(1)
            await stage.insist_on("resume", id)

    def judge(self, stage: Stage) -> Iterator[str]:
        touched = {message.run for message in stage.ledger.messages if message.kind in ("cancel", "terminate")}
        for row in stage.file.runs.values():
            if row.status not in ("completed", "continued") and row.id.partition("~")[0] not in touched:
                yield f"{row.id} is {row.status}"


QUEUES = load("""
workflow: queues
steps:
  - foreach: "range(input.n)"
    concurrency: 3
    steps: [{id: q, activity: work, with: {value: "{{ index }}"}, queue: far}]
  - {id: c, activity: work, with: {value: c}, cache: {key: c}}
  - {id: once, activity: work, with: {value: once}, retry: {attempts: 1}, catch: [{errors: [WorkerLost], steps: []}]}
output: "{{ steps.c.value }}"
""")


class Queues(Plot):
    """Calls that one worker alone makes, results from the cache, and attempts that are made at most once."""

    documents = (QUEUES,)
    workers = 2

    async def play(self, stage: Stage) -> None:
        stage.queues[0] = {"far": 2, "default": 9}
        stage.queues[1] = {"default": 9}
        self.runs = [f"queues {number}" for number in range(self.some(1, 3))]
        await asyncio.gather(*(self._one(stage, id) for id in self.runs))

    async def _one(self, stage: Stage, id: str) -> None:
        await stage.start("queues", {"n": self.some(1, 4)}, id)
        if self.chance.random() < 0.3:
            await self.pause(self.chance.triangular(0, 5, 0))
            await stage.do("cancel", id)

    def judge(self, stage: Stage) -> Iterator[str]:
        touched = {message.run for message in stage.ledger.messages if message.kind == "cancel"}
        for id in self.runs:
            found = outcome(stage, id)
            if id not in touched and (found["status"] != "completed" or found["output"] != "c"):
                yield f"{id} is {found}"
        for key, times in Counter(call.key for call in stage.ledger.calls if call.address == "once").items():
            if times > 1:
                yield f"{key} was called {times} times"


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


KEPT = load("""
workflow: kept
steps:
  - {id: c, activity: work, with: {value: "{{ input.n }}"}, cache: {key: c, ttl: 8s}}
output: "{{ steps.c.value }}"
""")


class Caches(Plot):
    """What is kept is used as long as it has not expired, and no longer."""

    documents = (KEPT,)
    quick = False

    async def play(self, stage: Stage) -> None:
        for number in range(self.some(2, 5)):
            await stage.start("kept", {"n": number}, f"kept {number}")
            await asyncio.sleep(self.chance.choice((4, 20 if self.small else 80)))

    def judge(self, stage: Stage) -> Iterator[str]:
        for row in stage.file.runs.values():
            if row.status != "completed":
                yield f"{row.id} is {row.status}"


LONG = load("""
workflow: long
steps:
  - {id: b, activity: beat, with: {value: 6}, timeout: {heartbeat: 20s}, retry: {attempts: 9, delay: 100ms}}
output: "{{ steps.b }}"
""")


class Heartbeats(Plot):
    """An attempt begins where the last one stood, as far as that was durable."""

    documents = (LONG,)
    quick = False

    async def play(self, stage: Stage) -> None:
        await asyncio.gather(*(stage.start("long", {}, f"long {number}") for number in range(self.some(1, 3))))

    def judge(self, stage: Stage) -> Iterator[str]:
        for row in stage.file.runs.values():
            if row.status != "completed":
                yield f"{row.id} is {row.status}: {row.outcome!r}"


TICKS = load("""
workflow: ticks
schedule: {every: 2s, overlap: allow, catch_up: 1h}
steps: [{activity: tick}]
""")


class Schedules(Plot):
    """A schedule's times each have one run."""

    documents = (TICKS,)

    async def play(self, stage: Stage) -> None:
        await asyncio.sleep(self.chance.uniform(2, 5) if self.small else self.chance.uniform(8, 40))
        [schedule] = await stage.insist(lambda: stage.client.schedules.list())
        await stage.insist(lambda: stage.client.schedules.pause(schedule.id))
        await self.pause(2)

    def judge(self, stage: Stage) -> Iterator[str]:
        [(schedule, fired)] = stage.file.fired.items() or [("", set())]
        ids = Counter(row.id for row in stage.file.runs.values())
        if len(ids) != len(fired) or any(times > 1 for times in ids.values()):
            yield f"{schedule}: {len(fired)} times fired, {len(ids)} runs"
        if any(row.status != "completed" for row in stage.file.runs.values()):
            yield f"{[row.status for row in stage.file.runs.values()]}"
        moments = sorted(fired)
        if any(later - earlier != 2 * SECOND for earlier, later in pairwise(moments)):
            yield f"times were left out: {moments}"


PLOTS = (
    Steady,
    Steady,
    Steady,
    Wild,
    Wild,
    Wild,
    Messages,
    Messages,
    Restarts,
    Sagas,
    Families,
    Locks,
    Queues,
    Schedules,
    Answers,
    Events,
    Caches,
    Heartbeats,
)
