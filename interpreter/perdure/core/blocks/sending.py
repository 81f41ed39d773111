"""What a run says to others: send, emit, cancel; and to those who ask: publish."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from perdure.core.commands import Command, Deliver
from perdure.core.events import Delivered, Event, Undeliverable
from perdure.core.frame import Frame
from perdure.core.outcomes import Stopped, new_error
from perdure.core.turn import Turn
from perdure.errors import ExpressionError
from perdure.program.nodes import CancelRun, Emit, Send
from perdure.schemas import check_value
from perdure.values import JSON


@dataclass(slots=True)
class DeliverFrame(Frame):
    """Done once the host says that it has arrived; a cancellation meanwhile waits for that answer."""

    to: str | None = None
    name: str | None = None
    data: JSON = None
    since: int = 0

    waits = "send"

    def enter(self, turn: Turn) -> None:
        self.since = turn.state.now
        match self.node:
            case Send():
                self.to, self.name = _run_id(turn.value(self.node.to, self)), self.node.signal
                self.data = turn.value(self.node.data, self)
            case Emit():
                self.name, self.data = self.node.event, turn.value(self.node.data, self)
            case CancelRun():
                self.to = _run_id(turn.value(self.node.run, self))
                self.data = None if self.node.reason is None else turn.value(self.node.reason, self)
        turn.commands.extend(self.outstanding(turn))

    def handle(self, turn: Turn, event: Event) -> None:
        if isinstance(event, Delivered):
            turn.complete(self, None)
        elif isinstance(event, Undeliverable):
            turn.fail(self, {**new_error("ActivityFailed", ""), **event.error, "step": None})

    def cancel(self, turn: Turn) -> None:
        self.cancelling = True

    def outstanding(self, turn: Turn) -> Iterable[Command]:
        kind = {Send: "signal", Emit: "event", CancelRun: "cancel"}[type(self.node)]
        id = f"{turn.state.name}/{self.id}"
        yield Deliver(self.id, kind, self.to, self.name, self.data, id)


@dataclass(slots=True)
class PublishFrame(Frame):
    """Replaces what queries see."""

    def enter(self, turn: Turn) -> None:
        turn.state.published = turn.value(self.node.value, self)
        turn.complete(self, None)


@dataclass(slots=True)
class RestartFrame(Frame):
    """The run unwinds as with `return`, then goes on as a new one. Where nothing has happened since its start it takes
    a moment first: a run that does nothing but restart would never hear that it is to stop."""

    input: JSON = None

    def enter(self, turn: Turn) -> None:
        value = turn.value(self.node.input, self)
        if not isinstance(value, dict):
            raise ExpressionError("restart.input must be a mapping")
        schema = turn.program.input_schema
        problems = [] if schema is None else check_value(schema, value)
        if problems:
            turn.fail(self, new_error("InvalidInput", "the input does not fit", details=problems))
            return
        if turn.state.now > turn.state.started_at:
            turn.finish(self, Stopped(True, value, restarting=True))
        else:
            self.input = value
            turn.set_timer(self, turn.state.now)

    def handle(self, turn: Turn, event: Event) -> None:
        turn.finish(self, Stopped(True, self.input, restarting=True))


def _run_id(value: JSON) -> str:
    if not isinstance(value, str) or not value:
        raise ExpressionError(f"a run is named by its id, not {value!r}")
    return value
