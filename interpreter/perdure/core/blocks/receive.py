"""A message-processing scope: signals and updates are handled against a state that only handlers change.

Plain handlers run one at a time, in the order the messages came; `async` ones run beside. Nothing outlives the scope:
async handlers are waited for when it ends well, and cancelled otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from perdure.core.blocks.waiting import PatientFrame
from perdure.core.commands import ReplyUpdate
from perdure.core.events import Event
from perdure.core.frame import Frame
from perdure.core.outcomes import Completed, Failed, Outcome, Stopped, new_error
from perdure.core.state import Signal, update_key
from perdure.core.turn import Turn
from perdure.errors import ExpressionError
from perdure.program.nodes import MessageHandler, Receive
from perdure.schemas import check_value
from perdure.values import JSON, format_duration


@dataclass(slots=True)
class ReceiveFrame(PatientFrame):
    """A message is [number of its handler, data, id of the update or null, when it came]. `queue` holds those that wait
    their turn; `handling` is the one that the frame `running` deals with; `beside` those of async handlers, by frame.
    `begun` counts those whose steps have begun; `closing` is how the scope ends, `given` when it gives the default."""

    inner: int = 0
    begun: int = 0
    queue: list[list[JSON]] = field(default_factory=list)
    running: int = 0
    handling: list[JSON] = field(default_factory=list)
    beside: dict[str, list[JSON]] = field(default_factory=dict)
    closing: Outcome | None = None
    given: bool = False

    waits = "receive"
    gathers = True

    def enter(self, turn: Turn) -> None:
        state = turn.value(self.node.state, self)
        self.start_patience(turn)
        if not isinstance(state, dict):
            raise ExpressionError("receive.state must be a mapping")
        self.inner = turn.new_scope(self.scope, {"state": state}, home=False)
        try:
            over = self._satisfied(turn)
        except ExpressionError:
            turn.drop_scope(self.inner)
            raise
        for key in self._keys():
            turn.state.subscribe(key, self.id)
        if self.deadline is not None:
            turn.set_timer(self, self.deadline)
        if over:
            self._end(turn, Completed(None))
            return
        self._take_early(turn)
        self._next(turn)

    # -- messages

    def offer(self, turn: Turn, signal: str, data: Any) -> bool:
        number = self._handler(signal, update=False)
        if self.closing is not None or number is None:
            return False
        self._queue_signal(turn, number, data, turn.state.now)
        self._next(turn)
        return True

    def unhandled(self) -> list[Signal]:
        names = self.node.handlers
        return [Signal(names[number].name, data, at, "") for number, data, id, at in self.queue if id is None]

    def consider(self, turn: Turn, update: str, data: JSON) -> str | None:
        """Why an update cannot be accepted now; None where it can."""
        number = self._handler(update, update=True)
        if self.closing is not None or number is None:
            return "nothing receives it"
        handler = self.node.handlers[number]
        problems = [] if handler.schema is None else check_value(handler.schema, data)
        if problems:
            return "; ".join(problems)
        if handler.accept is None:
            return None
        names = {**turn.state.scopes[self.inner].names, "message": data}
        return None if handler.accept.holds(names, turn) else f"not accepted: {handler.accept.text}"

    def busy(self, update: str) -> bool:
        """Whether an update must wait until the messages before it have been handled."""
        return self._must_wait(self._handler(update, update=True))

    def queues(self, signal: str) -> bool:
        return self._must_wait(self._handler(signal, update=False))

    def accept(self, turn: Turn, update: str, data: JSON, id: str) -> None:
        """Take an update that has been found acceptable."""
        number = self._handler(update, update=True)
        self.queue.append([number, data, id, turn.state.now])
        self._next(turn)

    # -- the verbs

    def child_done(self, turn: Turn, child: Frame, outcome: Outcome) -> None:
        beside = self.beside.pop(str(child.id), None)
        message = beside if beside is not None else self.handling
        if beside is None:
            self.running = 0
        try:
            if isinstance(outcome, Completed):
                self._conclude(turn, message, child.scope)
        except ExpressionError as problem:
            outcome = Failed({**new_error("ExpressionFailed", problem.message), "step": turn.label(self)})
        turn.drop_scope(child.scope)
        if not isinstance(outcome, Completed):
            self._unhandled(turn, message, outcome, beside=beside is not None)
        self._go_on(turn)

    def handle(self, turn: Turn, event: Event) -> None:
        error = new_error("Timeout", f"not over within {format_duration(self.span)}")
        if self.node.patience.default is not None:
            try:
                self._end(turn, Completed(turn.value(self.node.patience.default, self)), given=True)
            except ExpressionError as problem:
                error = new_error("ExpressionFailed", problem.message, cause=error)
            else:
                return
        self._end(turn, Failed({**error, "step": turn.label(self)}))

    def cancel(self, turn: Turn) -> None:
        self.cancelling = True
        self._end(turn, Stopped())

    # -- handling

    def _queue_signal(self, turn: Turn, number: int, data: JSON, at: int) -> None:
        schema = self.node.handlers[number].schema
        problems = [] if schema is None else check_value(schema, data)
        if problems:
            error = new_error("InvalidInput", "a signal that does not fit was dropped", details=problems)
            turn.state.recorded.append({**error, "step": turn.label(self)})
        else:
            self.queue.append([number, data, None, at])

    def _take_early(self, turn: Turn) -> None:
        kept = []
        for signal in turn.state.signals:
            number = self._handler(signal.signal, update=False)
            if number is None:
                kept.append(signal)
            else:
                self._queue_signal(turn, number, signal.data, signal.at)
        turn.state.signals = kept

    def _next(self, turn: Turn) -> None:
        while self.queue and self.closing is None:
            concurrent = self.node.handlers[self.queue[0][0]].concurrent
            if self.running and not concurrent:
                return
            self._start(turn, self.queue.pop(0))

    def _start(self, turn: Turn, message: list[JSON]) -> None:
        handler: MessageHandler = self.node.handlers[message[0]]
        scope = turn.new_scope(self.inner, {"message": message[1]}, home=True)
        if handler.body is not None:
            frame = turn.enter(handler.body, self, scope=scope, turn=(handler.place, self.begun))
            self.begun += 1
            if handler.concurrent:
                self.beside[str(frame)] = message
            else:
                self.running, self.handling = frame, message
            return
        try:
            self._conclude(turn, message, scope)
        except ExpressionError as problem:
            error = {**new_error("ExpressionFailed", problem.message), "step": turn.label(self)}
            self._unhandled(turn, message, Failed(error), beside=handler.concurrent)
        finally:
            turn.drop_scope(scope)

    def _conclude(self, turn: Turn, message: list[JSON], scope: int) -> None:
        """After the steps: assign, then reply, then see whether the scope is over."""
        handler: MessageHandler = self.node.handlers[message[0]]
        before = self._state(turn)
        try:
            if handler.values is not None:
                values = handler.values.evaluate(turn.state.names(scope), turn)
                turn.state.rebind(self.inner, "state", {**before, **values})
            reply = None if handler.reply is None else handler.reply.evaluate(turn.state.names(scope), turn)
            over = handler.stop or self._satisfied(turn)
        except ExpressionError:
            turn.state.rebind(self.inner, "state", before)
            raise
        if message[2] is not None:
            turn.commands.append(ReplyUpdate(message[2], reply))
        if over and self.closing is None:
            self._end(turn, Completed(None))

    def _unhandled(self, turn: Turn, message: list[JSON], outcome: Outcome, *, beside: bool) -> None:
        """A handler did not come to its end: its caller hears of it; a plain one takes the scope with it."""
        error = outcome.error if isinstance(outcome, Failed) else new_error("Cancelled", "the receive has ended")
        if message[2] is not None:
            turn.commands.append(ReplyUpdate(message[2], error=error))
        if isinstance(outcome, Failed) and (beside or self.given or isinstance(self.closing, Failed | Stopped)):
            turn.state.recorded.append(error)
        elif isinstance(outcome, Failed):
            self._end(turn, outcome)

    # -- the end

    def _end(self, turn: Turn, outcome: Outcome, *, given: bool = False) -> None:
        """Nothing is received any more; what was not handled goes back, or is refused."""
        if isinstance(self.closing, Failed | Stopped):
            return
        begins, self.closing = self.closing is None, outcome
        if given or not isinstance(outcome, Completed):
            for frame in (self.running, *map(int, self.beside)):
                turn.cancel(frame)
        if begins:
            for key in self._keys():
                turn.state.unsubscribe(key, self.id)
            turn.clear_timer(self)
            self._give_back(turn)
        self.given = given
        self._go_on(turn)

    def _give_back(self, turn: Turn) -> None:
        signals = self.unhandled()
        for _, _, id, _ in self.queue:
            if id is not None:
                error = new_error("UpdateRejected", "the receive has ended")
                turn.commands.append(ReplyUpdate(id, error=error))
        self.queue = []
        turn.hand_back(signals)

    def _go_on(self, turn: Turn) -> None:
        if self.closing is None:
            self._next(turn)
        if self.closing is None or self.running or self.beside or turn.state.frames.get(self.id) is not self:
            return
        outcome = self.closing
        if isinstance(outcome, Completed) and not self.given:
            outcome = Completed(self._state(turn))
        turn.drop_scope(self.inner)
        turn.finish(self, outcome)

    def _satisfied(self, turn: Turn) -> bool:
        return self.node.until is not None and turn.holds(self.node.until, self.inner)

    def _state(self, turn: Turn) -> dict[str, JSON]:
        """The present state; it is replaced, never changed, since others may hold on to it."""
        return turn.state.scopes[self.inner].bindings["state"]  # type: ignore[no-any-return]

    def _must_wait(self, number: int | None) -> bool:
        concurrent = number is not None and self.node.handlers[number].concurrent
        return not concurrent and bool(self.running or self.queue)

    def _handler(self, name: str, *, update: bool) -> int | None:
        for number, handler in enumerate(self.node.handlers):
            if handler.name == name and handler.update is update:
                return number
        return None

    def _keys(self) -> list[str]:
        return self.keys_of(self.node)

    @staticmethod
    def keys_of(node: Receive) -> list[str]:
        """What a receive subscribes to."""
        return list(dict.fromkeys(update_key(h.name) if h.update else h.name for h in node.handlers))
