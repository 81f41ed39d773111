"""Tasks of a memory store: created by runs, taken and finished by workers.

Knows nothing of handles or of waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from perdure.stores.commits import Commit
from perdure.stores.memory_file import MemoryFile
from perdure.stores.memory_slots import MemorySlots
from perdure.stores.rows import OPEN, TaskRow
from perdure.values import JSON, encode


def write_tasks(file: MemoryFile, run: int, commit: Commit) -> None:
    """What a commit wants of others, and what no longer."""
    for frame in commit.tasks_cancelled:
        key = file.task_at.get((run, frame))
        if key is None:
            continue
        if file.tasks[key][1].worker is None:
            _drop(file, key)
            _tell(file, run, frame, {"cancelled": True}, commit.moment)
        else:
            _mark(file, key)
    if run in file.runs and file.runs[run].status in OPEN:
        for task in commit.tasks:
            if (run, task.frame) not in file.task_at:
                file.last_task += 1
                file.task_at[run, task.frame] = file.last_task
                row = TaskRow(file.last_task, "", task.frame, task.queue, task.priority, task.body, None, False)
                file.tasks[file.last_task] = run, row


def end_tasks(file: MemoryFile, run: int) -> None:
    """A run has ended: nobody needs its tasks."""
    for key in _of_run(file, run):
        if file.tasks[key][1].worker is None:
            _drop(file, key)
        else:
            _mark(file, key)


def drop_tasks(file: MemoryFile, run: int) -> None:
    """A run is deleted, and its tasks with it, also those that somebody has taken."""
    for key in _of_run(file, run):
        _drop(file, key)


def take_tasks(file: MemoryFile, worker: str, queues: Mapping[str, int]) -> list[TaskRow]:
    """Up to so many of each queue, `*` standing for all, the most urgent first."""
    taken: list[TaskRow] = []
    for queue, limit in queues.items():
        free = [task for _, task in file.tasks.values() if task.worker is None and queue in ("*", task.queue)]
        free.sort(key=_urgency)
        for task in free[: max(limit, 0)]:
            run = file.tasks[task.key][0]
            file.tasks[task.key] = run, replace(task, worker=worker)
            taken.append(_seen(file, task.key))
    return sorted(taken, key=_urgency)


def tasks_of(file: MemoryFile, worker: str) -> list[TaskRow]:
    return [_seen(file, key) for key, (_, task) in sorted(file.tasks.items()) if task.worker == worker]


def finish_task(file: MemoryFile, worker: str, key: int, body: bytes, at: int) -> bool:
    """Delete a task and post what came of it; False where it is not the worker's."""
    if key not in file.tasks or file.tasks[key][1].worker != worker:
        return False
    run, task = file.tasks[key]
    _drop(file, key)
    MemorySlots(file).post(run, "task", f"~task/{task.frame}", at, body)
    return True


def lose_tasks(file: MemoryFile, worker: str, at: int) -> None:
    """A worker is gone: its tasks end, and their runs are told."""
    for task in tasks_of(file, worker):
        run = file.tasks[task.key][0]
        _drop(file, task.key)
        _tell(file, run, task.frame, {"lost": True}, at)


def _of_run(file: MemoryFile, run: int) -> list[int]:
    return [key for key, (owner, _) in file.tasks.items() if owner == run]


def _drop(file: MemoryFile, key: int) -> None:
    run, task = file.tasks.pop(key)
    del file.task_at[run, task.frame]


def _mark(file: MemoryFile, key: int) -> None:
    run, task = file.tasks[key]
    file.tasks[key] = run, replace(task, cancelled=True)


def _seen(file: MemoryFile, key: int) -> TaskRow:
    run, task = file.tasks[key]
    return replace(task, run_id=file.runs[run].id)


def _tell(file: MemoryFile, run: int, frame: int, what: dict[str, JSON], at: int) -> None:
    body = encode({"frame": frame, **what})
    MemorySlots(file).post(run, "task", f"~task/{frame}", at, body)


def _urgency(task: TaskRow) -> tuple[int, int]:
    return -task.priority, task.key
