"""`cache`: the result of an earlier time instead of running the step, as long as there is one that has not expired.

What is found is journalled, so a run that is folded again reads what it read then. Only results are kept: a step that
fails or is stopped leaves nothing behind. A result that was found registers no undo, since nothing was done.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from perdure.core.blocks.lock import spelled
from perdure.core.commands import Command, ReadCache, WriteCache
from perdure.core.events import CacheRead, Event
from perdure.core.frame import Frame, Wrapper
from perdure.core.outcomes import Completed, Outcome
from perdure.core.turn import Turn
from perdure.values import encode


@dataclass(slots=True)
class CacheFrame(Wrapper):
    """`span` is how long a result is kept, None for ever. A cancellation while it reads waits for the answer."""

    key: str = ""
    span: int | None = None

    def enter(self, turn: Turn) -> None:
        node = self.node
        if node.ttl is not None:
            self.span = turn.duration(node.ttl, self, "cache.ttl")
        key = spelled(turn.value(node.key, self))
        self.key = encode([turn.program.name, node.step, key]).decode()
        turn.commands.append(ReadCache(self.id, self.key))

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        if isinstance(outcome, Completed):
            expires_at = None if self.span is None else turn.state.now + self.span
            turn.commands.append(WriteCache(self.key, outcome.value, expires_at))
        turn.finish(self, outcome)

    def handle(self, turn: Turn, event: Event) -> None:
        if not isinstance(event, CacheRead) or self.child:
            return
        if self.cancelling:
            turn.stop(self)
        elif event.found:
            turn.complete(self, event.value)
        else:
            self.child = turn.enter(self.node.child, self)

    def cancel(self, turn: Turn) -> None:
        self.cancelling = True
        if self.child:
            turn.cancel(self.child)

    def outstanding(self, turn: Turn) -> Iterable[Command]:
        if not self.child:
            yield ReadCache(self.id, self.key)
