"""`lock` and `concurrency`: what is inside runs while the run holds one of the slots of a key.

Who holds a slot is the host's to say, over all runs; here it is asked for, awaited and given back. A lock inside one of
the same key has it already. A run's own slot (`concurrency`) is given back by its end, so that its undos have it too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from perdure.core.commands import Command, LeaveSlot, TakeSlot
from perdure.core.events import Event, SlotGranted, SlotRefused
from perdure.core.frame import Frame, Wrapper
from perdure.core.outcomes import Outcome, new_error
from perdure.core.state import State
from perdure.core.turn import Turn
from perdure.values import JSON, canonical, digest

LONGEST_KEY: Final = 500
"""Characters of a key that stores are given; they sort by it."""
MOST_SLOTS: Final = 1_000_000_000
"""A higher limit is none."""


@dataclass(slots=True)
class LockFrame(Wrapper):
    """`granted` while it holds a slot of its own; one that has a child without it shares the slot of a frame around,
    or is `asking` for it anew, since the run was reopened, while what is inside goes on. `chain` are the slots that
    were held around it when it asked."""

    key: str = ""
    limit: int = 1
    since: int = 0
    granted: bool = False
    asking: bool = False
    chain: list[JSON] = field(default_factory=list)

    waits = "lock"

    def enter(self, turn: Turn) -> None:
        node = self.node
        self.since = turn.state.now
        self.key = f"{node.prefix}{spelled(turn.value(node.key, self))}"
        if node.limit is not None:
            self.limit = min(turn.whole(node.limit, self, "limit", 1), MOST_SLOTS)
        if any(lock.key == self.key for lock in _granted_around(turn.state, self)):
            self.child = turn.enter(node.child, self)
        else:
            self.chain = held_around(turn.state, self)
            turn.commands.append(self.take())

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        if self.asking or (self.granted and not self.node.whole):
            turn.commands.append(LeaveSlot(self.id))
        turn.finish(self, outcome)

    def handle(self, turn: Turn, event: Event) -> None:
        match event:
            case SlotGranted() if self.asking or not self.child:
                self._hold(turn)
            case SlotRefused() if self.asking:
                self.asking = False
                turn.state.recorded.append(new_error("LimitExceeded", event.reason, details={"key": self.key}))
            case SlotRefused() if not self.child:
                turn.fail(self, new_error("LimitExceeded", event.reason, details={"key": self.key}))
            case _:
                pass

    def _hold(self, turn: Turn) -> None:
        self.granted, self.asking = True, False
        if self.node.whole:
            turn.state.holds.append([turn.state.run["id"], self.id])
        if not self.child:
            self.child = turn.enter(self.node.child, self)

    def reopen(self, turn: Turn, gap: int, *, anew: bool) -> None:
        """Whatever it held was given back when the history that was copied ended: it asks again."""
        if self.granted:
            self.granted, self.asking = False, True
            self.chain = held_around(turn.state, self)
            turn.state.holds = [hold for hold in turn.state.holds if hold[1] != self.id or not self.node.whole]

    def cancel(self, turn: Turn) -> None:
        self.cancelling = True
        if self.child:
            turn.cancel(self.child)
        else:
            turn.commands.append(LeaveSlot(self.id))
            turn.stop(self)

    def outstanding(self, turn: Turn) -> Iterable[Command]:
        if self.asking or not self.child:
            yield self.take()

    def take(self) -> TakeSlot:
        """The wish for its slot, the same however often it is asked for."""
        return TakeSlot(self.id, self.key, self.limit, self.node.conflict, self.chain)


def held_around(state: State, frame: Frame) -> list[JSON]:
    """The slots that stay held until this frame has ended: [run id, frame] each, outermost first."""
    run = state.run["id"]
    own = [[run, lock.id] for lock in _granted_around(state, frame) if not lock.node.whole]
    return [*state.holds, *reversed(own)]


def spelled(key: JSON) -> str:
    """A key as text: texts as they are, all else as JSON; what is too long by its beginning and its digest."""
    text = key if isinstance(key, str) else canonical(key).decode()
    return text if len(text) <= LONGEST_KEY else f"{text[:100]}…{digest(text)}"


def _granted_around(state: State, frame: Frame) -> Iterable[LockFrame]:
    """The locks around a frame that hold a slot, innermost first."""
    around = state.frames.get(frame.parent)
    while around is not None:
        if isinstance(around, LockFrame) and around.granted:
            yield around
        around = state.frames.get(around.parent)
