"""Engines that are broken on purpose: each entry breaks one thing that the promises rest on.

What the simulation does not notice here it would not notice in the engine either. `hunt` looks for the first case that
notices; how things are broken stands in `breakages`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import breakages
import simulation
from breakages import Break, always, instead, swallowed, together, without
from plots import (
    PLOTS,
    Answers,
    Caches,
    Events,
    Families,
    Heartbeats,
    Locks,
    Messages,
    Plot,
    Queues,
    Restarts,
    Sagas,
    Schedules,
    Steady,
)  # fmt: skip
from simulation import Case
from sweep import Piece, cases

from perdure.core.blocks.activity import ActivityFrame
from perdure.core.blocks.undoing import Undoing
from perdure.core.commands import Deliver, StartChild, StartTimer
from perdure.engine import commits, resume
from perdure.engine.claims import Claims
from perdure.engine.committer import Committer
from perdure.engine.dispatch import Dispatch
from perdure.engine.errands import Errands
from perdure.engine.live import LiveRun
from perdure.engine.worker import Worker
from perdure.stores import memory, memory_commit, memory_tasks
from perdure.stores.memory import MemoryStore
from perdure.stores.memory_file import MemoryFile
from perdure.stores.memory_operations import MemoryOperations
from perdure.stores.memory_slots import MemorySlots


@dataclass(frozen=True)
class Sabotage:
    """`breaks` spoils an engine while it is played; it shows in one of `plots`, in a sweep or, `at_large`, in a world
    of several workers, from the seed `first` on."""

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


SABOTAGES: Final[dict[str, Sabotage]] = {
    "commits of a buried worker are kept": Sabotage(
        instead(memory_commit, "_refusal", breakages.unfenced), (Heartbeats, Sagas), first=169, at_large=True
    ),
    "a run of a dead worker is not set free": Sabotage(instead(MemoryStore, "bury", breakages.unburied), (Sagas,)),
    "a run is claimed by two workers": Sabotage(instead(MemoryStore, "claim", breakages.claimed_twice), at_large=True),
    "a commit whose answer was lost strands its run": Sabotage(
        together(instead(Claims, "doubt", breakages.nothing), instead(Committer, "_landed", breakages.as_told)),
        (Sagas,),
    ),
    "an attempt that was lost is not counted": Sabotage(
        instead(resume, "_of_the_dead", breakages.nobody_lost), (Sagas, Steady), first=24
    ),
    "an attempt that is made at most once is not noted before": Sabotage(
        instead(Dispatch, "_start", breakages.never_committed), (Queues,), first=3
    ),
    "the idempotency key changes with the attempt": Sabotage(
        instead(ActivityFrame, "_start", breakages.other_key), (Queues,)
    ),
    "activities begin before what decided them is durable": Sabotage(
        instead(Worker, "_note", breakages.too_early), (Sagas, Steady), first=3
    ),
    "a task is given to every worker that asks": Sabotage(
        instead(memory_tasks, "take_tasks", breakages.kept_by_nobody), (Queues,), first=2, at_large=True
    ),
    "a task of a dead worker is handed on as it is": Sabotage(
        instead(memory, "lose_tasks", always(breakages.handed_on)), (Queues,), first=8
    ),
    "a result is journalled that was not given": Sabotage(
        instead(Worker, "_advance", breakages.other_result), (Sagas,)
    ),
    "letters are read and not deleted": Sabotage(instead(memory_commit, "_write_rows", breakages.unread), (Messages,)),
    "letters are deleted when they are read": Sabotage(
        together(*(instead(MemoryStore, name, breakages.read_once_and_for_all) for name in ("letters", "letters_of"))),
        (Messages,),
    ),
    "what was read can come again": Sabotage(
        instead(memory_commit, "_write_rows", breakages.forgetful), (Messages, Families), first=1
    ),
    "an update is accepted twice": Sabotage(
        instead(memory_commit, "_write_rows", breakages.updates_unread), (Messages,)
    ),
    "a signal is acknowledged and dropped": Sabotage(swallowed("signal"), (Messages,)),
    "an update is acknowledged and dropped": Sabotage(swallowed("update"), (Messages,)),
    "a cancellation is acknowledged and dropped": Sabotage(swallowed("cancel"), (Sagas, Families)),
    "a termination is acknowledged and dropped": Sabotage(swallowed("terminate"), (Locks, Families), first=5),
    "a pause is acknowledged and dropped": Sabotage(swallowed("pause"), (Locks,), first=1),
    "a resumption is acknowledged and dropped": Sabotage(swallowed("resume"), (Locks,), first=1),
    "an answer is acknowledged and dropped": Sabotage(
        instead(MemoryStore, "answer", breakages.answered_in_vain), (Answers,)
    ),
    "a letter wakes nobody": Sabotage(instead(MemoryFile, "_put", breakages.asleep), (Messages, Answers), first=1),
    "a run is let go while a letter waits": Sabotage(
        instead(memory_commit, "_released", always(breakages.unwakeable)), (Messages, Answers), first=2
    ),
    "what a run sends has another id each time": Sabotage(
        instead(Errands, "_deliver", breakages.of_its_own), (Families,), first=1
    ),
    "what a run was sending is forgotten in a crash": Sabotage(
        instead(resume, "outstanding", without(Deliver)), (Families,), first=1
    ),
    "a child that was being started is forgotten in a crash": Sabotage(
        instead(resume, "outstanding", without(StartChild)), (Families,)
    ),
    "a child's end is not told to its parent": Sabotage(
        instead(commits, "farewells", breakages.childless), (Families,)
    ),
    "children are not told that their parent was terminated": Sabotage(
        instead(commits, "farewells", breakages.orphaned), (Families,), first=5
    ),
    "a run that restarts loses its inbox": Sabotage(
        instead(memory_commit, "_succeed", breakages.disinherited), (Restarts,), first=2
    ),
    "an event misses one who waits for it": Sabotage(instead(MemoryFile, "publish", breakages.some_deaf), (Events,)),
    "timers are lost in a crash": Sabotage(instead(resume, "outstanding", without(StartTimer)), (Steady,), first=1),
    "a slot is not given back by the end of its run": Sabotage(
        instead(memory_commit, "release_slots", breakages.nothing), (Locks,)
    ),
    "a slot is not given back by the end of its step": Sabotage(
        instead(memory_commit, "leave_slots", breakages.nothing), (Locks,)
    ),
    "a lock is granted above its limit": Sabotage(instead(MemorySlots, "held", breakages.one_more), (Locks,)),
    "a cached result is used after it has expired": Sabotage(
        instead(MemoryOperations, "cached", breakages.for_ever), (Caches,)
    ),
    "a schedule's time fires twice": Sabotage(
        instead(memory_commit, "refuse_firing", breakages.nothing), (Schedules,), at_large=True
    ),
    "undos run oldest first": Sabotage(instead(Undoing, "_next", always(breakages.oldest_first)), (Sagas,)),
    "a pause is ignored": Sabotage(breakages.unpaused, (Locks,)),
    "a snapshot is taken for an older one": Sabotage(instead(LiveRun, "_keep", breakages.stale), (Messages, Steady)),
    "a snapshot is taken for a newer one": Sabotage(
        instead(LiveRun, "_keep", breakages.ahead), (Messages, Steady), first=2
    ),
    "heartbeats are not kept": Sabotage(instead(MemoryStore, "load", breakages.load_without_beats), (Heartbeats,)),
}
