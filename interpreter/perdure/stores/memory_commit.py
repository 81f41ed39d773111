"""What a commit does to the tables of a memory store.

A commit is checked as a whole before anything is changed. Knows nothing of handles or of waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from perdure.errors import Fenced, StoreError
from perdure.stores.commits import ANSWERED, Commit, NewRun, ParentEnded, RunExists, SequenceTaken, SlotTaken
from perdure.stores.memory_file import RESTING, MemoryFile
from perdure.stores.memory_schedules import refuse_firing, write_firing
from perdure.stores.memory_slots import MemorySlots
from perdure.stores.memory_tasks import drop_tasks, end_tasks, write_tasks
from perdure.stores.memory_types import check_types
from perdure.stores.rows import OPEN, RunRow, UpdateRow
from perdure.stores.slots import hand_on_slots, holders_against, leave_slots, release_slots, take_slots

_OF_FRAMES: Final = ("answer", "slot", "task")
"""Letters that belong to a frame of the run they reached, and mean nothing to its successor."""


def write_commit(file: MemoryFile, commit: Commit) -> int | StoreError:
    """One `Commit`; the run's key, or why it is refused. Nothing is changed by one that is refused."""
    refusal = _refusal(file, commit)
    if refusal is not None:
        return refusal
    run = _create(file, commit.run) if isinstance(commit.run, NewRun) else commit.run
    file.journal.setdefault(run, {}).update((seq, (at, event)) for seq, at, event in commit.events)
    _write_rows(file, run, commit)
    _write_messages(file, run, commit)
    leave_slots(MemorySlots(file), run, commit.leaves, commit.moment)
    take_slots(MemorySlots(file), run, commit.takes, commit.moment)
    write_tasks(file, run, commit)
    if run in file.runs:
        file.runs[run] = _changed_run(file, file.runs[run], commit)
    if commit.closing is not None:
        successor = None if commit.successor is None else _succeed(file, run, commit, commit.successor)
        _give_back(file, run, commit, successor)
        _end(file, run, commit.ended)
    for letter in commit.letters:
        file.post(letter)
    return run


def _refusal(file: MemoryFile, commit: Commit) -> StoreError | None:
    if commit.worker is not None and commit.worker not in file.workers:
        return Fenced()
    if commit.is_for_owner and isinstance(commit.run, int) and _owner(file, commit.run) != commit.worker:
        return SequenceTaken()
    if commit.successor is not None and (refused := _refuse_successor(file, commit, commit.successor)):
        return refused
    new = commit.run if isinstance(commit.run, NewRun) else None
    if new is not None and (refused := _refuse_new(file, commit, new)):
        return refused
    try:
        check_types(commit)
    except StoreError as refusal:
        return refusal
    run = file.last_run + 1 if isinstance(commit.run, NewRun) else commit.run
    if _is_taken(file, run, commit.events):
        return SequenceTaken()
    successor = file.last_run + 1 + isinstance(commit.run, NewRun)
    if commit.successor is not None and _is_taken(file, successor, commit.successor_events):
        return SequenceTaken()
    return None


def _owner(file: MemoryFile, run: int) -> str | None:
    row = file.runs.get(run)
    return None if row is None else row.owner


def _refuse_new(file: MemoryFile, commit: Commit, new: NewRun) -> StoreError | None:
    if new.owner is not None and new.owner not in file.workers:
        return Fenced()
    if commit.firing is not None and (refusal := refuse_firing(file, commit.firing)):
        return refusal
    row = file.find(new.id)
    if row is not None and (row.key != new.replaces or row.status in OPEN):
        return RunExists(row)
    if new.attached and new.parent is not None:
        parent = file.find(new.parent)
        if parent is None or parent.status not in OPEN:
            return ParentEnded()
    taken = holders_against(MemorySlots(file), commit.takes)
    return SlotTaken(*taken) if taken else None


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


def _create(file: MemoryFile, new: NewRun) -> int:
    key = file.last_run = file.last_run + 1
    if new.replaces is not None:
        _make_way(file, new.replaces, new, key)
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


def _make_way(file: MemoryFile, ended: int, new: NewRun, successor: int) -> None:
    """Rename the ended run whose id a new one gets."""
    id = new.id
    if ended not in file.runs or file.runs[ended].id != id:
        return  # it is gone, and its id is free
    ordinal = file.ordinals.get(ended, 1)
    while f"{id}~{ordinal}" in file.keys:
        ordinal += 1
    file.runs[ended] = replace(file.runs[ended], id=f"{id}~{ordinal}")
    file.keys[f"{id}~{ordinal}"] = ended
    file.ordinals[successor] = ordinal + 1
    if new.apart:
        _rename_updates(file, id, f"{id}~{ordinal}")


