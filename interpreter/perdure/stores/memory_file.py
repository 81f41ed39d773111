"""The tables of a memory store, and how letters get into them.

Knows nothing of handles or of waiting; what a commit does to the tables is in `memory_commit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from perdure.errors import StoreError
from perdure.stores.store import OPEN, AskRow, Letter, NewLetter, RunRow, UpdateRow, WorkerRow

UPDATE: Final = "update"
"""The kind of letter that has a row beside it which says how it stands."""


@dataclass(slots=True)
class MemoryFile:
    """What a file would hold. Its fields are the tables; tests may look at them, only stores change them."""

    runs: dict[int, RunRow] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    ordinals: dict[int, int] = field(default_factory=dict)
    """Run → which of the runs under its id it is, where it is not the first."""
    journal: dict[int, dict[int, tuple[int, bytes]]] = field(default_factory=dict)
    """Run → seq → (at, event)."""
    snapshots: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    inbox: dict[int, dict[str, Letter]] = field(default_factory=dict)
    """Run → letter's id → letter, oldest first."""
    received: dict[int, set[str]] = field(default_factory=dict)
    """Run → ids of letters that were read and could come again."""
    updates: dict[tuple[str, str], UpdateRow] = field(default_factory=dict)
    """(run's id, update's id) → update."""
    unsettled: dict[int, dict[str, str]] = field(default_factory=dict)
    """Run → ids of updates that are waiting or accepted → the run's id they were posted to."""
    subscriptions: dict[str, set[int]] = field(default_factory=dict)
    """Event → runs that wait for it."""
    listening: dict[int, set[str]] = field(default_factory=dict)
    """The same the other way round: run → events it waits for."""
    asks: dict[tuple[int, int], AskRow] = field(default_factory=dict)
    heartbeats: dict[int, dict[int, bytes]] = field(default_factory=dict)
    definitions: dict[str, bytes] = field(default_factory=dict)
    newest: dict[str, str] = field(default_factory=dict)
    """Workflow → digest of the definition that was put last."""
    workers: dict[str, WorkerRow] = field(default_factory=dict)
    letters: int = 0
    """The last key given to a letter."""
    changes: int = 0
    """Counts what was written, for `stamp`."""

    def find(self, run_id: str) -> RunRow | None:
        return self.runs.get(self.keys.get(run_id, 0))

    def find_open(self, run_id: str) -> RunRow | None:
        row = self.find(run_id)
        return row if row is not None and row.status in OPEN else None

    def post(self, letter: NewLetter) -> bool:
        """A letter into an inbox; False where the run is not open, or the letter is or was there already."""
        row = self.find_open(letter.run_id)
        if row is None or (letter.kind == UPDATE and (letter.run_id, letter.id) in self.updates):
            return False
        if not self._put(row, letter.kind, letter.id, letter.at, letter.body):
            return False
        if letter.kind == UPDATE:
            self.updates[letter.run_id, letter.id] = UpdateRow("waiting", None)
            self.unsettled.setdefault(row.key, {})[letter.id] = letter.run_id
        return True

    def publish(self, event: str, body: bytes, letter: str, at: int) -> int:
        """An event into the inbox of every open run that listens to it; how many it reached."""
        rows = [self.runs[run] for run in sorted(self.subscriptions.get(event, ())) if run in self.runs]
        return sum(self._put(row, "event", letter, at, body) for row in rows if row.status in OPEN)

    def _put(self, row: RunRow, kind: str, letter: str, at: int, body: bytes) -> bool:
        box = self.inbox.setdefault(row.key, {})
        if letter in box or letter in self.received.get(row.key, ()):
            return False
        self.letters += 1
        box[letter] = Letter(self.letters, row.key, kind, letter, at, body)
        if row.owner is None:
            self.runs[row.key] = replace(row, wake_at=at if row.wake_at is None else min(row.wake_at, at))
        return True


def fits(*, texts: Sequence[object] = (), integers: Sequence[object] = (), blobs: Sequence[object] = ()) -> None:
    """Raise StoreError for what a database could not keep either: foreign types, integers beyond 64 bits."""
    for kind, values in ((str, texts), (int, integers), (bytes, blobs)):
        for value in values:
            if not isinstance(value, kind):
                raise StoreError(f"the store cannot keep this: {value!r} where a {kind.__name__} belongs")
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                raise StoreError(f"the store cannot keep this: {value} has more than 64 bits")
