"""The plain kinds: calls, blocks, branches, loops in turn, fragments, and what moves or ends the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ground import Leaving, Place, Scope, failure
from virtual import ENDS, FIRST, TIMERS, Future, Stopped

from perdure.definition.models import Step
from perdure.schemas import check_value
from perdure.testing.activities import Call, End, Reply, reply

if TYPE_CHECKING:
    from oracle import Oracle

JSON = Any
Keys = Mapping[str, JSON]


LOST = End(error={"type": "WorkerLost"})
"""What becomes of an attempt whose worker has died."""
TIMED_OUT = End(error={"type": "Timeout"})


@dataclass(eq=False)
class Running:
    """An attempt that this worker makes, unless it is made `elsewhere`; `future` is how it ends."""

    future: Future
    elsewhere: bool = False

    def lose(self) -> None:
        if not self.elsewhere:
            self.future.set(LOST)


class Kinds:
    async def run_activity(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        arguments = self.value(keys.get("with", {}), place, step)
        address = self.label(step, place)
        attempt = place.attempt
        limits = self.limits(keys, place, step)
        running = Running(Future(self.clock))
        self.running.append(running)
        try:
            while True:
                call = Call(keys["activity"], arguments, address, attempt, "", 0, self.clock.now)
                said = reply(self.fake, call)
                running.elsewhere = said.queued > 0
                running.future = Future(self.clock)
                end, told = await self.call(call, said, running, *limits)
                if end is not LOST or told or "retry" in keys:
                    break
                attempt += 1
        finally:
            self.running.remove(running)
        if told and (end is None or end.error is not None):
            raise Stopped
        if end is None:
            raise failure("Cancelled", "", step=self.label(step, place), attempt=attempt)
        if end.error is not None:
            more = {key: end.error[key] for key in ("details", "cause") if key in end.error}
            raise self.failed(
                end.error["type"], end.error.get("message", ""), step, place,
                attempt=attempt, final=not end.retryable, **more,
            )  # fmt: skip
        return end.value

    def limits(self: Oracle, keys: Keys, place: Place, step: Step) -> list[int | None]:
        """How long a call may wait in a queue, and how long it may be silent."""
        written = keys.get("timeout") if isinstance(keys.get("timeout"), dict) else {}
        return [self.span(written[key], place, step) if key in written else None for key in ("queue", "heartbeat")]

    async def call(
        self: Oracle, call: Call, said: Reply, running: Running, patience: int | None, silence: int | None
    ) -> tuple[End | None, bool]:
        """One attempt: it waits until a worker takes it, and is made, unless that is too late; then it may be silent
        for too long."""
        if said.queued:
            taken = Future(self.clock)
            if patience is not None:
                self.clock.at(self.clock.now + patience, TIMERS, lambda: taken.set(False))
            self.clock.at(
                self.clock.now + said.queued, ENDS,
                lambda: taken.set(patience is None or said.queued <= patience), sent=True,
            )  # fmt: skip
            if not await self.clock.wait(taken):
                return TIMED_OUT, False
        self.calls.append((call.name, call.arguments, call.address, call.attempt, self.clock.now))
        silent = said.hang if said.silent is None else said.silent
        if silence is not None and silent and (said.hang or said.after > silence):
            said = replace(said, end=TIMED_OUT, after=silence, hang=False)
        return await self.outlast(said, running.future, sent=running.elsewhere)

    async def outlast(self: Oracle, said: Reply, future: Future, *, sent: bool = False) -> tuple[End | None, bool]:
        """How a call ends, None when it was cancelled, and whether it had been told to stop; whether its end is `sent`
        to the run."""
        if not said.hang:
            self.clock.at(self.clock.now + said.after, ENDS, lambda: told or future.set(said.end), sent=sent)
        told: list[bool] = []

        def stop() -> None:
            if said.on_cancel != "ignore":
                told.append(True)
                end = said.cancelled if said.on_cancel == "end" else None
                self.clock.at(self.clock.now + said.cleanup, ENDS, lambda: future.set(end), sent=sent)

        end = await self.clock.wait(future, stop)
        return end, self.clock.stopping

    async def run_workflow(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        data = self.value(keys.get("with", {}), place, step)
        address = self.label(step, place)
        name = keys["workflow"]
        self.calls.append((name, data, address, 0, self.clock.now))
        if keys.get("detach"):
            done = Future(self.clock)
            self.clock.at(self.clock.now, ENDS, done.set)
            return await self.clock.wait(done, lambda: None)
        said = reply(self.child, Call(name, data, "", 1, "", 0, self.clock.now))
        end, told = await self.outlast(said, Future(self.clock), sent=True)
        if told:
            raise Stopped
        if end is None or end.error is not None:
            cause = (
                None if end is None else {"details": None, "cause": None, "step": None, "attempt": None, **end.error}
            )
            run = f"run/{self.label(step, place)}/0"
            details = {"run": run, "status": "cancelled" if end is None else "failed"}
            raise self.failed("ChildFailed", "", step, place, details=details, cause=cause)
        return end.value

    async def run_steps(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        return await self.steps(next(iter(step.of("steps"))), place)

    async def run_branch(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        arms = list(step.of("when", "case", "else"))
        if "on" in keys["branch"]:
            value = self.expression(keys["branch"]["on"], place, step)
            if isinstance(value, dict | list):
                raise self.failed("ExpressionFailed", "", step, place)
            key = value if isinstance(value, str) else json.dumps(value)
            chosen = [arm for arm in arms if arm.role == "else" or arm.key == key]
        else:
            chosen = []
            for arm in arms:
                if arm.role == "else" or self.holds(arm.owner["when"], place, step):
                    chosen = [arm]
                    break
        return await self.steps(chosen[0], place) if chosen else None

    async def run_repeat(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        spec = keys["repeat"]
        value, index = None, 0
        most = self.value(spec.get("max"), place, step)
        while True:
            turn = place.with_(
                scope=Scope(place.scope),
                names={**place.names, "index": index},
                turns=(*place.turns, (step.address, index)),
            )
            if "while" in spec and not self.holds(spec["while"], turn, step):
                return value
            if most is not None and index >= most:
                raise self.failed("LimitExceeded", "", step, place)
            if self.clock.stopping:
                raise Stopped
            value = await self.steps(next(iter(step.of("turn"))), turn)
            if "until" in spec and self.holds(spec["until"], turn, step):
                return value
            if self.clock.stopping:
                raise Stopped
            index += 1

    async def run_use(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        assert step.fragment is not None
        arguments = self.value(keys.get("with", {}), place, step)
        if "input" in step.fragment and check_value(step.fragment["input"], arguments):
            raise self.failed("InvalidInput", "", step, place)
        inside = place.with_(scope=Scope(None), names={}, input=arguments)
        value = await self.steps(next(iter(step.of("fragment"))), inside)
        return self.value(step.fragment["output"], inside, step) if "output" in step.fragment else value

    async def run_set(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        values = self.value(keys["set"], place, step)
        self.vars.update(values)
        return values

    async def run_publish(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        self.published = self.value(keys["publish"], place, step)

    async def run_send(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        to = self.value(keys["send"]["to"], place, step)
        data = self.value(keys["send"].get("data"), place, step)
        await self.letter(step, place, keys["send"]["signal"], data, to)

    async def run_emit(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        data = self.value(keys["emit"].get("data"), place, step)
        await self.letter(step, place, keys["emit"]["event"], data, None)

    async def run_cancel(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        to = self.value(keys["cancel"]["run"], place, step)
        await self.letter(step, place, "cancel", self.value(keys["cancel"].get("reason"), place, step), to)

    async def letter(self: Oracle, step: Step, place: Place, name: str, data: JSON, to: str | None) -> None:
        """Bring a letter to its run, this one perhaps; a cancellation waits until it has arrived."""
        self.letters.append((name, data, to or ""))
        said = reply(self.post, Call(name, data, to or "", 1, "", 0, self.clock.now))
        future = Future(self.clock)

        def arrive() -> None:
            if said.end.error is None and to is None:
                self.event(name, data)
            elif said.end.error is None and to == "run" and step.kind == "cancel":
                self.cancel()
            elif said.end.error is None and to == "run":
                self.signal(name, data)
            self.clock.at(self.clock.now, FIRST, lambda: future.set(said.end))

        self.clock.at(self.clock.now + said.after, ENDS, arrive)
        end = await self.clock.wait(future, lambda: None)
        if end.error is not None:
            raise self.failed(end.error["type"], "", step, place)

    async def run_return_(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        raise Leaving("return", self.value(keys["return"], place, step))

    async def run_restart(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        value = self.value(keys["restart"]["input"], place, step)
        if not isinstance(value, dict):
            raise self.failed("ExpressionFailed", "", step, place)
        if "input" in self.document.keys and check_value(self.document.keys["input"], value):
            raise self.failed("InvalidInput", "", step, place)
        raise Leaving("restart", value)

    async def run_fail(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        error = self.value(keys["fail"], place, step)
        raise self.failed(error["type"], error.get("message", ""), step, place, details=error.get("details"))

    async def run_rollback(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        order, lane = 0, None
        if keys["rollback"] != "all":
            mark = place.scope.mark(keys["rollback"]["to"])
            assert mark is not None, "validation lets nobody go back to a step that has not run"
            order, lane = mark
        chosen = lambda undo: undo.order > order and (lane is None or lane in undo.regions)  # noqa: E731
        await self.clock.shield(self.undo(chosen, place.holds))
        if self.clock.stopping:
            raise Stopped
