"""What wait and select share: triggers armed together, signals that came early, and a limit to patience."""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from perdure.core.events import Event
from perdure.core.frame import Frame
from perdure.core.outcomes import new_error
from perdure.core.state import event_key
from perdure.core.turn import Turn
from perdure.errors import ExpressionError
from perdure.program.nodes import Patience, Trigger
from perdure.values import JSON, format_duration, parse_time


@dataclass(slots=True)
class PatientFrame(Frame):
    """A frame that waits, and gives up at `deadline`: with its default, or with Timeout."""

    since: int = 0
    span: int = 0
    deadline: int | None = None

    def start_patience(self, turn: Turn) -> None:
        patience: Patience = self.node.patience
        self.since = turn.state.now
        if patience.timeout is not None:
            self.span = turn.duration(patience.timeout, self, "timeout")
            self.deadline = self.since + self.span

    def give_up(self, turn: Turn) -> None:
        patience: Patience = self.node.patience
        error = new_error("Timeout", f"nothing came within {format_duration(self.span)}")
        if patience.default is None:
            turn.fail(self, error)
            return
        try:
            default = turn.value(patience.default, self)
        except ExpressionError as problem:
            turn.fail(self, new_error("ExpressionFailed", problem.message, cause=error))
        else:
            self.settle_for(turn, default)

    def settle_for(self, turn: Turn, default: JSON) -> None:
        turn.complete(self, default)

    def reopen(self, turn: Turn, gap: int, *, anew: bool) -> None:
        self.since += gap
        if self.deadline is not None:
            self.deadline = turn.state.now + self.span if anew else self.deadline + gap
        if self.due is not None:
            self.due = min(self.moments(), default=None)

    def moments(self) -> list[int]:
        """When its timer has something to do."""
        return [] if self.deadline is None else [self.deadline]


@dataclass(slots=True)
class TriggerFrame(PatientFrame):
    """`dues` are the armed timers, `signals` and `events` what is awaited, all by trigger name."""

    dues: dict[str, int] = field(default_factory=dict)
    signals: dict[str, str] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)

    def fired(self, turn: Turn, name: str, data: JSON) -> bool:
        """A trigger has fired; whether the frame waits for no more."""
        raise NotImplementedError

    def enter(self, turn: Turn) -> None:
        self.start_patience(turn)
        for trigger in self.node.triggers:
            if trigger.after is not None or trigger.until is not None:
                self.dues[trigger.name] = due(turn, self, trigger)
        for trigger in self.node.triggers:
            if trigger.signal is not None:
                if trigger.transient:
                    turn.state.signals = [s for s in turn.state.signals if s.signal != trigger.signal]
                self.signals[trigger.name] = trigger.signal
            elif trigger.event is not None:
                self.events[trigger.name] = trigger.event
        if not self._take_early(turn):
            for signal in dict.fromkeys(self.signals.values()):
                turn.state.subscribe(signal, self.id)
            for event in dict.fromkeys(self.events.values()):
                turn.state.subscribe(event_key(event), self.id)
            self._arm(turn)

    def notice(self, turn: Turn, event: str, data: JSON) -> None:
        for name in self._matching(turn, event, data):
            del self.events[name]
            if event not in self.events.values():
                turn.state.unsubscribe(event_key(event), self.id)
            if self.fired(turn, name, data):
                return
        self._arm(turn)

    def expects(self, turn: Turn, event: str, data: JSON) -> bool:
        return bool(self._matching(turn, event, data))

    def offer(self, turn: Turn, signal: str, data: JSON) -> bool:
        name = next((name for name, awaited in self.signals.items() if awaited == signal), None)
        if name is None:
            return False
        del self.signals[name]
        if signal not in self.signals.values():
            turn.state.unsubscribe(signal, self.id)
        if not self.fired(turn, name, data):
            self._arm(turn)
        return True

    def handle(self, turn: Turn, event: Event) -> None:
        now = turn.state.now
        for name, moment in sorted(self.dues.items(), key=lambda entry: entry[1]):
            if moment <= now and (self.deadline is None or moment <= self.deadline):
                del self.dues[name]
                if self.fired(turn, name, None):
                    return
        if self.deadline is not None and self.deadline <= now:
            self.withdraw(turn)
            self.give_up(turn)
        else:
            self._arm(turn)

    def cancel(self, turn: Turn) -> None:
        self.withdraw(turn)
        turn.stop(self)

    def reopen(self, turn: Turn, gap: int, *, anew: bool) -> None:
        spans = {trigger.name for trigger in self.node.triggers if trigger.after is not None}
        self.dues = {name: due + gap if name in spans else due for name, due in self.dues.items()}
        PatientFrame.reopen(self, turn, gap, anew=anew)

    def moments(self) -> list[int]:
        return [*self.dues.values(), *PatientFrame.moments(self)]

    def withdraw(self, turn: Turn) -> None:
        """Wait for nothing any more."""
        for signal in self.signals.values():
            turn.state.unsubscribe(signal, self.id)
        for event in self.events.values():
            turn.state.unsubscribe(event_key(event), self.id)
        self.signals = {}
        self.events = {}
        self.dues = {}
        turn.clear_timer(self)

    def _matching(self, turn: Turn, event: str, data: JSON) -> list[str]:
        """The awaiting triggers whose `match` holds; one that cannot be evaluated for this event does not hold."""
        names = {**turn.state.scopes[self.scope].names, "message": data}
        found = []
        for trigger in self.node.triggers:
            if self.events.get(trigger.name) == event:
                try:
                    if trigger.match is None or trigger.match.holds(names, turn):
                        found.append(trigger.name)
                except ExpressionError:
                    continue
        return found

    def _take_early(self, turn: Turn) -> bool:
        """Take signals that came before, in the order they came; whether that was enough."""
        early = turn.state.signals
        index = 0
        while index < len(early):
            found = early[index]
            name = next((name for name, awaited in self.signals.items() if awaited == found.signal), None)
            if name is None:
                index += 1
                continue
            del early[index]
            del self.signals[name]
            if self.fired(turn, name, found.data):
                return True
        return False

    def _arm(self, turn: Turn) -> None:
        moments = self.moments()
        if moments and self.due != min(moments):
            turn.set_timer(self, min(moments))
        elif not moments:
            turn.clear_timer(self)


def due(turn: Turn, frame: Frame, trigger: Trigger) -> int:
    """The moment a timer trigger stands for."""
    if trigger.after is not None:
        return turn.state.now + turn.duration(trigger.after, frame, "wait")
    assert trigger.until is not None
    text = turn.value(trigger.until, frame)
    zone = None if trigger.zone is None else turn.value(trigger.zone, frame)
    try:
        return parse_time(text, None if zone is None else ZoneInfo(zone))
    except (ZoneInfoNotFoundError, TypeError):
        raise ExpressionError(f"there is no timezone {zone!r}") from None
    except ValueError as problem:
        raise ExpressionError(f"until: {problem}") from None
