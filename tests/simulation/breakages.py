"""Ways to break an engine or a store, one promise at a time; `sabotage` says which are tried, and where they show.

Each takes what is there and gives what is to stand in its place. They know the engine from the inside, as nothing else
in these tests.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from perdure.core import machine
from perdure.core.commands import StartActivity
from perdure.core.events import AttemptLost, PauseRequested
from perdure.errors import Fenced
from perdure.stores import memory_tasks
from perdure.stores.memory import MemoryStore

Break = Callable[[ExitStack], None]


def instead(target: Any, name: str, make: Callable[[Any], Any]) -> Break:
    """Put what `make` makes of the original in its place."""
    return lambda stack: stack.enter_context(patch.object(target, name, make(getattr(target, name))))


def together(*breaks: Break) -> Break:
    def spoil(stack: ExitStack) -> None:
        for one in breaks:
            one(stack)

    return spoil


def always(replacement: Any) -> Callable[[Any], Any]:
    """Whatever the original was."""
    return lambda original: replacement


def nothing(original: Any) -> Any:
    return lambda *given, **named: None


# -- ownership


def unfenced(original: Any) -> Any:
    def refusal(file: Any, commit: Any) -> Any:
        found = original(file, commit)
        if not isinstance(found, Fenced):
            return found
        return original(file, replace(commit, worker=None))

    return refusal


def unburied(original: Any) -> Any:
    async def bury(self: Any, worker_id: str, at: int, *, died: bool = True) -> Any:
        owned = [key for key, row in self.file.runs.items() if row.owner == worker_id]
        found = await original(self, worker_id, at, died=died)
        for key in owned[:1]:
            self.file.runs[key] = replace(self.file.runs[key], owner=worker_id)
        return found

    return bury


def as_told(original: Any) -> Any:
    async def landed(self: Any, commit: Any, answer: Any) -> Any:
        return answer

    return landed


def claimed_twice(original: Any) -> Any:
    async def claim(self: Any, worker_id: str, now: int, limit: int, **named: Any) -> Any:
        found = await original(self, worker_id, now, limit, **named)
        taken = [row for row in self.file.runs.values() if row.owner not in (None, worker_id) and not row.closed_at]
        for row in taken:
            self.file.runs[row.key] = replace(row, owner=worker_id)
        return found + [self.file.runs[row.key] for row in taken]

    return claim


# -- attempts


def nobody_lost(original: Any) -> Any:
    return lambda state, now: [event for event in original(state, now) if not isinstance(event, AttemptLost)]


def never_committed(original: Any) -> Any:
    return lambda self, run, command: original(self, run, replace(command, committed=False))


def other_key(original: Any) -> Any:
    def start(self: Any, turn: Any, retry: Any) -> Any:
        command = original(self, turn, retry)
        return replace(command, key=f"{command.key}.{self.attempt}")

    return start


def too_early(original: Any) -> Any:
    def note(self: Any, run: Any) -> None:
        commands = [command for command in run.decided.commands if isinstance(command, StartActivity)]
        run.decided.commands = [one for one in run.decided.commands if not isinstance(one, StartActivity)]
        original(self, run)
        self._dispatch.carry_out(run, commands)

    return note


def kept_by_nobody(original: Any) -> Any:
    def take_tasks(file: Any, worker: str, queues: Any) -> Any:
        before = dict(file.tasks)
        found = original(file, worker, queues)
        if len(file.workers) > 1:
            file.tasks.update({key: task for key, task in before.items() if key in file.tasks})
        return found

    return take_tasks


def handed_on(file: Any, worker: str, at: int) -> None:
    for task in memory_tasks.tasks_of(file, worker):
        run, row = file.tasks[task.key]
        file.tasks[task.key] = run, replace(row, worker=None)


def other_result(original: Any) -> Any:
    def advance(self: Any, run: Any, event: Any) -> None:
        result = getattr(event, "result", None)
        original(self, run, replace(event, result={**result, "n": 9}) if isinstance(result, dict) else event)

    return advance


# -- letters and messages


def unread(original: Any) -> Any:
    return lambda file, run, commit: original(file, run, replace(commit, consumed=()))


def forgetful(original: Any) -> Any:
    def write_rows(file: Any, run: int, commit: Any) -> None:
        original(file, run, commit)
        file.received.get(run, set()).clear()

    return write_rows


def read_once_and_for_all(original: Any) -> Any:
    async def letters(self: Any, *given: Any, **named: Any) -> Any:
        found = await original(self, *given, **named)
        for letter in found:
            self.file.inbox[letter.run].pop(letter.id, None)
        return found

    return letters


def swallowed(*kinds: str) -> Break:
    """Acknowledged, and not kept."""

    def make(original: Any) -> Any:
        async def post(self: Any, run_id: str, kind: str, body: bytes, **named: Any) -> Any:
            return self.file.find(run_id) if kind in kinds else await original(self, run_id, kind, body, **named)

        return post

    return instead(MemoryStore, "post", make)


def answered_in_vain(original: Any) -> Any:
    async def answer(self: Any, run_id: str, frame: int, body: bytes, **named: Any) -> Any:
        kept = await original(self, run_id, frame, body, **named)
        if kept:
            self.file.inbox[self.file.keys[run_id]].pop(named["id"])
        return kept

    return answer


def updates_unread(original: Any) -> Any:
    def write_rows(file: Any, run: int, commit: Any) -> None:
        kept = {letter.id: letter for letter in file.inbox.get(run, {}).values() if letter.kind == "update"}
        original(file, run, commit)
        file.inbox.setdefault(run, {}).update(kept)

    return write_rows


def asleep(original: Any) -> Any:
    def put(self: Any, row: Any, letter: Any) -> Any:
        wake_at = row.wake_at
        kept = original(self, row, letter)
        self.runs[row.key] = replace(self.runs[row.key], wake_at=wake_at)
        return kept

    return put


def unwakeable(file: Any, row: Any, wake_at: int | None) -> Any:
    return replace(row, owner=None, wake_at=wake_at)


def of_its_own(original: Any) -> Any:
    return lambda self, run, errand: original(self, run, replace(errand, id=uuid4().hex))


def childless(original: Any) -> Any:
    return lambda *given: [letter for letter in original(*given) if letter.kind != "child"]


def orphaned(original: Any) -> Any:
    return lambda *given: [letter for letter in original(*given) if letter.kind == "child"]


def without(*kinds: type) -> Callable[[Any], Any]:
    """Of what is outstanding after a crash."""
    return lambda original: lambda *given: [one for one in original(*given) if not isinstance(one, kinds)]


def disinherited(original: Any) -> Any:
    def succeed(file: Any, run: int, commit: Any, new: Any) -> int:
        successor = original(file, run, commit, new)
        file.inbox[successor].clear()
        return successor

    return succeed


def some_deaf(original: Any) -> Any:
    def publish(self: Any, event: str, body: bytes, id: str, at: int) -> Any:
        kept = self.subscriptions.get(event, set())
        self.subscriptions[event] = set(sorted(kept)[1:])
        try:
            return original(self, event, body, id, at)
        finally:
            self.subscriptions[event] = kept

    return publish


# -- slots, caches, schedules, snapshots


def one_more(original: Any) -> Any:
    return lambda self, key: max(original(self, key) - 1, 0)


def for_ever(original: Any) -> Any:
    async def cached(self: Any, key: str, now: int) -> Any:
        return self.file.cache.get(key, (None, None))[0]

    return cached


def stale(original: Any) -> Any:
    def keep(self: Any, commit: Any, soon: int, park: bool) -> None:
        original(self, commit, soon, park)
        if commit.snapshot is not None:
            commit.snapshot = (commit.snapshot[0] - 1, commit.snapshot[1])

    return keep


def ahead(original: Any) -> Any:
    def keep(self: Any, commit: Any, soon: int, park: bool) -> None:
        original(self, commit, soon, park)
        if commit.snapshot is not None:
            commit.snapshot = (commit.snapshot[0] + 1, commit.snapshot[1])

    return keep


def oldest_first(self: Any, turn: Any) -> None:
    for index, entry in enumerate(turn.state.undos):
        if entry.order > self.after and (self.boundary == 0 or self.boundary in entry.within):
            del turn.state.undos[index]
            self._run(turn, entry)
            return
    turn.complete(self, None)


def unpaused(stack: ExitStack) -> None:
    stack.enter_context(patch.dict(machine._RULES, {PauseRequested: lambda turn, event: None}))


def beats_lost(original: Any) -> Any:
    return lambda file, run, commit: original(file, run, replace(commit, heartbeats={}))


def load_without_beats(original: Any) -> Any:
    async def load(self: Any, run: int) -> Any:
        snapshot, events, _ = await original(self, run)
        return snapshot, events, {}

    return load
