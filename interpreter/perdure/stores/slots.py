"""The rules of slots: who gets one, who waits, whose wait could never end; the same for every store.

Works on a store's `SlotTable` within one transaction; knows neither commits nor how rows are kept.

Rules of this file
1. Wishes for a key stand in one queue, by place. The first that waits is granted when fewer than its own limit are
   held; nobody overtakes it, so a wish for much is not starved by wishes for little.
2. Whatever frees a slot, or takes the first one that waits out of the queue, grants in the same transaction.
3. A wait that could never end is refused when it is wished for. Later it cannot become one: a slot that is granted
   makes nobody wait for more than before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from perdure.stores.commits import Take
from perdure.stores.rows import OPEN
from perdure.values import JSON, encode

NAMED: Final = 5
"""So many holders a reason names."""

Place = tuple[int, int]
"""A run's key and a frame of it."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A wish for a slot, granted or waiting; places grow."""

    place: int
    key: str
    run: int
    frame: int
    limit: int
    granted: bool


class SlotTable(Protocol):
    """What a store has to answer and to write."""

    def at(self, run: int, frame: int) -> Slot | None: ...

    def of_run(self, run: int) -> list[Slot]:
        """By place, as all lists here."""

    def queue(self, key: str) -> list[Slot]:
        """All of a key, granted and waiting."""

    def holders(self, key: str) -> list[Slot]: ...

    def held(self, key: str) -> int: ...

    def first_waiting(self, key: str) -> Slot | None: ...

    def through(self, run: int, frame: int) -> list[Slot]:
        """The waiting wishes around which this slot is held."""

    def add(self, key: str, run: int, frame: int, limit: int, chain: Iterable[Place] | None) -> None:
        """At the end of the queue; without a chain it is granted."""

    def grant(self, slot: Slot) -> None: ...

    def drop(self, slot: Slot) -> None: ...

    def move(self, slot: Slot, run: int, frame: int, limit: int, chain: Iterable[Place]) -> None:
        """Another run has it now."""

    def key_of(self, run_id: str) -> int | None: ...

    def run(self, key: int) -> tuple[str, str] | None:
        """A run's id and status."""

    def post(self, run: int, kind: str, id: str, at: int, body: bytes) -> None:
        """As any letter is posted; to a run that is not open: nothing."""

    def take_back(self, run: int, id: str) -> None:
        """Delete a letter that nobody has read."""


def holders_against(table: SlotTable, takes: Sequence[Take]) -> tuple[str, list[str]] | None:
    """The key, and the ids of who holds it, because of which a new run with these wishes is rejected."""
    for number, take in enumerate(takes):
        if take.conflict != "reject":
            continue
        before = sum(earlier.key == take.key for earlier in takes[:number])
        if table.first_waiting(take.key) is not None or table.held(take.key) + before >= take.limit:
            return take.key, _ids(table, take.key)
    return None


def take_slots(table: SlotTable, run: int, takes: Sequence[Take], at: int) -> None:
    """Grant, queue or refuse wishes of a run."""
    found = table.run(run)
    if found is None or found[1] not in OPEN:
        return
    for take in takes:
        if table.at(run, take.frame) is None:
            _take(table, run, found[0], take, at)


def leave_slots(table: SlotTable, run: int, frames: Iterable[int], at: int) -> None:
    """Give slots back, held or waited for."""
    for frame in frames:
        slot = table.at(run, frame)
        if slot is not None:
            table.drop(slot)
            table.take_back(run, _letter(frame))
            _grant(table, slot.key, at)


def release_slots(table: SlotTable, run: int, at: int) -> None:
    """A run has ended: give back all it has."""
    slots = table.of_run(run)
    for slot in slots:
        table.drop(slot)
    for key in dict.fromkeys(slot.key for slot in slots):
        _grant(table, key, at)


def hand_on_slots(table: SlotTable, ended: int, successor: int, takes: Sequence[Take], at: int) -> list[Take]:
    """The successor gets the slots of the keys it wishes for, in their places; the wishes that are left over."""
    slots, left = table.of_run(ended), []
    for take in takes:
        slot = next((slot for slot in slots if slot.key == take.key), None)
        if slot is None or table.at(successor, take.frame) is not None:
            left.append(take)
            continue
        slots.remove(slot)
        table.move(slot, successor, take.frame, take.limit, _chain(table, take))
        if slot.granted:
            _tell(table, successor, take.frame, at)
        _grant(table, take.key, at)  # its limit may be another one
    return left


