"""What a commit does to the tables of a memory store.

A commit is checked as a whole before anything is changed. Knows nothing of handles or of waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from perdure.errors import Fenced, StoreError
from perdure.stores.memory_file import UPDATE, MemoryFile, fits
from perdure.stores.store import Commit, NewRun, RunExists, RunRow, SequenceTaken, UpdateRow


def write_commit(file: MemoryFile, commit: Commit) -> int | StoreError:
    """One `Commit`; the run's key, or why it is refused. Nothing is changed by one that is refused."""
    refusal = _refusal(file, commit)
    if refusal is not None:
        return refusal
    run = _create(file, commit.run) if isinstance(commit.run, NewRun) else commit.run
    file.journal.setdefault(run, {}).update((seq, (at, event)) for seq, at, event in commit.events)
    _write_rows(file, run, commit)
    _write_messages(file, run, commit)
    if run in file.runs:
        file.runs[run] = _changed_run(file, file.runs[run], commit)
    if commit.closing is not None:
        if commit.successor is not None:
            _succeed(file, run, commit.successor, commit.successor_events)
        _end(file, run, commit.ended)
    for letter in commit.letters:
        file.post(letter)
    return run


def _refusal(file: MemoryFile, commit: Commit) -> StoreError | None:
    if commit.worker is not None and commit.worker not in file.workers:
        return Fenced()
    if commit.successor is not None and (refused := _refuse_successor(file, commit, commit.successor)):
        return refused
    new = commit.run if isinstance(commit.run, NewRun) else None
    if new is not None and new.owner is not None and new.owner not in file.workers:
        return Fenced()
    if new is not None and (row := file.find(new.id)) is not None:
        return RunExists(row)
    try:
        _check_types(commit)
    except StoreError as refusal:
        return refusal
    run = _next_key(file) if isinstance(commit.run, NewRun) else commit.run
    if _is_taken(file, run, commit.events):
        return SequenceTaken()
    successor = _next_key(file) + isinstance(commit.run, NewRun)
    if commit.successor is not None and _is_taken(file, successor, commit.successor_events):
        return SequenceTaken()
    return None


def _is_taken(file: MemoryFile, run: int, events: Sequence[tuple[int, int, bytes]]) -> bool:
    numbers = [seq for seq, _, _ in events]
    return len(set(numbers)) < len(numbers) or not file.journal.get(run, {}).keys().isdisjoint(numbers)


def _refuse_successor(file: MemoryFile, commit: Commit, successor: NewRun) -> StoreError | None:
    followed = commit.run if isinstance(commit.run, NewRun) else file.runs.get(commit.run)
    if commit.closing is None or followed is None or followed.id != successor.id:
        return StoreError(f"{successor.id} can only follow a run of the same id that ends with the same commit")
    if successor.owner is not None and successor.owner not in file.workers:
        return Fenced()
    return None


def _check_types(commit: Commit) -> None:
    for seq, at, event in (*commit.events, *(commit.successor_events if commit.successor else ())):
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
    for new in (commit.run, commit.successor):
        if isinstance(new, NewRun):
            _check_run(new)
    if isinstance(commit.run, int):
        fits(integers=(commit.run,))
    for letter in commit.letters:
        fits(texts=(letter.run_id, letter.kind, letter.id), integers=(letter.at,), blobs=(letter.body,))
    fits(texts=(*commit.replies, *commit.refused, *commit.accepted, *commit.listens))
    fits(blobs=(*commit.replies.values(), *commit.refused.values(), commit.ended))


def _check_run(new: NewRun) -> None:
    fits(texts=(new.id, new.workflow, new.version or "", new.digest, new.status, new.parent or ""))
    fits(texts=(*new.labels, *new.labels.values()), integers=(new.created_at, new.wake_at or 0))


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
        parent=new.parent,
    )
    return key


def _write_rows(file: MemoryFile, run: int, commit: Commit) -> None:
    """Rows beside the journal. What is opened and closed by the same commit ends up closed."""
    if commit.consumed:
        box = file.inbox.get(run, {})
        for letter in [letter for letter in box.values() if letter.key in commit.consumed]:
            del box[letter.id]
            if not letter.id.startswith("~"):
                file.received.setdefault(run, set()).add(letter.id)
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


