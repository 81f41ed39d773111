"""The frame: a live node of a run. One subclass per kind, one file each in `blocks`.

Four verbs. `enter` begins; `child_done` hears how a frame it entered has ended; `handle` takes an event meant for
it; `cancel` makes it unwind, inside first. Each ends by entering others, by waiting, or by ending itself through the
turn (`complete`, `fail`, `stop`). A verb runs once per transition and never calls another frame's verb.

Fields of a subclass are JSON, or an `Outcome` held back; `wire` writes them by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from perdure.core.outcomes import Outcome

if TYPE_CHECKING:
    from perdure.core.commands import Command
    from perdure.core.events import Event
    from perdure.core.state import Signal
    from perdure.core.turn import Turn


@dataclass(slots=True)
class Frame:
    """`turn` is set on the frame of a loop's turn: (address of the loop, number). `due` is the frame's timer."""

    id: int
    node: Any
    parent: int
    scope: int
    turn: tuple[str, int] | None = field(default=None, kw_only=True)
    due: int | None = field(default=None, kw_only=True)
    cancelling: bool = field(default=False, kw_only=True)

    waits: ClassVar[str | None] = None
    """What people see it doing while it lives (`live` in a run's description); None for inner frames."""

    stood_in: ClassVar[Sequence[tuple[str, int]] | None] = None
    """All loop turns that its children stand in, where the frames around do not tell."""
    keeps: ClassVar[bool] = True
    """Whether its value is the result of its node's step."""

    gathers: ClassVar[bool] = False
    """Whether its children run side by side."""

    def enter(self, turn: Turn) -> None:
        raise NotImplementedError

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        raise NotImplementedError

    def handle(self, turn: Turn, event: Event) -> None:
        """An event the frame does not know changes nothing: it may have come too late."""

    def cancel(self, turn: Turn) -> None:
        turn.stop(self)

    def reopen(self, turn: Turn, gap: int, *, anew: bool) -> None:
        """The run goes on after a `gap` in which nobody moved it: what is due moves; with `anew` the waiting begins
        again. What it is still waiting for is asked for afterwards."""
        if self.due is not None:
            self.due += gap

    def offer(self, turn: Turn, signal: str, data: Any) -> bool:
        """Take a signal this frame has subscribed to; False where it does not want it after all."""
        return False

    def notice(self, turn: Turn, event: str, data: Any) -> None:
        """Hear of an event this frame has subscribed to."""

    def expects(self, turn: Turn, event: str, data: Any) -> bool:
        """Whether `notice` would do anything; changes nothing."""
        return False

    def busy(self, update: str) -> bool:
        """Whether an update must wait until messages before it have been handled."""
        return False

    def queues(self, signal: str) -> bool:
        """Whether a signal would have to wait until messages before it have been handled."""
        return False

    @property
    def shields(self) -> bool:
        """Whether what runs inside is not told of a cancellation."""
        return False

    def unhandled(self) -> list[Signal]:
        """The signals it has taken and not begun to handle."""
        return []

    def consider(self, turn: Turn, update: str, data: Any) -> str | None:
        """Why an update cannot be accepted; None where it can. Changes nothing."""
        return "nothing receives it"

    def accept(self, turn: Turn, update: str, data: Any, id: str) -> None:
        """Take an update that `consider` found acceptable."""

    def outstanding(self, turn: Turn) -> Iterable[Command]:
        """The commands this frame is still waiting for, besides its timer."""
        return ()


@dataclass(slots=True)
class Wrapper(Frame):
    """A frame around exactly one child at a time that passes on what it hears and is told."""

    child: int = 0

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        turn.finish(self, outcome)

    def cancel(self, turn: Turn) -> None:
        self.cancelling = True
        turn.cancel(self.child)
