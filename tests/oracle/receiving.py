"""`receive`: messages handled one at a time against a state, and what becomes of those that are left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ground import Failed, Place, Scope, failure
from virtual import FIRST, TIMERS, Future, Stopped, Task

from perdure.definition.models import Step, StepList
from perdure.schemas import check_value

if TYPE_CHECKING:
    from messages import Signal
    from oracle import Oracle

JSON = Any
Keys = Mapping[str, JSON]


@dataclass
class Message:
    """A signal that a receive has taken, or an update that waits for its turn; `id` is an update's."""

    order: int
    name: str
    data: JSON
    signal: Signal | None = None
    id: str | None = None


@dataclass
class Receiving:
    """A receive on its way."""

    step: Step
    place: Place
    spec: Keys
    state: JSON
    label: str
    dropped: list[JSON]
    queue: list[Message] = field(default_factory=list)
    plain: Task | None = None
    beside: list[Task] = field(default_factory=list)
    over: bool = False
    error: Failed | None = None
    late: bool = False
    stopped: bool = False
    numbers: int = 0
    changed: Future | None = None

    def handler(self, name: str, update: bool) -> tuple[int, Keys] | None:
        for index, handler in enumerate(self.spec["on"]):
            if handler.get("update" if update else "signal") == name:
                return index, handler
        return None

    def takes(self, signal: Signal) -> bool:
        found = self.handler(signal.name, update=False)
        if found is None or self.over:
            return False
        if "input" in found[1] and check_value(found[1]["input"], signal.data):
            self.dropped.append(failure("InvalidInput", "", step=self.label).error)
            return True
        self.queue.append(Message(signal.order, signal.name, signal.data, signal=signal))
        self.wake()
        return True

    def hears(self, name: str, data: JSON) -> None:
        pass

    def unhandled(self) -> list[Signal]:
        return [message.signal for message in self.queue if message.signal is not None]

    def wake(self) -> None:
        if self.changed is not None:
            self.changed.set()


