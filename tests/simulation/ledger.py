"""What is known of a simulation outside of its store, in the order in which it happened.

Calls of activities, commits as they land, what the client was told, and what befell whom. Judges nothing: that is
`promises`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mortal_loop import Process

from perdure.core import wire
from perdure.errors import StoreError
from perdure.stores.memory_file import MemoryFile


@dataclass(eq=False)
class Call:
    """One attempt: its place in the story and, once it has ended, the place of that. `sound` says that its worker was
    not buried when it began."""

    run: str
    name: str
    arguments: Any
    address: str
    attempt: int
    key: str
    process: Process
    worker: str
    began: int
    sound: bool
    ended: int | None = None
    how: str = "under way"
    value: Any = None


@dataclass(eq=False)
class Landed:
    """An event as it became durable; `handed` over by the part of the run before, that is."""

    run: int
    seq: int
    event: Any
    at: int
    place: int
    handed: bool
    process: Process
    slots: Sequence[int] = ()
    """With the last event of a commit: the frames of the run for which the store has slots then."""


@dataclass(eq=False)
class Message:
    """What a client sent; `told` is what it heard in the end: acknowledged, refused, or nothing."""

    kind: str
    run: str
    id: str
    data: Any
    told: str = "nothing"
    reply: Any = None
    tries: int = 0
    given: tuple[Any, ...] = ()


@dataclass
class Ledger:
    file: MemoryFile
    lines: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    landed: dict[tuple[int, int], Landed] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    closed: dict[int, int] = field(default_factory=dict)
    """Run → where its end became durable."""
    befallen: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    """Promises that are seen to be broken while the story goes on."""

    def note(self, text: str) -> int:
        """A line of the story; its place."""
        self.lines.append(f"{asyncio.get_running_loop().time():9.3f}  {text}")
        return len(self.lines) - 1

    def accuse(self, text: str) -> None:
        self.note(f"!! {text}")
        self.broken.append(text)

    async def call(self, process: Process, name: str, given: Any, make: Callable[[], Awaitable[Any]]) -> Any:
        """Make a store's call and note what it does. The store does not wait inside a call."""
        if name != "commit":
            answer = await make()
            if name in ("bury", "register", "post", "answer", "publish") and answer not in (None, [], False):
                self.note(f"{process.name}: {name} {_short(given)}")
            return answer
        owners = [self._owner(commit) for commit in given[0]]
        answers = await make()
        for commit, owner, answer in zip(given[0], owners, answers, strict=True):
            if isinstance(answer, StoreError):
                self.note(f"{process.name}: a commit is refused: {answer!r}")
                continue
            self._land(process, commit, owner, answer)
        return answers

    def _owner(self, commit: Any) -> str | None:
        row = self.file.runs.get(commit.run) if isinstance(commit.run, int) else None
        return None if row is None else row.owner

    def _land(self, process: Process, commit: Any, owner: str | None, key: int) -> None:
        names = []
        if isinstance(commit.run, int) and commit.worker is not None and owner != commit.worker:
            self.accuse(f"a commit of {process.name} landed for run {key}, which is another's")
        place = len(self.lines)
        written = [(key, *entry) for entry in commit.events]
        if commit.successor is not None:
            written += [(self.file.keys[commit.successor.id], *entry) for entry in commit.successor_events]
        for run, seq, at, text in written:
            event = wire.event_from_bytes(at, text)
            names.append(_told(event))
            if (run, seq) in self.landed:
                self.accuse(f"event {seq} of run {run} was written twice")
            self.landed[run, seq] = Landed(run, seq, event, at, place, run != key, process)
        if commit.events:
            self.landed[key, commit.events[-1][0]].slots = tuple(self.file.slots.by_run.get(key, ()))
        if commit.closing is not None:
            self.closed.setdefault(key, place)
        what = f"closes as {commit.closing.status}" if commit.closing is not None else ""
        if commit.release:
            what += " released"
        self.note(f"{process.name}: commit of run {key} [{self.file.runs[key].id}]: {'; '.join(names)} {what}")

    def begins(self, process: Process, worker: str, context: Any, name: str, arguments: Any) -> Call:
        sound = worker in self.file.workers
        place = self.note(
            f"{process.name}: {name} begins, {context.run_id} {context.address} attempt {context.attempt}"
            f"{'' if sound else ' (its worker is buried)'}"
        )
        call = Call(
            context.run_id, name, arguments, context.address, context.attempt, context.idempotency_key,
            process, worker, place, sound,
        )  # fmt: skip
        self.calls.append(call)
        return call

    def ends(self, call: Call, how: str, value: Any = None) -> None:
        call.how, call.value = how, value
        call.ended = self.note(f"{call.process.name}: {call.name} {how}, {call.run} {call.address}")


def _told(event: Any) -> str:
    facts = [str(value) for name in ("frame", "id", "signal") if (value := getattr(event, name, None)) is not None]
    return " ".join([type(event).__name__, *facts])


def _short(given: Any) -> str:
    return " ".join(str(part)[:40] for part in given if not isinstance(part, bytes))