def _write_messages(file: MemoryFile, run: int, commit: Commit) -> None:
    unsettled = file.unsettled.get(run, {})
    for id in commit.accepted:
        if id in unsettled:
            file.updates[unsettled[id], id] = UpdateRow("accepted", None)
    for status, bodies in (("refused", commit.refused), ("completed", commit.replies)):
        for id, body in bodies.items():
            if id in unsettled:
                file.updates[unsettled.pop(id), id] = UpdateRow(status, body)
    for event, wanted in commit.listens.items():
        runs, events = file.subscriptions.setdefault(event, set()), file.listening.setdefault(run, set())
        if wanted:
            runs.add(run)
            events.add(event)
        else:
            runs.discard(run)
            events.discard(event)


def _changed_run(file: MemoryFile, row: RunRow, commit: Commit) -> RunRow:
    if commit.status is not None:
        row = replace(row, status=commit.status, outcome=commit.note)
    if commit.recoveries is not None:
        row = replace(row, recoveries=commit.recoveries)
    if commit.release:
        row = _released(file, row, commit.wake_at)
    if commit.closing is not None:
        end = commit.closing
        row = replace(row, status=end.status, closed_at=end.at, outcome=end.outcome, owner=None, wake_at=None)
    return row


def _released(file: MemoryFile, row: RunRow, wake_at: int | None) -> RunRow:
    """Without an owner; a waiting letter brings the wake-up forward, so that none is lost."""
    moments = [letter.at for letter in file.inbox.get(row.key, {}).values()]
    if moments:
        wake_at = max(moments) if wake_at is None else min(wake_at, max(moments))
    return replace(row, owner=None, wake_at=wake_at)


def _succeed(file: MemoryFile, run: int, new: NewRun, events: Sequence[tuple[int, int, bytes]]) -> None:
    """Rename the run that has ended, create its successor, and hand on what waits."""
    ordinal = file.ordinals.get(run, 1)
    while f"{new.id}~{ordinal}" in file.keys:
        ordinal += 1
    file.runs[run] = replace(file.runs[run], id=f"{new.id}~{ordinal}")
    file.keys[f"{new.id}~{ordinal}"] = run
    successor = _create(file, new)
    file.ordinals[successor] = ordinal + 1
    file.journal.setdefault(successor, {}).update((seq, (at, event)) for seq, at, event in events)
    waiting = file.inbox.pop(run, {}).values()
    # An answer belongs to a question of the run that ended.
    file.inbox[run] = {letter.id: letter for letter in waiting if letter.kind == "answer"}
    file.inbox.setdefault(successor, {}).update(
        (letter.id, replace(letter, run=successor)) for letter in waiting if letter.kind != "answer"
    )
    _hand_on_updates(file, run, successor)
    if new.owner is None:
        file.runs[successor] = _released(file, file.runs[successor], new.wake_at)


def _hand_on_updates(file: MemoryFile, run: int, successor: int) -> None:
    """Those that wait as letters, which the successor has by now."""
    box = file.inbox[successor]
    for id, run_id in tuple(file.unsettled.get(run, {}).items()):
        if id in box and box[id].kind == UPDATE and file.updates[run_id, id].status == "waiting":
            file.unsettled.setdefault(successor, {})[id] = file.unsettled[run].pop(id)


def _end(file: MemoryFile, run: int, reply: bytes) -> None:
    """Clear what only an open run needs."""
    file.snapshots.pop(run, None)
    file.heartbeats.pop(run, None)
    for key in [key for key in file.asks if key[0] == run]:
        del file.asks[key]
    for event in file.listening.pop(run, ()):
        file.subscriptions[event].discard(run)
    box = file.inbox.get(run, {})
    for letter in [letter for letter in box.values() if letter.kind == UPDATE]:
        del box[letter.id]
    for id, run_id in file.unsettled.pop(run, {}).items():
        file.updates[run_id, id] = UpdateRow("refused", reply)