class Receives:
    async def run_receive(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        spec = keys["receive"]
        state = self.value(spec.get("state", {}), place, step)
        scope = Receiving(step, place, spec, state, self.label(step, place), self.recorded)
        if not isinstance(scope.state, dict):
            raise self.failed("ExpressionFailed", "", step, place)
        if "timeout" in spec:
            span = self.span(spec["timeout"], place, step)
            self.clock.at(self.clock.now + span, TIMERS, lambda: self.out_of_time(scope))
        if self.until(scope):
            return scope.state
        self.waiters.append(scope)
        for signal in list(self.unread):
            if scope.takes(signal):
                self.unread.remove(signal)
        try:
            await self.serve(scope)
        except Stopped:
            scope.over = scope.stopped = True
            if scope.error is not None:
                self.record(scope.error)
            for task in [*scope.beside, *([scope.plain] if scope.plain else [])]:
                task.stop()
            await self.all_ended(scope)
            raise
        finally:
            scope.over = scope.late = True
            self.waiters.remove(scope)
            self.give_back(scope)
        if scope.error is not None:
            raise scope.error
        return scope.state

    def out_of_time(self: Oracle, scope: Receiving) -> None:
        if not scope.late and not scope.over:
            scope.late = True
            scope.wake()

    def until(self: Oracle, scope: Receiving) -> bool:
        place = scope.place.with_(names={**scope.place.names, "state": scope.state})
        return "until" in scope.spec and self.holds(scope.spec["until"], place, scope.step)

    async def serve(self: Oracle, scope: Receiving) -> None:
        """Handle messages until the scope is over, then wait for the handlers beside."""
        while not scope.over:
            self.take(scope)
            if scope.late or scope.error is not None:
                break
            if scope.over:
                break
            scope.changed = Future(self.clock)
            await self.clock.wait(scope.changed)
        scope.over = True
        if scope.late or scope.error is not None:
            for task in [*scope.beside, *([scope.plain] if scope.plain else [])]:
                task.stop()
            unwinding = Future(self.clock)
            self.clock.at(self.clock.now, FIRST, unwinding.set)
            await self.clock.wait(unwinding, lambda: None)
        self.give_back(scope)
        while scope.beside or scope.plain:
            if scope.late or scope.error is not None:
                for task in [*scope.beside, *([scope.plain] if scope.plain else [])]:
                    task.stop()
                await self.all_ended(scope)
                break
            scope.changed = Future(self.clock)
            await self.clock.wait(scope.changed)
        if scope.error is None and scope.late:
            if "default" not in scope.spec:
                raise self.failed("Timeout", "", scope.step, scope.place)
            scope.state = self.instead(scope.spec, scope.place, scope.step)

    async def all_ended(self: Oracle, scope: Receiving) -> None:
        for task in [*scope.beside, *([scope.plain] if scope.plain else [])]:
            await self.clock.wait(task.ended, lambda: None)

    def take(self: Oracle, scope: Receiving) -> None:
        """Begin what can begin: one plain handler at a time, those beside at once when it is their turn."""
        while scope.queue and not scope.over and not scope.late and scope.error is None:
            message = scope.queue[0]
            found = scope.handler(message.name, message.id is not None)
            assert found is not None
            index, handler = found
            if scope.plain is not None and not handler.get("async"):
                return
            scope.queue.pop(0)
            if message.id is not None:
                if ("input" in handler and check_value(handler["input"], message.data)) or not self.accepts(
                    scope, handler, message
                ):
                    self.reply(message.id, "refused", None)
                    continue
                self.pending[message.id] = message.name
            task = self.clock.begin(self.handle(scope, index, handler, message))
            if handler.get("async"):
                scope.beside.append(task)
            else:
                scope.plain = task

    def accepts(self: Oracle, scope: Receiving, handler: Keys, message: Message) -> bool:
        place = scope.place.with_(names={**scope.place.names, "state": scope.state, "message": message.data})
        try:
            return "accept" not in handler or self.holds(handler["accept"], place, scope.step)
        except Failed:
            return False

    async def handle(self: Oracle, scope: Receiving, index: int, handler: Keys, message: Message) -> None:
        task = self.clock.current
        failed: Failed | None = None
        stop = False
        try:
            stop = await self.work(scope, index, handler, message)
        except Stopped:
            if message.id is not None:
                self.hear(message.id, "error", failure("Cancelled", "").error)
        except Failed as error:
            failed = error
            if message.id is not None:
                self.hear(message.id, "error", error.error)
        if handler.get("async"):
            assert task is not None
            scope.beside.remove(task)
        else:
            scope.plain = None
        if failed is not None:
            if handler.get("async") or scope.late or scope.error or scope.stopped:
                self.record(failed)
            else:
                scope.error = failed
        elif not self.clock.stopping:
            try:
                scope.over = scope.over or stop or self.until(scope)
            except Failed as error:
                scope.error = scope.error or error
        scope.wake()

    def hear(self: Oracle, id: str, how: str, value: JSON) -> None:
        if self.pending.pop(id, None):
            self.reply(id, how, value)

    async def work(self: Oracle, scope: Receiving, index: int, handler: Keys, message: Message) -> bool:
        lists = [found for found in scope.step.of("handler") if found.key == str(index)]
        body: StepList | None = lists[0] if lists else None
        inside = scope.place.with_(
            scope=Scope(scope.place.scope),
            names={**scope.place.names, "message": message.data, "state": lambda: scope.state},
        )
        if body is not None and body.steps:
            address = body.steps[0].address.rsplit("/", 1)[0] if "/" in body.steps[0].address else ""
            inside = inside.with_(turns=(*inside.turns, (address, scope.numbers)))
            scope.numbers += 1
            await self.steps(body, inside)
        values = self.value(handler.get("set", {}), inside, scope.step)
        scope.state = {**scope.state, **values}
        if message.id is not None:
            self.hear(message.id, "value", self.value(handler.get("reply"), inside, scope.step))
        return bool(handler.get("stop"))

    def give_back(self: Oracle, scope: Receiving) -> None:
        """What a scope that is over has taken and not handled goes back."""
        left, scope.queue = scope.queue, []
        for message in left:
            if message.signal is not None:
                self.offer(message.signal)
            elif message.id is not None:
                self.reply(message.id, "refused", None)
