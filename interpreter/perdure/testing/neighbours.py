"""Other runs as the virtual-time host plays them: children that end as their fakes say, and a post that delivers.

What is asked for again after a crash is known by its id and not done twice. Knows no machine: what happens is
handed on as events, and what is sent to the run itself is given to `home`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from perdure.core.commands import CancelChild, Deliver, StartChild
from perdure.core.events import ChildEnded, Delivered, Event, Undeliverable
from perdure.core.outcomes import new_error
from perdure.testing.activities import Call, End, Fake, Reply, reply
from perdure.testing.agenda import ENDS, Agenda
from perdure.values import JSON

RUN: Final = "run"
"""The id of the run that a harness runs."""


@dataclass(slots=True)
class ChildRun:
    """A child on its way; it ends at `due`, None when it would never end by itself, as `end` says."""

    call: Call
    reply: Reply
    due: int | None
    end: End | None
    stopping: bool = False


@dataclass(slots=True)
class Neighbours:
    """The world of runs around one run. Fakes give a child's output for a call with its name and input, and refuse a
    letter by raising; its call has the signal's or event's name, what it carries, and the run it goes to as address."""

    find: Callable[[str], Fake | None]
    post: Fake
    agenda: Agenda
    apply: Callable[[Event], None]
    home: Callable[[Deliver], None]
    sent: list[Deliver] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    _children: dict[str, ChildRun] = field(default_factory=dict)
    _letters: dict[str, tuple[int, Reply]] = field(default_factory=dict)
    _numbers: Counter[str] = field(default_factory=Counter)

    def deliver(self, letter: Deliver) -> None:
        """Bring a letter to its run, or find that it cannot be brought."""
        if letter.id not in self._letters:
            self.sent.append(letter)
            name = letter.name or letter.kind
            said = reply(self.post, self._call(name, letter.data, letter.to or "", letter.id))
            self._letters[letter.id] = (self.agenda.now + said.after, said)
        due, said = self._letters[letter.id]
        if not said.hang:
            self.agenda.later(due, ENDS, lambda: self._arrive(letter, said.end))

    def start(self, asked: StartChild) -> None:
        """Start a child; one that runs already goes on."""
        if asked.id not in self._children:
            call = self._call(asked.workflow, asked.input, asked.id, asked.id)
            self.calls.append(call)
            said = reply(self.find(asked.workflow), call)
            due = None if said.hang else self.agenda.now + said.after
            self._children[asked.id] = ChildRun(call, said, due, said.end)
        child = self._children[asked.id]
        unknown = child.end is not None and (child.end.error or {}).get("type") == "UnknownActivity"
        if unknown:
            error = new_error("ChildFailed", f"no definition of {asked.workflow} is deployed")
            self._soon(lambda: Undeliverable(self.agenda.now, asked.frame, error))
        elif asked.detach:
            self._soon(lambda: Delivered(self.agenda.now, asked.frame, asked.id))
        else:
            self._await(child, asked.frame)

    def cancel(self, asked: CancelChild) -> None:
        """Tell a child to stop; it ends as its fake says."""
        child = self._children[asked.id]
        if child.stopping or child.reply.on_cancel == "ignore":
            return
        child.stopping = True
        child.due = self.agenda.now + child.reply.cleanup
        child.end = child.reply.cancelled if child.reply.on_cancel == "end" else None
        self._await(child, asked.frame)

    def _call(self, name: str, data: JSON, address: str, key: str) -> Call:
        number = self._numbers[name]
        self._numbers[name] += 1
        return Call(name, data, address, 1, key, number, self.agenda.now)

    def _soon(self, event: Callable[[], Event]) -> None:
        self.agenda.later(self.agenda.now, ENDS, lambda: self.apply(event()))

    def _arrive(self, letter: Deliver, end: End) -> None:
        if end.error is not None:
            self.apply(Undeliverable(self.agenda.now, letter.frame, {**new_error("UnknownRun", ""), **end.error}))
            return
        if letter.to in (None, RUN):
            self.home(letter)
        self.apply(Delivered(self.agenda.now, letter.frame))

    def _await(self, child: ChildRun, frame: int) -> None:
        due = child.due
        if due is not None:
            self.agenda.later(due, ENDS, lambda: self._ended(child, frame, due), lasting=True)

    def _ended(self, child: ChildRun, frame: int, due: int) -> None:
        """A child ends, unless it has ended, or was told to stop and ends by that."""
        if child.due != due or child.call.ended is not None:
            return
        now = self.agenda.now
        match child.end:
            case None:
                event = ChildEnded(now, frame, "cancelled", None, new_error("Cancelled", "the run was cancelled"))
            case End(error=None, value=value):
                event = ChildEnded(now, frame, "completed", value, None)
            case End(error=error):
                event = ChildEnded(now, frame, "failed", None, {**new_error("Failed", ""), **(error or {})})
        child.call.ended, child.call.ended_at = event.status, now
        self.apply(event)
