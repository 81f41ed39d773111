"""The slots of the memory store: rows for the rules of `slots`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from perdure.stores.commits import NewLetter
from perdure.stores.slots import Place, Slot

if TYPE_CHECKING:
    from perdure.stores.memory_file import MemoryFile


@dataclass(slots=True)
class SlotRows:
    """Each slot stands in `by_run` and, by its place, in the queue of its key: as held, or as waiting."""

    by_run: dict[int, dict[int, Slot]] = field(default_factory=dict)
    held: dict[str, dict[int, Slot]] = field(default_factory=dict)
    waiting: dict[str, dict[int, Slot]] = field(default_factory=dict)
    chains: dict[int, list[Place]] = field(default_factory=dict)
    """Place of a waiting wish → slots held around it."""
    around: dict[Place, dict[int, Slot]] = field(default_factory=dict)
    """The same the other way round."""
    last: int = 0


class MemorySlots:
    """Implements `SlotTable`."""

    def __init__(self, file: MemoryFile) -> None:
        self._file = file
        self._rows = file.slots

    def at(self, run: int, frame: int) -> Slot | None:
        return self._rows.by_run.get(run, {}).get(frame)

    def of_run(self, run: int) -> list[Slot]:
        return sorted(self._rows.by_run.get(run, {}).values(), key=attrgetter("place"))

    def queue(self, key: str) -> list[Slot]:
        return sorted([*self.holders(key), *self._rows.waiting.get(key, {}).values()], key=attrgetter("place"))

    def holders(self, key: str) -> list[Slot]:
        return sorted(self._rows.held.get(key, {}).values(), key=attrgetter("place"))

    def held(self, key: str) -> int:
        return len(self._rows.held.get(key, ()))

    def first_waiting(self, key: str) -> Slot | None:
        return next(iter(self._rows.waiting.get(key, {}).values()), None)

    def through(self, run: int, frame: int) -> list[Slot]:
        return sorted(self._rows.around.get((run, frame), {}).values(), key=attrgetter("place"))

    def add(self, key: str, run: int, frame: int, limit: int, chain: Iterable[Place] | None) -> None:
        self._rows.last += 1
        self._insert(Slot(self._rows.last, key, run, frame, limit, chain is None), chain or ())

    def grant(self, slot: Slot) -> None:
        self.drop(slot)
        self._insert(replace(slot, granted=True), ())

    def drop(self, slot: Slot) -> None:
        rows = self._rows
        _remove(rows.held if slot.granted else rows.waiting, slot.key, slot.place)
        _remove(rows.by_run, slot.run, slot.frame)
        for place in rows.chains.pop(slot.place, ()):
            _remove(rows.around, place, slot.place)

    def move(self, slot: Slot, run: int, frame: int, limit: int, chain: Iterable[Place]) -> None:
        self.drop(slot)
        self._insert(replace(slot, run=run, frame=frame, limit=limit), () if slot.granted else chain)

    def key_of(self, run_id: str) -> int | None:
        return self._file.keys.get(run_id)

    def run(self, key: int) -> tuple[str, str] | None:
        row = self._file.runs.get(key)
        return None if row is None else (row.id, row.status)

    def post(self, run: int, kind: str, id: str, at: int, body: bytes) -> None:
        row = self._file.runs.get(run)
        if row is not None:
            self._file.post(NewLetter(row.id, kind, id, at, body))

    def take_back(self, run: int, id: str) -> None:
        self._file.inbox.get(run, {}).pop(id, None)

    def _insert(self, slot: Slot, chain: Iterable[Place]) -> None:
        rows = self._rows
        table = rows.held if slot.granted else rows.waiting
        queue = table.setdefault(slot.key, {})
        queue[slot.place] = slot
        if not slot.granted and slot.place < rows.last:
            table[slot.key] = dict(sorted(queue.items()))  # one that was moved comes back to where it stood
        rows.by_run.setdefault(slot.run, {})[slot.frame] = slot
        rows.chains[slot.place] = list(chain)
        for place in rows.chains[slot.place]:
            rows.around.setdefault(place, {})[slot.place] = slot


def _remove(table: dict[Any, dict[int, Slot]], name: object, number: int) -> None:
    del table[name][number]
    if not table[name]:
        del table[name]