def _rename_updates(file: MemoryFile, id: str, renamed: str) -> None:
    """Updates of runs that had an id are known by the id that the last of them has from now on."""
    for update in [update for update in file.updates if update[0] == id]:
        file.updates[renamed, update[1]] = file.updates.pop(update)
    for updates in file.updates_of.values():
        for update in [update for update in updates if update[0] == id]:
            updates.remove(update)
            updates.add((renamed, update[1]))


def _write_rows(file: MemoryFile, run: int, commit: Commit) -> None:
    """Rows beside the journal. What is opened and closed by the same commit ends up closed."""
    if commit.consumed:
        box = file.inbox.get(run, {})
        for letter in [letter for letter in box.values() if letter.key in commit.consumed]:
            del box[letter.id]
            if not letter.id.startswith("~"):
                file.received.setdefault(run, set()).add(letter.id)
    remembered = [id for id in commit.received if not id.startswith("~")]
    if remembered:
        file.received.setdefault(run, set()).update(remembered)
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
    file.cache.update(commit.cached)
    if commit.firing is not None:
        write_firing(file, commit.firing)


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
    if commit.moved is not None:
        digest, version = commit.moved
        row = replace(row, digest=digest, version=version)
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
    """Without an owner; a waiting letter brings the wake-up forward, so that none is lost; not a patient one while the
    run rests."""
    patient = file.patient if row.status in RESTING else ()
    moments = [letter.at for letter in file.inbox.get(row.key, {}).values() if letter.key not in patient]
    if moments:
        wake_at = max(moments) if wake_at is None else min(wake_at, max(moments))
    return replace(row, owner=None, wake_at=wake_at)


def _succeed(file: MemoryFile, run: int, commit: Commit, new: NewRun) -> int:
    """Rename the run that has ended, create its successor, and hand on what waits."""
    successor = _create(file, replace(new, replaces=run))
    events = commit.successor_events
    file.journal.setdefault(successor, {}).update((seq, (at, event)) for seq, at, event in events)
    file.received[successor] = file.received.setdefault(run, set())  # one set: what one has read, both have
    waiting = file.inbox.pop(run, {}).values()
    file.inbox[run] = {letter.id: letter for letter in waiting if letter.kind in _OF_FRAMES}
    file.inbox.setdefault(successor, {}).update(
        (letter.id, replace(letter, run=successor)) for letter in waiting if letter.kind not in _OF_FRAMES
    )
    _hand_on_updates(file, run, successor)
    if new.owner is None:
        file.runs[successor] = _released(file, file.runs[successor], new.wake_at)
    return successor


def _give_back(file: MemoryFile, run: int, commit: Commit, successor: int | None) -> None:
    """The slots and tasks of a run that has ended; its successor comes first."""
    table, takes = MemorySlots(file), commit.successor_takes
    if successor is not None:
        takes = hand_on_slots(table, run, successor, takes, commit.moment)
    release_slots(table, run, commit.moment)
    end_tasks(file, run)
    if successor is not None:
        take_slots(table, successor, takes, commit.moment)


def _hand_on_updates(file: MemoryFile, run: int, successor: int) -> None:
    """Those that wait as letters, which the successor has by now."""
    box = file.inbox[successor]
    for id, run_id in tuple(file.unsettled.get(run, {}).items()):
        if id in box and box[id].kind in ANSWERED and file.updates[run_id, id].status == "waiting":
            file.unsettled.setdefault(successor, {})[id] = file.unsettled[run].pop(id)
            file.updates_of[run].remove((run_id, id))
            file.updates_of.setdefault(successor, set()).add((run_id, id))


def _end(file: MemoryFile, run: int, reply: bytes) -> None:
    """Clear what only an open run needs."""
    file.snapshots.pop(run, None)
    file.heartbeats.pop(run, None)
    for key in [key for key in file.asks if key[0] == run]:
        del file.asks[key]
    for event in file.listening.pop(run, ()):
        file.subscriptions[event].discard(run)
    box = file.inbox.get(run, {})
    for letter in [letter for letter in box.values() if letter.kind in (*ANSWERED, "slot")]:
        del box[letter.id]
    for id, run_id in file.unsettled.pop(run, {}).items():
        file.updates[run_id, id] = UpdateRow("refused", reply)


def delete(file: MemoryFile, run: int) -> bool:
    """An ended run and everything of it; False where it is open or gone."""
    row = file.runs.get(run)
    if row is None or row.status in OPEN:
        return False
    release_slots(MemorySlots(file), run, 0)  # none, but of one that was made to look ended
    _end(file, run, b"null")
    drop_tasks(file, run)
    for update in file.updates_of.pop(run, ()):
        del file.updates[update]
    for table in (file.journal, file.inbox, file.received, file.ordinals):
        table.pop(run, None)
    del file.keys[row.id], file.runs[run]
    return True
