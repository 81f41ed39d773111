"""The tables of a memory store, and what a commit does to them.

Knows nothing of handles or of waiting; a commit is checked as a whole before anything is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from perdure.errors import Fenced, StoreError
from perdure.stores.store import AskRow, Commit, Letter, NewRun, RunExists, RunRow, SequenceTaken, WorkerRow


@dataclass(slots=True)
class MemoryFile:
    """What a file would hold. Its fields are the tables; tests may look at them, only stores change them."""

    runs: dict[int, RunRow] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    journal: dict[int, dict[int, tuple[int, bytes]]] = field(default_factory=dict)
    """Run → seq → (at, event)."""
    snapshots: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    inbox: dict[int, dict[str, Letter]] = field(default_factory=dict)
    """Run → letter's id → letter, oldest first."""
    asks: dict[tuple[int, int], AskRow] = field(default_factory=dict)
    heartbeats: dict[int, dict[int, bytes]] = field(default_factory=dict)
    definitions: dict[str, bytes] = field(default_factory=dict)
    workers: dict[str, WorkerRow] = field(default_factory=dict)
    letters: int = 0
    """The last key given to a letter."""
    changes: int = 0
    """Counts what was written, for `stamp`."""

    def find(self, run_id: str) -> RunRow | None:
        return self.runs.get(self.keys.get(run_id, 0))

    def post(self, run: int, kind: str, body: bytes, letter: str, at: int) -> bool:
        """Put a letter into an inbox and bring the run's wake-up forward; False where its id is waiting."""
        box = self.inbox.setdefault(run, {})
        if letter in box:
            return False
        self.letters += 1
        box[letter] = Letter(self.letters, run, kind, letter, at, body)
        row = self.runs[run]
        if row.owner is None:
            self.runs[run] = replace(row, wake_at=at if row.wake_at is None else min(row.wake_at, at))
        return True


def write_commit(file: MemoryFile, commit: Commit) -> int | StoreError:
    """One `Commit`; the run's key, or why it is refused. Nothing is changed by one that is refused."""
    refusal = _refusal(file, commit)
    if refusal is not None:
        return refusal
    if isinstance(commit.run, NewRun):
        run = _create(file, commit.run)
    else:
        run = commit.run
    file.journal.setdefault(run, {}).update((seq, (at, event)) for seq, at, event in commit.events)
    _write_rows(file, run, commit)
    if run in file.runs:
        file.runs[run] = _changed_run(file, file.runs[run], commit)
    if commit.closing is not None:
        file.snapshots.pop(run, None)
        file.heartbeats.pop(run, None)
        for key in [key for key in file.asks if key[0] == run]:
            del file.asks[key]
    return run


def fits(*, texts: Sequence[object] = (), integers: Sequence[object] = (), blobs: Sequence[object] = ()) -> None:
    """Raise StoreError for what a database could not keep either: foreign types, integers beyond 64 bits."""
    for kind, values in ((str, texts), (int, integers), (bytes, blobs)):
        for value in values:
            if not isinstance(value, kind):
                raise StoreError(f"the store cannot keep this: {value!r} where a {kind.__name__} belongs")
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                raise StoreError(f"the store cannot keep this: {value} has more than 64 bits")


def _refusal(file: MemoryFile, commit: Commit) -> StoreError | None:
    new = commit.run if isinstance(commit.run, NewRun) else None
    for worker in (commit.worker, new.owner if new else None):
        if worker is not None and worker not in file.workers:
            return Fenced()
    if new is not None and (row := file.find(new.id)) is not None:
        return RunExists(row)
    try:
        _check_types(commit)
    except StoreError as refusal:
        return refusal
    run = _next_key(file) if isinstance(commit.run, NewRun) else commit.run
    taken = file.journal.get(run, {})
    numbers = [seq for seq, _, _ in commit.events]
    if len(set(numbers)) < len(numbers) or not taken.keys().isdisjoint(numbers):
        return SequenceTaken()
    return None


def _check_types(commit: Commit) -> None:
    for seq, at, event in commit.events:
        fits(integers=(seq, at), blobs=(event,))
    for ask in commit.asks_opened:
        fits(texts=(ask.address,), integers=(ask.frame, ask.opened_at, ask.due or 0), blobs=(ask.body,))
    fits(integers=(*commit.consumed, *commit.asks_closed, *commit.heartbeats_dropped))
    fits(integers=tuple(commit.heartbeats), blobs=tuple(commit.heartbeats.values()))
    if commit.snapshot is not None:
        fits(integers=commit.snapshot[:1], blobs=commit.snapshot[1:])
    fits(
        texts=(commit.status or "",),
        blobs=(commit.note or b"",),
        integers=(commit.wake_at or 0, commit.recoveries or 0),
    )
    if commit.closing is not None:
        fits(texts=(commit.closing.status,), integers=(commit.closing.at,), blobs=(commit.closing.outcome,))
    if isinstance(commit.run, NewRun):
        new = commit.run
        fits(texts=(new.id, new.workflow, new.version or "", new.digest, new.status, *new.labels.values()))
        fits(texts=tuple(new.labels), integers=(new.created_at, new.wake_at or 0))
    else:
        fits(integers=(commit.run,))


def _next_key(file: MemoryFile) -> int:
    return len(file.runs) + 1  # runs are never deleted


def _create(file: MemoryFile, new: NewRun) -> int:
    key = _next_key(file)
    file.keys[new.id] = key
    file.runs[key] = RunRow(
        key=key,
        id=new.id,
        workflow=new.workflow,
        version=new.version,
        digest=new.digest,
        status=new.status,
        created_at=new.created_at,
        closed_at=None,
        labels=dict(new.labels),
        wake_at=new.wake_at,
        owner=new.owner,
        recoveries=0,
        outcome=None,
    )
    return key


def _write_rows(file: MemoryFile, run: int, commit: Commit) -> None:
    """Rows beside the journal. What is opened and closed by the same commit ends up closed."""
    if commit.consumed:
        box = file.inbox.get(run, {})
        for letter in [letter for letter in box.values() if letter.key in commit.consumed]:
            del box[letter.id]
    for ask in commit.asks_opened:
        file.asks[run, ask.frame] = replace(ask, run=run)
    for frame in commit.asks_closed:
        file.asks.pop((run, frame), None)
    if commit.heartbeats:
        file.heartbeats.setdefault(run, {}).update(commit.heartbeats)
    for frame in commit.heartbeats_dropped:
        file.heartbeats.get(run, {}).pop(frame, None)
    if commit.snapshot is not None:
        file.snapshots[run] = commit.snapshot


def _changed_run(file: MemoryFile, row: RunRow, commit: Commit) -> RunRow:
    if commit.status is not None:
        row = replace(row, status=commit.status, outcome=commit.note)
    if commit.recoveries is not None:
        row = replace(row, recoveries=commit.recoveries)
    if commit.release:
        moments = [letter.at for letter in file.inbox.get(row.key, {}).values()]
        wake_at = commit.wake_at
        if moments:
            wake_at = max(moments) if wake_at is None else min(wake_at, max(moments))
        row = replace(row, owner=None, wake_at=wake_at)
    if commit.closing is not None:
        end = commit.closing
        row = replace(row, status=end.status, closed_at=end.at, outcome=end.outcome, owner=None, wake_at=None)
    return row
