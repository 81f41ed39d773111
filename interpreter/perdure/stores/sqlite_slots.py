"""The slots of the SQLite store: rows for the rules of `slots`, within an open transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from perdure.stores.slots import Place, Slot
from perdure.stores.sqlite_messages import post_to
from perdure.stores.sqlite_rows import SQL


class SQLiteSlots:
    """Implements `SlotTable`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def at(self, run: int, frame: int) -> Slot | None:
        return next(iter(self._slots("slot_at", run, frame)), None)

    def of_run(self, run: int) -> list[Slot]:
        return sorted(self._slots("slots_of_run", run), key=attrgetter("place"))

    def queue(self, key: str) -> list[Slot]:
        return sorted(self._slots("slots_of_key", key), key=attrgetter("place"))

    def holders(self, key: str) -> list[Slot]:
        return self._slots("holders", key)

    def held(self, key: str) -> int:
        count: int = self._one("count_held", key)[0]
        return count

    def first_waiting(self, key: str) -> Slot | None:
        return next(iter(self._slots("first_waiting", key)), None)

    def through(self, run: int, frame: int) -> list[Slot]:
        return self._slots("waiting_through", run, frame)

    def add(self, key: str, run: int, frame: int, limit: int, chain: Iterable[Place] | None) -> None:
        place = self._db.execute(SQL["add_slot"], (key, run, frame, limit, chain is None)).lastrowid
        assert place is not None
        self._keep_chain(place, chain or ())

    def grant(self, slot: Slot) -> None:
        self._db.execute(SQL["grant_slot"], (slot.place,))
        self._db.execute(SQL["drop_chain"], (slot.place,))

    def drop(self, slot: Slot) -> None:
        self._db.execute(SQL["drop_slot"], (slot.place,))
        self._db.execute(SQL["drop_chain"], (slot.place,))

    def move(self, slot: Slot, run: int, frame: int, limit: int, chain: Iterable[Place]) -> None:
        self._db.execute(SQL["move_slot"], (run, frame, limit, slot.place))
        self._db.execute(SQL["drop_chain"], (slot.place,))
        if not slot.granted:
            self._keep_chain(slot.place, chain)

    def key_of(self, run_id: str) -> int | None:
        found = self._one("key_of_run", run_id)
        return None if found is None else found[0]

    def run(self, key: int) -> tuple[str, str] | None:
        found = self._one("standing_of_run", key)
        return None if found is None else (found[0], found[1])

    def post(self, run: int, kind: str, id: str, at: int, body: bytes) -> None:
        post_to(self._db, run, kind, id, at, body)

    def take_back(self, run: int, id: str) -> None:
        self._db.execute(SQL["take_back_letter"], (run, id))

    def _keep_chain(self, place: int, chain: Iterable[Place]) -> None:
        self._db.executemany(SQL["keep_chain"], [(run, frame, place) for run, frame in chain])

    def _slots(self, name: str, *wanted: str | int) -> list[Slot]:
        return [_slot(row) for row in self._db.execute(SQL[name], wanted).fetchall()]

    def _one(self, name: str, *wanted: str | int) -> Any:
        return self._db.execute(SQL[name], wanted).fetchone()


def _slot(row: Sequence[Any]) -> Slot:
    place, key, run, frame, limit, granted = row
    return Slot(place, key, run, frame, limit, bool(granted))
