"""Schedules of a memory store: what they come to, what they have fired.

Knows nothing of handles or of waiting.
"""

from __future__ import annotations

from dataclasses import replace

from perdure.stores.commits import Firing, StaleSchedule
from perdure.stores.memory_file import MemoryFile
from perdure.stores.rows import ScheduleRow


def refuse_firing(file: MemoryFile, firing: Firing) -> StaleSchedule | None:
    """Whether somebody else was faster."""
    row = file.schedules.get(firing.schedule)
    if row is None or row.revision != firing.revision:
        return StaleSchedule()
    if firing.nominal is not None and firing.nominal in file.fired.get(firing.schedule, ()):
        return StaleSchedule()
    if firing.occurrence is not None:
        occurrence = file.occurrences.get(firing.occurrence)
        if occurrence is None or occurrence.schedule != firing.schedule:
            return StaleSchedule()
    return None


def write_firing(file: MemoryFile, firing: Firing) -> None:
    """What a schedule becomes with the run that it starts."""
    row = file.schedules.get(firing.schedule)
    if row is not None:
        changed = replace(row, state=firing.state, next_at=firing.next_at, revision=row.revision + 1)
        file.schedules[firing.schedule] = changed
    if firing.nominal is not None:
        file.fired.setdefault(firing.schedule, set()).add(firing.nominal)
    if firing.occurrence is not None:
        settle_occurrence(file, firing.occurrence)


def put_schedule(
    file: MemoryFile,
    id: str,
    workflow: str,
    spec: bytes,
    state: bytes,
    next_at: int | None,
    event: str | None,
    expected: int | None,
) -> bool:
    """False where it has another revision than is expected."""
    before = file.schedules.get(id)
    if expected is not None and expected != (0 if before is None else before.revision):
        return False
    revision = 1 + (before.revision if before is not None else file.last_revision)
    file.schedules[id] = ScheduleRow(id, workflow, spec, state, next_at, event, revision)
    return True


def change_schedule(
    file: MemoryFile,
    id: str,
    revision: int,
    state: bytes,
    next_at: int | None,
    event: str | None,
    fired: int | None,
) -> bool:
    """False where it has another revision."""
    row = file.schedules.get(id)
    if row is None or row.revision != revision:
        return False
    file.schedules[id] = replace(row, state=state, next_at=next_at, event=event, revision=revision + 1)
    if fired is not None:
        file.fired.setdefault(id, set()).add(fired)
    return True


def delete_schedule(file: MemoryFile, id: str) -> bool:
    """With all that belongs to it; False where there is none."""
    row = file.schedules.pop(id, None)
    if row is not None:
        file.last_revision = max(file.last_revision, row.revision)
    file.fired.pop(id, None)
    file.occurred.pop(id, None)
    for key in [key for key, occurrence in file.occurrences.items() if occurrence.schedule == id]:
        del file.occurrences[key]
    return row is not None


def settle_occurrence(file: MemoryFile, key: int) -> bool:
    """An event is dealt with; False where it is gone."""
    occurrence = file.occurrences.pop(key, None)
    if occurrence is not None and not occurrence.id.startswith("~"):
        file.occurred.setdefault(occurrence.schedule, set()).add(occurrence.id)
    return occurrence is not None
