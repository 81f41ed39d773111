"""Engines that are broken on purpose: each entry breaks one thing that the promises rest on.

What the simulation does not notice here it would not notice in the engine either. `hunt` looks for the first case that
notices. Knows the engine from the inside, as nothing else in these tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Final
from unittest.mock import patch
from uuid import uuid4

import plots
import simulation
from plots import PLOTS, Plot
from simulation import Case
from sweep import Piece, cases

from perdure.core import machine
from perdure.core.blocks.activity import ActivityFrame
from perdure.core.blocks.undoing import Undoing
from perdure.core.commands import Deliver, StartActivity, StartChild, StartTimer
from perdure.core.events import AttemptLost, PauseRequested
from perdure.engine import claims, commits, committer, dispatch, errands, inbox, live, owned, resume, tasks, worker
from perdure.errors import Fenced
from perdure.stores import memory_commit, memory_file, memory_operations, memory_slots, memory_tasks, slots
from perdure.stores.memory import MemoryStore

Break = Callable[[ExitStack], None]


@dataclass(frozen=True)
class Sabotage:
    """`breaks` spoils an engine while it is played; it shows in one of `plots`, in a sweep or, `at_large`, in a world of
    several workers, from the seed `first` on."""

    breaks: Break
    plots: Sequence[type[Plot]] = PLOTS
    first: int = 0
    at_large: bool = False
    heavy: bool = False
    """Found only after many cases."""


def hunt(sabotage: Sabotage, most: int) -> tuple[int, Case | None]:
    """How many cases were played until one noticed, and that one."""
    count = 0
    for case in _played(sabotage):
        count += 1
        if case.broken:
            return count, case
        if count >= most:
            break
    return count, None


def _played(sabotage: Sabotage) -> Iterator[Case]:
    seed = sabotage.first
    while True:
        if sabotage.at_large:
            yield simulation.play(seed, plots=sabotage.plots, spoil=sabotage.breaks)
        else:
            yield from cases(Piece(seed, sabotage.plots), sabotage.breaks)
        seed += 1


def _instead(target: Any, name: str, make: Callable[[Any], Any]) -> Break:
    """Put what `make` makes of the original in its place."""
    return lambda stack: stack.enter_context(patch.object(target, name, make(getattr(target, name))))


def _all(*breaks: Break) -> Break:
    def spoil(stack: ExitStack) -> None:
        for one in breaks:
            one(stack)

    return spoil


def _nothing(original: Any) -> Any:
    return lambda *given, **named: None


# -- ownership


def _unfenced(original: Any) -> Any:
    def refusal(file: Any, commit: Any) -> Any:
        found = original(file, commit)
        if not isinstance(found, Fenced):
            return found
        return original(file, replace(commit, worker=None))

    return refusal


def _unburied(original: Any) -> Any:
    async def bury(self: Any, worker_id: str, at: int, *, died: bool = True) -> Any:
        owned = [key for key, row in self.file.runs.items() if row.owner == worker_id]
        found = await original(self, worker_id, at, died=died)
        for key in owned[:1]:
            self.file.runs[key] = replace(self.file.runs[key], owner=worker_id)
        return found

    return bury


def _as_told(original: Any) -> Any:
    async def landed(self: Any, commit: Any, answer: Any) -> Any:
        return answer

    return landed


def _claimed_twice(original: Any) -> Any:
    async def claim(self: Any, worker_id: str, now: int, limit: int, **named: Any) -> Any:
        found = await original(self, worker_id, now, limit, **named)
        taken = [row for row in self.file.runs.values() if row.owner not in (None, worker_id) and not row.closed_at]
        for row in taken:
            self.file.runs[row.key] = replace(row, owner=worker_id)
        return found + [self.file.runs[row.key] for row in taken]

    return claim


# -- attempts


def _nobody_lost(original: Any) -> Any:
    return lambda state, now: [event for event in original(state, now) if not isinstance(event, AttemptLost)]


def _never_committed(original: Any) -> Any:
    return lambda self, run, command: original(self, run, replace(command, committed=False))


def _other_key(original: Any) -> Any:
    def start(self: Any, turn: Any, retry: Any) -> Any:
        command = original(self, turn, retry)
        return replace(command, key=f"{command.key}.{self.attempt}")

    return start


def _too_early(original: Any) -> Any:
    def note(self: Any, run: Any) -> None:
        commands = [command for command in run.decided.commands if isinstance(command, StartActivity)]
        run.decided.commands = [one for one in run.decided.commands if not isinstance(one, StartActivity)]
        original(self, run)
        self._dispatch.carry_out(run, commands)

    return note


def _kept_by_nobody(original: Any) -> Any:
    def take_tasks(file: Any, worker: str, queues: Any) -> Any:
        before = dict(file.tasks)
        found = original(file, worker, queues)
        if len(file.workers) > 1:
            file.tasks.update({key: task for key, task in before.items() if key in file.tasks})
        return found

    return take_tasks


def _handed_on(file: Any, worker: str, at: int) -> None:
    for task in memory_tasks.tasks_of(file, worker):
        run, row = file.tasks[task.key]
        file.tasks[task.key] = run, replace(row, worker=None)


def _other_result(original: Any) -> Any:
    def advance(self: Any, run: Any, event: Any) -> None:
        result = getattr(event, "result", None)
        original(self, run, replace(event, result={**result, "n": 9}) if isinstance(result, dict) else event)

    return advance


# -- letters and messages


def _unread(original: Any) -> Any:
    return lambda file, run, commit: original(file, run, replace(commit, consumed=()))


def _forgetful(original: Any) -> Any:
    def write_rows(file: Any, run: int, commit: Any) -> None:
        original(file, run, commit)
        file.received.get(run, set()).clear()

    return write_rows


def _read_once_and_for_all(original: Any) -> Any:
    async def letters(self: Any, *given: Any, **named: Any) -> Any:
        found = await original(self, *given, **named)
        for letter in found:
            self.file.inbox[letter.run].pop(letter.id, None)
        return found

    return letters


def _swallowed(*kinds: str) -> Break:
    """Acknowledged, and not kept."""

    def make(original: Any) -> Any:
        async def post(self: Any, run_id: str, kind: str, body: bytes, **named: Any) -> Any:
            return self.file.find(run_id) if kind in kinds else await original(self, run_id, kind, body, **named)

        return post

    return _instead(MemoryStore, "post", make)


def _answered_in_vain(original: Any) -> Any:
    async def answer(self: Any, run_id: str, frame: int, body: bytes, **named: Any) -> Any:
        kept = await original(self, run_id, frame, body, **named)
        if kept:
            self.file.inbox[self.file.keys[run_id]].pop(named["id"])
        return kept

    return answer


def _updates_unread(original: Any) -> Any:
    def write_rows(file: Any, run: int, commit: Any) -> None:
        kept = {letter.id: letter for letter in file.inbox.get(run, {}).values() if letter.kind == "update"}
        original(file, run, commit)
        file.inbox.setdefault(run, {}).update(kept)

    return write_rows


def _asleep(original: Any) -> Any:
    def put(self: Any, row: Any, letter: Any) -> Any:
        wake_at = row.wake_at
        kept = original(self, row, letter)
        self.runs[row.key] = replace(self.runs[row.key], wake_at=wake_at)
        return kept

    return put


def _unwakeable(file: Any, row: Any, wake_at: int | None) -> Any:
    return replace(row, owner=None, wake_at=wake_at)


def _of_its_own(original: Any) -> Any:
    return lambda self, run, errand: original(self, run, replace(errand, id=uuid4().hex))


def _childless(original: Any) -> Any:
    return lambda *given: [letter for letter in original(*given) if letter.kind != "child"]


def _orphaned(original: Any) -> Any:
    return lambda *given: [letter for letter in original(*given) if letter.kind == "child"]


def _without(*kinds: type) -> Callable[[Any], Any]:
    """Of what is outstanding after a crash."""
    return lambda original: lambda *given: [one for one in original(*given) if not isinstance(one, kinds)]


def _disinherited(original: Any) -> Any:
    def succeed(file: Any, run: int, commit: Any, new: Any) -> int:
        successor = original(file, run, commit, new)
        file.inbox[successor].clear()
        return successor

    return succeed


def _some_deaf(original: Any) -> Any:
    def publish(self: Any, event: str, body: bytes, id: str, at: int) -> Any:
        kept = self.subscriptions.get(event, set())
        self.subscriptions[event] = set(sorted(kept)[1:])
        try:
            return original(self, event, body, id, at)
        finally:
            self.subscriptions[event] = kept

    return publish


# -- slots, caches, schedules, snapshots


def _one_more(original: Any) -> Any:
    return lambda self, key: max(original(self, key) - 1, 0)


def _for_ever(original: Any) -> Any:
    async def cached(self: Any, key: str, now: int) -> Any:
        return self.file.cache.get(key, (None, None))[0]

    return cached


def _stale(original: Any) -> Any:
    def keep(self: Any, commit: Any, soon: int, park: bool) -> None:
        original(self, commit, soon, park)
        if commit.snapshot is not None:
            commit.snapshot = (commit.snapshot[0] - 1, commit.snapshot[1])

    return keep


def _ahead(original: Any) -> Any:
    def keep(self: Any, commit: Any, soon: int, park: bool) -> None:
        original(self, commit, soon, park)
        if commit.snapshot is not None:
            commit.snapshot = (commit.snapshot[0] + 1, commit.snapshot[1])

    return keep


def _oldest_first(self: Any, turn: Any) -> None:
    for index, entry in enumerate(turn.state.undos):
        if entry.order > self.after and (self.boundary == 0 or self.boundary in entry.within):
            del turn.state.undos[index]
            self._run(turn, entry)
            return
    turn.complete(self, None)


def _unpaused(stack: ExitStack) -> None:
    stack.enter_context(patch.dict(machine._RULES, {PauseRequested: lambda turn, event: None}))


def _beats_lost(original: Any) -> Any:
    return lambda file, run, commit: original(file, run, replace(commit, heartbeats={}))


def _load_without_beats(original: Any) -> Any:
    async def load(self: Any, run: int) -> Any:
        snapshot, events, _ = await original(self, run)
        return snapshot, events, {}

    return load


SABOTAGES: Final[dict[str, Sabotage]] = {
    "commits of a buried worker are kept": Sabotage(
        _instead(memory_commit, "_refusal", _unfenced), plots=(plots.Heartbeats, plots.Sagas), at_large=True),
    "a run of a dead worker is not set free": Sabotage(_instead(MemoryStore, "bury", _unburied), plots=(plots.Sagas,)),
    "a run is claimed by two workers": Sabotage(_instead(MemoryStore, "claim", _claimed_twice), at_large=True),
    "a commit whose answer was lost strands its run": Sabotage(
        _all(_instead(claims.Claims, "doubt", _nothing), _instead(committer.Committer, "_landed", _as_told)), plots=(plots.Sagas,)),
    "an attempt that was lost is not counted": Sabotage(_instead(resume, "_of_the_dead", _nobody_lost), plots=(plots.Sagas, plots.Steady)),
    "an attempt that is made at most once is not noted before": Sabotage(
        _instead(dispatch.Dispatch, "_start", _never_committed), plots=(plots.Queues,)),
    "the idempotency key changes with the attempt": Sabotage(_instead(ActivityFrame, "_start", _other_key)),
    "activities begin before what decided them is durable": Sabotage(_instead(worker.Worker, "_note", _too_early), plots=(plots.Sagas, plots.Steady)),
    "a task is given to every worker that asks": Sabotage(
        _instead(memory_tasks, "take_tasks", _kept_by_nobody), plots=(plots.Queues,), at_large=True),
    "a task of a dead worker is handed on as it is": Sabotage(
        lambda stack: [stack.enter_context(patch.object(module, "lose_tasks", _handed_on))
                       for module in (memory_tasks, __import__("perdure.stores.memory", fromlist=["x"]))],
        plots=(plots.Queues,)),
    "a result is journalled that was not given": Sabotage(_instead(worker.Worker, "_advance", _other_result)),
    "letters are read and not deleted": Sabotage(_instead(memory_commit, "_write_rows", _unread), plots=(plots.Messages,)),
    "letters are deleted when they are read": Sabotage(_all(
        _instead(MemoryStore, "letters", _read_once_and_for_all),
        _instead(MemoryStore, "letters_of", _read_once_and_for_all)), plots=(plots.Messages,)),
    "what was read can come again": Sabotage(
        _instead(memory_commit, "_write_rows", _forgetful), plots=(plots.Messages, plots.Families)),
    "an update is accepted twice": Sabotage(
        _instead(memory_commit, "_write_rows", _updates_unread), plots=(plots.Messages,)),
    "a signal is acknowledged and dropped": Sabotage(_swallowed("signal"), plots=(plots.Messages,)),
    "an update is acknowledged and dropped": Sabotage(_swallowed("update"), plots=(plots.Messages,)),
    "a cancellation is acknowledged and dropped": Sabotage(_swallowed("cancel"), plots=(plots.Sagas, plots.Families)),
    "a termination is acknowledged and dropped": Sabotage(_swallowed("terminate"), plots=(plots.Locks, plots.Families)),
    "a pause is acknowledged and dropped": Sabotage(_swallowed("pause"), plots=(plots.Locks, plots.Families)),
    "a resumption is acknowledged and dropped": Sabotage(_swallowed("resume"), plots=(plots.Locks, plots.Families)),
    "an answer is acknowledged and dropped": Sabotage(
        _instead(MemoryStore, "answer", _answered_in_vain), plots=(plots.Answers,)),
    "a letter wakes nobody": Sabotage(_instead(memory_file.MemoryFile, "_put", _asleep)),
    "a run is let go while a letter waits": Sabotage(
        lambda stack: stack.enter_context(patch.object(memory_commit, "_released", _unwakeable)), plots=(plots.Messages, plots.Answers)),
    "what a run sends has another id each time": Sabotage(
        _instead(errands.Errands, "_deliver", _of_its_own), plots=(plots.Families,)),
    "what a run was sending is forgotten in a crash": Sabotage(
        _instead(resume, "outstanding", _without(Deliver)), plots=(plots.Families,)),
    "a child that was being started is forgotten in a crash": Sabotage(
        _instead(resume, "outstanding", _without(StartChild)), plots=(plots.Families,)),
    "a child's end is not told to its parent": Sabotage(
        _instead(commits, "farewells", _childless), plots=(plots.Families,)),
    "children are not told that their parent was terminated": Sabotage(
        _instead(commits, "farewells", _orphaned), plots=(plots.Families,)),
    "a run that restarts loses its inbox": Sabotage(
        _instead(memory_commit, "_succeed", _disinherited), plots=(plots.Restarts,)),
    "an event misses one who waits for it": Sabotage(
        _instead(memory_file.MemoryFile, "publish", _some_deaf), plots=(plots.Events,)),
    "timers are lost in a crash": Sabotage(_instead(resume, "outstanding", _without(StartTimer)), plots=(plots.Steady,)),
    "a slot is not given back by the end of its run": Sabotage(
        _instead(memory_commit, "release_slots", _nothing), plots=(plots.Locks,)),
    "a slot is not given back by the end of its step": Sabotage(
        _instead(memory_commit, "leave_slots", _nothing), plots=(plots.Locks,)),
    "a lock is granted above its limit": Sabotage(
        _instead(memory_slots.MemorySlots, "held", _one_more), plots=(plots.Locks,)),
    "a cached result is used after it has expired": Sabotage(
        _instead(memory_operations.MemoryOperations, "cached", _for_ever), plots=(plots.Caches,)),
    "a schedule's time fires twice": Sabotage(
        _instead(memory_commit, "refuse_firing", _nothing), plots=(plots.Schedules,), at_large=True),
    "undos run oldest first": Sabotage(
        lambda stack: stack.enter_context(patch.object(Undoing, "_next", _oldest_first)), plots=(plots.Sagas,)),
    "a pause is ignored": Sabotage(_unpaused, plots=(plots.Locks,)),
    "a snapshot is taken for an older one": Sabotage(_instead(live.LiveRun, "_keep", _stale), plots=(plots.Messages, plots.Steady)),
    "a snapshot is taken for a newer one": Sabotage(_instead(live.LiveRun, "_keep", _ahead), plots=(plots.Messages, plots.Steady)),
    "heartbeats are not kept": Sabotage(
        _instead(MemoryStore, "load", _load_without_beats), plots=(plots.Heartbeats,)),
}  # fmt: skip
