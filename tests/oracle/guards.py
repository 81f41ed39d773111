"""What stands around a step: `cache` and `lock`. What else is in the world of locks and results is nothing here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ground import Place
from virtual import ENDS, OUTSIDE, Future

from perdure.definition.models import Step

if TYPE_CHECKING:
    from oracle import Oracle

JSON = Any
Keys = Mapping[str, JSON]


@dataclass(eq=False)
class Hold:
    """A step that has a lock, once `had`, or waits for it; `around` are those that it stands in."""

    key: str
    limit: int
    around: tuple[Hold, ...]
    turn: Future
    had: bool = False


class Guards:
    def prepare_guards(self: Oracle) -> None:
        self.holds_of: list[Hold] = []
        self.results: dict[tuple[str, str], tuple[JSON, int | None]] = {}

    async def guarded(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        """`cache`, then `lock`, then the rest."""
        if "cache" not in keys:
            return await self.locked(step, keys, place)
        entry = (step.address, self.guard_key(keys["cache"], place, step))
        span = self.span(keys["cache"]["ttl"], place, step) if "ttl" in keys["cache"] else None
        looked_up = Future(self.clock)
        self.clock.at(self.clock.now, ENDS, looked_up.set)
        await self.clock.wait(looked_up)
        await self.hold()
        value, until = self.results.get(entry, (None, self.clock.now))
        if until is None or self.clock.now < until:
            return value
        value = await self.locked(step, keys, place)
        self.results[entry] = value, None if span is None else self.clock.now + span
        return value

    async def locked(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        if "lock" not in keys:
            return await self.closing(step, keys, place)
        key = self.guard_key(keys["lock"], place, step)
        limit = self.value(keys["lock"].get("limit", 1), place, step)
        if any(hold.key == key for hold in place.holds):
            return await self.keeping(lambda inside: self.closing(step, keys, inside), place)
        hold = Hold(key, limit, place.holds, Future(self.clock))
        self.holds_of.append(hold)
        try:
            self.grant()
            if hold in endless(self.holds_of):
                error = self.failed("LimitExceeded", "", step, place)
                self.clock.at(self.clock.now, OUTSIDE, lambda: hold.turn.fail(error))
            await self.clock.wait(hold.turn)
            await self.hold()
            return await self.keeping(
                lambda inside: self.closing(step, keys, inside), place.with_(holds=(*place.holds, hold))
            )
        finally:
            self.holds_of.remove(hold)
            self.grant()

    def guard_key(self: Oracle, spec: Keys, place: Place, step: Step) -> str:
        """Texts, numbers and booleans count by their text, lists and mappings by their JSON."""
        key = self.value(spec["key"], place, step)
        return key if isinstance(key, str) else json.dumps(key)

    def grant(self: Oracle) -> None:
        for hold in served(self.holds_of):
            self.clock.at(self.clock.now, OUTSIDE, hold.turn.set)


def served(holds: list[Hold]) -> list[Hold]:
    """Those whose turn has come, marked so: in the order they came, each when fewer than its limit have the lock."""
    found = []
    for key in {hold.key for hold in holds}:
        alike = [hold for hold in holds if hold.key == key]
        while waiting := [hold for hold in alike if not hold.had]:
            if sum(hold.had for hold in alike) >= waiting[0].limit:
                break
            waiting[0].had = True
            found.append(waiting[0])
    return found


def endless(holds: list[Hold]) -> list[Hold]:
    """Those that would wait for ever: whoever waits for no lock ends at some time, which lets others go on."""
    twins = {hold: Hold(hold.key, hold.limit, (), hold.turn, hold.had) for hold in holds}
    left = dict(twins)
    while True:
        needed = {twins[outer] for hold in left if not left[hold].had for outer in hold.around}
        over = [hold for hold, twin in left.items() if twin.had and twin not in needed]
        if not over:
            return [hold for hold in left if not left[hold].had]
        for hold in over:
            del left[hold]
        served(list(left.values()))
