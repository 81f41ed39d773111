"""What waits for the world: timers, signals, events, answers, and scopes that handle messages.

A signal goes to whoever has waited for it longest, else it is kept; an event goes to all that wait for it now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from ground import Failed, Place, failure, with_cause
from receiving import Message, Receiving
from virtual import TIMERS, Future, Stopped

from perdure.definition.models import Step
from perdure.schemas import check_value
from perdure.values import format_time, parse_time

if TYPE_CHECKING:
    from oracle import Oracle

JSON = Any
Keys = Mapping[str, JSON]
OPEN = ("running", "paused")


@dataclass
class Signal:
    order: int
    name: str
    data: JSON
    at: int


class Waiting(Protocol):
    def takes(self, signal: Signal) -> bool:
        """Take the signal, if it is wanted."""
        ...

    def hears(self, name: str, data: JSON) -> None:
        """An event has happened."""
        ...

    def unhandled(self) -> list[Signal]:
        """Signals it has taken and not begun to handle."""
        ...


class Entries:
    """The entries of a wait or select; each gets one thing. `ready` comes with the first, or with all."""

    def __init__(self, oracle: Oracle, entries: list[Keys], every: bool, place: Place, step: Step) -> None:
        self.oracle, self.entries, self.every, self.place, self.step = oracle, entries, every, place, step
        self.found: dict[int, JSON] = {}
        self.first: int | None = None
        self.ready = Future(oracle.clock)

    def give(self, index: int, data: JSON) -> bool:
        if self.ready.done or index in self.found:
            return False
        self.found[index] = data
        self.first = index if self.first is None else self.first
        if not self.every or len(self.found) == len(self.entries):
            self.ready.set()
        return True

    def takes(self, signal: Signal) -> bool:
        return any(
            entry.get("signal") == signal.name and self.give(index, signal.data)
            for index, entry in enumerate(self.entries)
        )

    def hears(self, name: str, data: JSON) -> None:
        for index, entry in enumerate(self.entries):
            if entry.get("event") == name and self.matches(entry, data):
                self.give(index, data)

    def unhandled(self) -> list[Signal]:
        return []

    def matches(self, entry: Keys, data: JSON) -> bool:
        place = self.place.with_(names={**self.place.names, "message": data})
        try:
            return "match" not in entry or self.oracle.holds(entry["match"], place, self.step)
        except Failed:
            return False


class Messages:
    def prepare_messages(self: Oracle) -> None:
        self.unread: list[Signal] = []
        self.waiters: list[Waiting] = []
        self.asks: dict[str, tuple[Keys, Future]] = {}
        self.replies: list[tuple[str, str, JSON]] = []
        self.pending: dict[str, str] = {}
        self.arrivals = 0
        self.waiting_for_resume: list[Future] = []

    # -- from outside

    def kept_while_paused(self: Oracle, action: Callable[[], None]) -> bool:
        if self.status == "paused":
            self.kept.append(action)
        return self.status not in OPEN or self.status == "paused"

    def signal(self: Oracle, name: str, data: JSON) -> None:
        if not self.kept_while_paused(lambda: self.signal(name, data)):
            self.arrivals += 1
            self.offer(Signal(self.arrivals, name, data, self.clock.now))

    def offer(self: Oracle, signal: Signal) -> None:
        if not any(waiter.takes(signal) for waiter in self.waiters):
            self.unread.append(signal)
            self.unread.sort(key=lambda signal: signal.order)

    def event(self: Oracle, name: str, data: JSON) -> None:
        if not self.kept_while_paused(lambda: self.event(name, data)):
            for waiter in list(self.waiters):
                waiter.hears(name, data)

    def answer(self: Oracle, number: int, answer: JSON, by: str | None) -> None:
        """Answer the open question that is this one in the order of addresses."""
        if self.kept_while_paused(lambda: self.answer(number, answer, by)) or not self.asks:
            return
        address = sorted(self.asks)[number % len(self.asks)]
        spec, future = self.asks[address]
        if "choices" in spec and answer not in spec["choices"]:
            return
        if "form" in spec and check_value(spec["form"], answer):
            return
        future.set({"answer": answer, "by": by, "at": format_time(self.clock.now)})

    def update(self: Oracle, name: str, data: JSON, id: str) -> None:
        if self.kept_while_paused(lambda: self.update(name, data, id)):
            if self.status not in OPEN:
                self.reply(id, "refused", None)
            return
        self.arrivals += 1
        for scope in self.waiters:
            if isinstance(scope, Receiving) and not scope.over and scope.handler(name, True):
                scope.queue.append(Message(self.arrivals, name, data, id=id))
                scope.wake()
                return
        self.reply(id, "refused", None)

    def reply(self: Oracle, id: str, how: str, value: JSON) -> None:
        self.replies.append((id, how, value))

    def refuse_all(self: Oracle) -> None:
        """The run has ended: whoever still waits for a reply hears so."""
        for waiter in self.waiters:
            if isinstance(waiter, Receiving):
                for message in waiter.queue:
                    if message.id is not None:
                        self.reply(message.id, "refused", None)
        for id in self.pending:
            self.reply(id, "refused", None)

    # -- wait, select, ask

    async def run_wait(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        spec = keys["wait"]
        if not isinstance(spec, dict):
            spec = {"for": spec}
        if "for" in spec:
            entries = [{"after": spec["for"]}]
        else:
            entries = spec.get("any") or spec.get("all") or [spec]
        found = await self.entries(step, place, spec, entries, "all" in spec)
        if found is None:
            return self.instead(spec, place, step)
        if "any" in spec:
            assert found.first is not None
            return {"name": named(entries[found.first]), "data": found.found[found.first]}
        if "all" in spec:
            return {named(entry): found.found[index] for index, entry in enumerate(entries)}
        return found.found[0]

    async def run_select(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        spec = keys["select"] if isinstance(keys["select"], dict) else {"arms": keys["select"]}
        found = await self.entries(step, place, spec, spec["arms"], every=False)
        if found is None:
            return self.instead(spec, place, step)
        assert found.first is not None
        names = {**place.names, "message": found.found[found.first]}
        if self.clock.stopping:
            raise Stopped
        return await self.steps(list(step.of("arm"))[found.first], place.with_(names=names))

    def instead(self: Oracle, spec: Keys, place: Place, step: Step) -> JSON:
        """The default, when the time is over."""
        try:
            return self.value(spec["default"], place, step)
        except Failed as failed:
            raise with_cause(failed, failure("Timeout", "")) from None

    async def entries(
        self: Oracle, step: Step, place: Place, spec: Keys, entries: list[Keys], every: bool
    ) -> Entries | None:
        """Wait for the first entry or for all; None when the time was over and there is a default."""
        waiter = Entries(self, entries, every, place, step)
        now = self.clock.now
        for entry in entries:
            if "signal" in entry and (entry.get("transient") or spec.get("transient")):
                self.unread = [signal for signal in self.unread if signal.name != entry["signal"]]
        dues = [self.due(entry, place, step) for entry in entries]
        limit = self.span(spec["timeout"], place, step) if "timeout" in spec else None
        for signal in list(self.unread):
            if waiter.takes(signal):
                self.unread.remove(signal)
        for index, due in enumerate(dues):
            if due is not None:
                self.clock.at(due, TIMERS, lambda index=index: waiter.give(index, None))
        late: list[bool] = []
        if limit is not None:
            self.clock.at(now + limit, TIMERS, lambda: expire(waiter.ready, late))
        self.waiters.append(waiter)
        try:
            await self.clock.wait(waiter.ready)
        finally:
            self.waiters.remove(waiter)
        if not late:
            return waiter
        if "default" in spec:
            return None
        raise self.failed("Timeout", "", step, place)

    def due(self: Oracle, entry: Keys, place: Place, step: Step) -> int | None:
        """The moment of a timer, None for all else."""
        if "after" in entry:
            return self.clock.now + self.span(entry["after"], place, step)
        if "until" in entry:
            zone = ZoneInfo(entry["timezone"]) if "timezone" in entry else None
            return parse_time(self.value(entry["until"], place, step), zone)
        return None

    async def run_ask(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        spec = keys["ask"]
        self.value(spec["prompt"], place, step)
        answered = Future(self.clock)
        late: list[bool] = []
        if "timeout" in spec:
            span = self.span(spec["timeout"], place, step)
            self.clock.at(self.clock.now + span, TIMERS, lambda: expire(answered, late))
        address = self.label(step, place)
        self.asks[address] = (spec, answered)
        try:
            answer = await self.clock.wait(answered)
        finally:
            del self.asks[address]
        if not late:
            return answer
        if "default" in spec:
            value = self.instead(spec, place, step)
            return {"answer": value, "by": None, "at": format_time(self.clock.now)}
        raise self.failed("Timeout", "", step, place)


def expire(future: Future, late: list[bool]) -> None:
    if not future.done:
        late.append(True)
        future.set()


def named(entry: Keys) -> str:
    return str(entry.get("name") or entry.get("signal") or entry.get("event"))
