"""The tables of a memory store, and how letters get into them.

Knows nothing of handles or of waiting; what a commit does to the tables is in `memory_commit`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from perdure.stores.commits import ANSWERED, NewLetter
from perdure.stores.memory_slots import SlotRows
from perdure.stores.rows import (
    OPEN,
    AskRow,
    Letter,
    Occurrence,
    RunRow,
    ScheduleRow,
    TaskRow,
    UpdateRow,
    WorkerRow,
)

RESTING: Final = ("paused", "scheduled")
"""Statuses of runs that a patient letter does not wake."""


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
    updates_of: dict[int, set[tuple[str, str]]] = field(default_factory=dict)
    """Run → the updates that reached it."""
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
    newest_versions: dict[tuple[str, str], str] = field(default_factory=dict)
    """(workflow, version) → digest of the definition that was put last."""
    workers: dict[str, WorkerRow] = field(default_factory=dict)
    slots: SlotRows = field(default_factory=SlotRows)
    cache: dict[str, tuple[bytes, int | None]] = field(default_factory=dict)
    tasks: dict[int, tuple[int, TaskRow]] = field(default_factory=dict)
    """Key → run and task, oldest first; the run's id in the row may be an earlier one."""
    task_at: dict[tuple[int, int], int] = field(default_factory=dict)
    """(run, frame) → key of its task."""
    schedules: dict[str, ScheduleRow] = field(default_factory=dict)
    fired: dict[str, set[int]] = field(default_factory=dict)
    """Schedule → nominal times that count as fired."""
    occurrences: dict[int, Occurrence] = field(default_factory=dict)
    occurred: dict[str, set[str]] = field(default_factory=dict)
    """Schedule → ids of events that it has dealt with and that could come again."""
    patient: set[int] = field(default_factory=set)
    """Keys of letters that do not wake a run that rests; also of some that are read."""
    last_run: int = 0
    """The last key given to a run; so with the others."""
    last_task: int = 0
    last_occurrence: int = 0
    last_revision: int = 0
    """The largest revision of a schedule that was deleted."""
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
        if row is None or (letter.kind in ANSWERED and (letter.run_id, letter.id) in self.updates):
            return False
        if not self._put(row, letter):
            return False
        if letter.kind in ANSWERED:
            self.updates[letter.run_id, letter.id] = UpdateRow("waiting", None)
            self.updates_of.setdefault(row.key, set()).add((letter.run_id, letter.id))
            self.unsettled.setdefault(row.key, {})[letter.id] = letter.run_id
        return True

    def publish(self, event: str, body: bytes, id: str, at: int) -> int:
        """An event into the inbox of every open run that listens to it; how many it reached. Schedules collect it."""
        rows = [self.runs[run] for run in sorted(self.subscriptions.get(event, ())) if run in self.runs]
        letters = [NewLetter(row.id, "event", id, at, body, patient=True) for row in rows]
        reached = sum(self._put(row, letter) for row, letter in zip(rows, letters, strict=True) if row.status in OPEN)
        waiting = {(occurrence.schedule, occurrence.id) for occurrence in self.occurrences.values()}
        for schedule, listening in sorted(self.schedules.items()):
            if listening.event == event and (schedule, id) not in waiting and id not in self.occurred.get(schedule, ()):
                self.last_occurrence += 1
                self.occurrences[self.last_occurrence] = Occurrence(self.last_occurrence, schedule, id, at, body)
        return reached

    def _put(self, row: RunRow, letter: NewLetter) -> bool:
        box = self.inbox.setdefault(row.key, {})
        if letter.id in box or letter.id in self.received.get(row.key, ()):
            return False
        self.letters += 1
        box[letter.id] = Letter(self.letters, row.key, letter.kind, letter.id, letter.at, letter.body)
        if letter.patient:
            self.patient.add(self.letters)
        if row.owner is None and not (letter.patient and row.status in RESTING):
            at = letter.at
            self.runs[row.key] = replace(row, wake_at=at if row.wake_at is None else min(row.wake_at, at))
        return True
