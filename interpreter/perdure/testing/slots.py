"""Who holds which slot on the virtual-time host: the run itself, and other runs that a test says are there.

First come, first served, as a store does it. Knows no machine: what is granted or refused is handed on as events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from perdure.core.commands import TakeSlot
from perdure.core.events import Event, SlotGranted, SlotRefused
from perdure.testing.agenda import OUTSIDE, Agenda

RUN: Final = "run"
NEVER: Final = "it would wait for ever: what holds {key} waits for a slot that is held around this wish"


@dataclass(slots=True, eq=False)
class Slot:
    """A slot that is held once `granted`, and until then a wish for one."""

    run: str
    frame: int
    key: str
    limit: int
    chain: list[tuple[str, int]] = field(default_factory=list)
    granted: bool = False
    told: bool = False
    held: int | None = None
    """How long another run keeps it; None for one that never gives it back."""


@dataclass(slots=True)
class SlotKeeper:
    """All slots of the world around one run; `took` are the keys it was granted, in that order."""

    agenda: Agenda
    apply: Callable[[Event], None]
    took: list[str] = field(default_factory=list)
    _slots: list[Slot] = field(default_factory=list)

    def occupy(self, key: str, run: str, limit: int, held: int | None) -> None:
        """Another run wants a slot now, and keeps it for a while once it has it."""
        self._slots.append(Slot(run, len(self._slots), key, limit, held=held))
        self._grant(key)

    def take(self, wish: TakeSlot) -> None:
        """The run wants a slot; asking again changes nothing."""
        if self._of(wish.frame) is not None:
            return
        chain = [(run, frame) for run, frame in wish.chain]
        slot = Slot(RUN, wish.frame, wish.key, wish.limit, chain)
        self._slots.append(slot)
        if wish.conflict == "cancel_running":
            self._slots = [other for other in self._slots if other.key != wish.key or other is slot]
        self._grant(wish.key)
        if not slot.granted and slot in self._stuck():
            self._slots.remove(slot)
            refused = SlotRefused(self.agenda.now, wish.frame, NEVER.format(key=wish.key))
            self.agenda.later(self.agenda.now, OUTSIDE, lambda: self.apply(refused))

    def leave(self, frame: int) -> None:
        slot = self._of(frame)
        if slot is not None:
            self._drop(slot)

    def close(self) -> None:
        """The run has ended: all that is its own is given back."""
        for slot in [slot for slot in self._slots if slot.run == RUN]:
            self._drop(slot)

    def held(self) -> set[int]:
        """The frames of the run that know they have a slot."""
        return {slot.frame for slot in self._slots if slot.run == RUN and slot.told}

    def _of(self, frame: int) -> Slot | None:
        return next((slot for slot in self._slots if slot.run == RUN and slot.frame == frame), None)

    def _drop(self, slot: Slot) -> None:
        if slot in self._slots:
            self._slots.remove(slot)
            self._grant(slot.key)

    def _grant(self, key: str) -> None:
        for slot in grantable(self._slots, key):
            slot.granted = True
            if slot.run == RUN:
                self.agenda.later(self.agenda.now, OUTSIDE, partial(self._tell, slot))
            elif slot.held is not None:
                self.agenda.later(self.agenda.now + slot.held, OUTSIDE, partial(self._drop, slot))

    def _tell(self, slot: Slot) -> None:
        if slot in self._slots and not slot.told:
            slot.told = True
            self.took.append(slot.key)
            self.apply(SlotGranted(self.agenda.now, slot.frame))

    def _stuck(self) -> list[Slot]:
        """The wishes that are never granted, though all goes well: let end what waits for nothing, over and over."""
        slots = [Slot(s.run, s.frame, s.key, s.limit, s.chain, s.granted) for s in self._slots]
        names = dict(zip(map(id, slots), self._slots, strict=True))
        while True:
            needed = {place for slot in slots if not slot.granted for place in slot.chain}
            over = [slot for slot in slots if slot.granted and (slot.run, slot.frame) not in needed]
            if not over:
                return [names[id(slot)] for slot in slots if not slot.granted]
            slots = [slot for slot in slots if slot not in over]
            for key in {slot.key for slot in over}:
                for slot in grantable(slots, key):
                    slot.granted = True


def grantable(slots: list[Slot], key: str) -> list[Slot]:
    """The wishes for a key whose turn has come: in order, as long as there is room for the next one."""
    alike = [slot for slot in slots if slot.key == key]
    count = sum(slot.granted for slot in alike)
    found = []
    for slot in alike:
        if not slot.granted:
            if count >= slot.limit:
                break
            found.append(slot)
            count += 1
    return found