def _take(table: SlotTable, run: int, run_id: str, take: Take, at: int) -> None:
    if table.first_waiting(take.key) is None and table.held(take.key) < take.limit:
        table.add(take.key, run, take.frame, take.limit, None)
        _tell(table, run, take.frame, at)
        return
    chain = _chain(table, take)
    if take.conflict == "reject":
        _tell(table, run, take.frame, at, f"{take.key} is taken by {_listed(table, take.key)}")
        return
    if chain and _never_ends(table, take, chain):
        holders = _listed(table, take.key)
        reason = f"waiting for {take.key} would never end: {holders} cannot give it back before this run goes on"
        _tell(table, run, take.frame, at, reason)
        return
    table.add(take.key, run, take.frame, take.limit, chain)
    if take.conflict == "cancel_running":
        body = encode({"reason": f"{run_id} takes its place"})
        for before in dict.fromkeys(slot.run for slot in table.queue(take.key)):
            if before != run:
                table.post(before, "cancel", f"~slot/{run}/{take.frame}", at, body)


def _grant(table: SlotTable, key: str, at: int) -> None:
    while (first := table.first_waiting(key)) is not None and table.held(key) < first.limit:
        table.grant(first)
        _tell(table, first.run, first.frame, at)


def _tell(table: SlotTable, run: int, frame: int, at: int, refusal: str | None = None) -> None:
    body: dict[str, JSON] = {"frame": frame, "granted": refusal is None, "reason": refusal}
    table.post(run, "slot", _letter(frame), at, encode(body))


def _letter(frame: int) -> str:
    return f"~slot/{frame}"


def _chain(table: SlotTable, take: Take) -> list[Place]:
    keys = [(table.key_of(run_id), frame) for run_id, frame in take.chain]
    return list(dict.fromkeys((key, frame) for key, frame in keys if key is not None))


def _ids(table: SlotTable, key: str) -> list[str]:
    runs = (table.run(run) for run in dict.fromkeys(slot.run for slot in table.holders(key)))
    return [run[0] for run in runs if run is not None]


def _listed(table: SlotTable, key: str) -> str:
    ids = _ids(table, key)
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return ", ".join(ids[:NAMED]) + more


# -- waits that could never end


def _never_ends(table: SlotTable, take: Take, chain: Sequence[Place]) -> bool:
    """Whether a wish, put at the end of its queue, would wait for ever: let everything else go on as well as it can,
    and see whether the wish is granted then. Nothing is asked where nobody waits for what is held around it."""
    if not any(_is_wanted(table, take.key, place) for place in chain):
        return False
    waits = _Waits(table, take, frozenset(chain))
    return waits.remain()


def _is_wanted(table: SlotTable, key: str, place: Place) -> bool:
    slot = table.at(*place)
    return slot is not None and slot.granted and (slot.key == key or table.first_waiting(slot.key) is not None)


class _Waits:
    """The queues that a wish depends on, and what the holders in them wait for."""

    def __init__(self, table: SlotTable, take: Take, chain: frozenset[Place]) -> None:
        self._waiting: dict[str, list[Slot]] = {}
        """Key → who waits, first come first."""
        self._blocked: dict[str, list[set[int]]] = {}
        """Key → for each slot held, the places of the wishes that have to be granted before it is given back."""
        self._wish = Slot(-1, take.key, 0, take.frame, take.limit, False)
        unread = [take.key]
        while unread:
            key = unread.pop()
            if key in self._waiting:
                continue
            queue = table.queue(key)
            self._waiting[key] = [slot for slot in queue if not slot.granted]
            self._blocked[key] = []
            for slot in queue:
                if slot.granted:
                    through = table.through(slot.run, slot.frame)
                    unread += (wish.key for wish in through)
                    own = {self._wish.place} if (slot.run, slot.frame) in chain else set()
                    self._blocked[key].append({wish.place for wish in through} | own)
        self._waiting[take.key].append(self._wish)

    def remain(self) -> bool:
        """Whether the wish still waits when all who can have got their slots and given them back."""
        granted = True
        while granted:
            granted = False
            for key in self._waiting:
                for place in self._let_go(key):
                    if place == self._wish.place:
                        return False
                    granted = True
        return True

    def _let_go(self, key: str) -> list[int]:
        """The places in a queue that are granted once every holder that can has given its slot back."""
        waits = {wish.place for queue in self._waiting.values() for wish in queue}
        held = sum(not waits.isdisjoint(through) for through in self._blocked[key])
        queue, count = self._waiting[key], 0
        while count < len(queue) and held < queue[count].limit:
            count += 1
        self._waiting[key] = queue[count:]
        return [slot.place for slot in queue[:count]]
