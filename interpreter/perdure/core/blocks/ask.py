"""A question to a person: open until it is answered, or until patience ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from perdure.core.blocks.waiting import PatientFrame
from perdure.core.commands import CloseAsk, Command, OpenAsk
from perdure.core.events import AskAnswered, Event
from perdure.core.turn import Turn
from perdure.errors import ExpressionError
from perdure.values import JSON, format_time, parse_duration


@dataclass(slots=True)
class AskFrame(PatientFrame):
    """`body` is what people see: {prompt, form, of, reminders}; `reminders` the moments still to come."""

    body: dict[str, JSON] = field(default_factory=dict)
    reminders: list[int] = field(default_factory=list)

    waits = "ask"

    def enter(self, turn: Turn) -> None:
        node = self.node
        self.start_patience(turn)
        form = None if node.form is None else turn.value(node.form, self)
        if node.choices is not None:
            choices = turn.value(node.choices, self)
            if not isinstance(choices, list) or not choices:
                raise ExpressionError("ask.choices is a list of at least one choice")
            form = {"enum": choices}
        self.body = {
            "prompt": turn.value(node.prompt, self),
            "form": form,
            "of": None if node.of is None else turn.value(node.of, self),
            "reminders": 0,
        }
        if node.reminders is not None:
            self.reminders = _moments(turn.value(node.reminders, self), self.since)
        turn.commands.append(self._open(turn))
        self._arm(turn)

    def handle(self, turn: Turn, event: Event) -> None:
        if isinstance(event, AskAnswered):
            turn.commands.append(CloseAsk(self.id))
            turn.clear_timer(self)
            turn.complete(self, {"answer": event.answer, "by": event.by, "at": format_time(event.at)})
        elif self.deadline is not None and self.deadline <= turn.state.now:
            turn.commands.append(CloseAsk(self.id))
            self.give_up(turn)
        else:
            while self.reminders and self.reminders[0] <= turn.state.now:
                del self.reminders[0]
                self.body = {**self.body, "reminders": self.body["reminders"] + 1}
            turn.commands.append(self._open(turn))
            self._arm(turn)

    def cancel(self, turn: Turn) -> None:
        turn.commands.append(CloseAsk(self.id))
        turn.stop(self)

    def settle_for(self, turn: Turn, default: JSON) -> None:
        turn.complete(self, {"answer": default, "by": None, "at": format_time(turn.state.now)})

    def reopen(self, turn: Turn, gap: int, *, anew: bool) -> None:
        self.reminders = [moment + gap for moment in self.reminders]
        PatientFrame.reopen(self, turn, gap, anew=anew)

    def moments(self) -> list[int]:
        return [*self.reminders[:1], *PatientFrame.moments(self)]

    def outstanding(self, turn: Turn) -> Iterable[Command]:
        yield self._open(turn)

    def _open(self, turn: Turn) -> OpenAsk:
        return OpenAsk(self.id, turn.label(self), self.since, self.deadline, self.body)

    def _arm(self, turn: Turn) -> None:
        moments = self.moments()
        if moments:
            turn.set_timer(self, min(moments))


def _moments(value: JSON, since: int) -> list[int]:
    """When to remind: each duration counts from the opening of the question."""
    try:
        return sorted(since + parse_duration(span) for span in (value if isinstance(value, list) else [value]))
    except ValueError as problem:
        raise ExpressionError(f"ask.reminders: {problem}") from None
