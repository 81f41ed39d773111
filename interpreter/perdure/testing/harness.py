"""The virtual-time host: runs one program on the machine, deterministically, without asyncio, store or clock.

Commands are carried out by fakes; when all is idle the clock jumps to the next thing due (see `agenda`). The journal,
the commands and the calls are kept. Every turn is checked by `laws`; it knows nothing of YAML.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from perdure.core import State, machine, wire
from perdure.core.blocks import BLOCKS
from perdure.core.commands import (
    CancelActivity,
    CancelChild,
    CancelTimer,
    CloseAsk,
    CloseRun,
    Command,
    Deliver,
    LeaveSlot,
    OpenAsk,
    ReadCache,
    ReplyUpdate,
    StartActivity,
    StartChild,
    StartTimer,
    TakeSlot,
    WriteCache,
)
from perdure.core.events import (
    ActivityCancelled,
    AskAnswered,
    AttemptLost,
    CancelRequested,
    Event,
    EventReceived,
    PauseRequested,
    ResumeRequested,
    RunStarted,
    SignalReceived,
    TerminateRequested,
    TimerFired,
    UpdateReceived,
)
from perdure.core.lifecycle import KEEPING
from perdure.core.machine import NewTurn
from perdure.core.turn import Turn
from perdure.errors import InvalidInput, RunConflict
from perdure.program import Program
from perdure.schemas import check_value
from perdure.testing import laws
from perdure.testing.activities import Call, Fake
from perdure.testing.agenda import OUTSIDE, TIMERS, Action, Agenda
from perdure.testing.attempts import Attempts
from perdure.testing.callers import Callers, Verdict
from perdure.testing.laws import Open
from perdure.testing.neighbours import RUN, Neighbours
from perdure.testing.results import Results
from perdure.testing.slots import SlotKeeper
from perdure.values import JSON, parse_time

STARTED_AT: Final = parse_time("2026-01-01T00:00:00Z")
OPEN: Final = ("scheduled", "running", "paused")
MOST_EVENTS: Final = 200_000
"""Events after which a run counts as endless."""


@dataclass(slots=True)
class Watch:
    """Something to do `after` the first turn that leaves `holds` true."""

    holds: Callable[[Harness], bool]
    after: int
    action: Action


class Harness:
    """One run. `children` are fakes of other definitions, `post` is asked about everything that is sent (see
    `neighbours`). `delay` is how long it waits before it begins; `watched` is the kind of turn that moves it.
    `restart_every_event` puts the state through bytes after each event and compares what is outstanding; `refold` folds
    the journal anew after each event and compares the states."""

    def __init__(
        self,
        program: Program,
        activities: Mapping[str, Fake] | Callable[[str], Fake | None] | None = None,
        *,
        children: Mapping[str, Fake] | Callable[[str], Fake | None] | None = None,
        post: Fake = lambda call: None,
        input: JSON = None,
        seed: str = "seed",
        start: int = STARTED_AT,
        watched: NewTurn = Turn,
        delay: int | None = None,
        restart_every_event: bool = False,
        refold: bool = False,
    ) -> None:
        self.program = program
        self.input = {} if input is None else input
        self.seed = seed
        self.started_at = start
        self.watched = watched
        self.delay = delay
        self.restart_every_event = restart_every_event
        self.refold = refold
        self.journal: list[Event] = []
        self.commands: list[Command] = []
        self.path: list[str] = []
        self.refused: list[str] = []
        self.open = Open()
        self._agenda = Agenda(start)
        self._watches: list[Watch] = []
        self._kept: list[Action] = []
        find = activities if callable(activities) else (activities or {}).get
        self._attempts = Attempts(find, self._agenda, self.apply)
        self.callers = Callers(self._consider, self._accept)
        find_child = children if callable(children) else (children or {}).get
        self.neighbours = Neighbours(find_child, post, self._agenda, self.apply, self._come_home)
        self.slots = SlotKeeper(self._agenda, self.apply)
        self.results = Results(self._agenda, self.apply)
        self._state: State | None = None

    # -- what tests ask for

    @property
    def state(self) -> State:
        """The run's state; it exists once the run has begun."""
        if self._state is None:
            raise RunConflict("the run has not begun")
        return self._state

    @property
    def now(self) -> int:
        """The virtual time."""
        return self._agenda.now

    @property
    def calls(self) -> list[Call]:
        """The calls of activities that were made."""
        return self._attempts.calls

    @property
    def status(self) -> str:
        return self.state.status

    @property
    def outcome(self) -> dict[str, JSON]:
        """What the run came to; empty while it goes on."""
        return self.state.outcome or {}

    @property
    def elapsed(self) -> int:
        """Virtual microseconds since the start."""
        return self.now - self.started_at

    def live(self) -> dict[str, str]:
        """What the run is doing or waiting for, by address: activity, wait, select, ask or retry."""
        found = {}
        for frame in self.state.frames.values():
            if frame.id in self.state.held:
                continue
            child = getattr(frame, "child", 0)
            resting = frame.due is not None if frame.waits == "retry" else child == 0 or isinstance(child, str)
            if frame.waits is not None and resting:
                found[self.program.label(frame.node.step, self.state.turns(frame))] = frame.waits
        return found

    def run(self) -> Harness:
        """Begin, unless it has begun, and go on until nothing more can happen."""
        self.begin()
        while self.tick():
            pass
        return self

    def begin(self) -> None:
        """Start the run; raises InvalidInput. Does nothing the second time."""
        if self._state is not None:
            return
        problems = [] if self.program.input_schema is None else check_value(self.program.input_schema, self.input)
        if problems:
            raise InvalidInput("the input does not fit", problems=problems)
        begins = None if self.delay is None else self.now + self.delay
        event = RunStarted(self.now, RUN, self.input, self.seed, begins=begins)
        self.journal.append(event)
        self._state, commands = machine.start(self.program, event, self.watched)
        self._turned(commands)

    def tick(self) -> bool:
        """Let the next thing happen; whether there was any."""
        action = None if self._state is None else self._agenda.take()
        if action is None:
            return False
        if len(self.journal) > MOST_EVENTS:
            raise AssertionError(f"the run goes on after {MOST_EVENTS:,} events")
        action()
        return True

    # -- the outside world

    def at(self, span: int, action: Action) -> None:
        """Do something `span` microseconds after the start."""
        self._agenda.later(self.started_at + span, OUTSIDE, action)

    def when(self, holds: Callable[[Harness], bool], action: Action, after: int = 0) -> None:
        """Do something once, `after` microseconds after the first turn that leaves `holds` true."""
        self._watches.append(Watch(holds, after, action))

    def signal(self, name: str, data: JSON = None) -> None:
        if self._keeps(lambda: self.signal(name, data)):
            return
        if self._accepts():
            self.apply(SignalReceived(self.now, name, data, f"signal-{len(self.journal)}"))

    def answer(self, step: str, answer: JSON, by: str | None = None) -> None:
        """Answer the open question of a step; one that is not open, or an answer that does not fit, is refused."""
        if self._keeps(lambda: self.answer(step, answer, by)):
            return
        asks = [ask for ask in self.open.asks.values() if ask.address == step]
        if not asks:
            self.refused.append(f"{step}: no question is open")
            return
        form = asks[0].body["form"]
        problems = [] if form is None else check_value(form, answer)
        if problems:
            self.refused.append(f"{step}: {problems[0]}")
        else:
            self.apply(AskAnswered(self.now, asks[0].frame, answer, by))

    def update(self, name: str, data: JSON = None, id: str | None = None) -> None:
        """Send an update; one that must wait for others is considered again after every turn."""
        if not self._keeps(lambda: self.callers.send(name, data, id)):
            self.callers.send(name, data, id)

    def event(self, name: str, data: JSON = None) -> None:
        """Publish an event; unless the run waits for it, it never hears of it."""
        if self.status == "paused" and self._keeps(lambda: self.event(name, data)):
            return
        if self.status in OPEN and machine.expects(self.program, self.state, name, data):
            self.apply(EventReceived(self.now, name, data))

    def query(self, name: str) -> JSON:
        """What one of the definition's queries says now."""
        names = {"state": self.state.published, "run": self.state.run}
        return self.program.queries[name].evaluate(names, Turn(self.program, self.state, BLOCKS))

    def pause(self, note: str | None = None) -> None:
        if self._accepts():
            self.apply(PauseRequested(self.now, note))

    def resume(self) -> None:
        if self._accepts():
            self.apply(ResumeRequested(self.now))

    def cancel(self, reason: str | None = None) -> None:
        if self._accepts():
            self.apply(CancelRequested(self.now, reason))

    def terminate(self, reason: str | None = None) -> None:
        if self._accepts():
            self.apply(TerminateRequested(self.now, reason))

    def crash(self, down: int = 0) -> None:
        """The process dies and another takes over, `down` microseconds later: only the state is left. As in an engine
        the attempts that were running are settled first; then come the messages of the time between, then timers."""
        if self.status not in OPEN:
            return
        lost = self._attempts.lose()
        self._agenda.take_over(down)
        self._state = wire.state_from_bytes(self.program, wire.state_to_bytes(self.state))
        asked = machine.outstanding(self.program, self.state)
        settled = set()
        for command in asked:
            if isinstance(command, CancelActivity) and not self._attempts.is_elsewhere(command.frame):
                settled.add(command.frame)
                self.apply(ActivityCancelled(self.now, command.frame))
            elif isinstance(command, StartActivity) and command.frame in lost and self.status in OPEN:
                settled.add(command.frame)
                self.apply(AttemptLost(self.now, command.frame))
        open = machine.outstanding(self.program, self.state)
        for command in asked:
            if command in open and getattr(command, "frame", None) not in settled:
                self._carry_out(command)

    # -- the host

    def apply(self, event: Event) -> None:
        """Hand the machine an event and carry out what it asks for."""
        self.journal.append(event)
        self.open.heard(event)
        self._turned(machine.step(self.program, self.state, event, self.watched))

    def _turned(self, commands: list[Command]) -> None:
        self.commands.extend(commands)
        for command in commands:
            self.open.asked(command)
        laws.check_table(self.state)
        if self.restart_every_event:
            self._state = laws.check_restart(self.program, self.state, self.open)
        if self.refold:
            laws.check_refold(self.program, self.journal, self.state)
        for command in commands:
            self._carry_out(command)
        laws.check_slots(self.state, self.slots.held())
        for watch in tuple(self._watches):
            if watch.holds(self):
                self._watches.remove(watch)
                self._agenda.later(self.now + watch.after, OUTSIDE, watch.action)
        if self._kept and self.status not in KEEPING:
            kept, self._kept = self._kept, []
            for action in kept:
                self._agenda.later(self.now, OUTSIDE, action)
        if self.callers.knocking:
            self._agenda.later(self.now, OUTSIDE, self.callers.admit)

    def _carry_out(self, command: Command) -> None:
        match command:
            case StartActivity():
                self.path.append(command.address)
                self._attempts.start(command)
            case CancelActivity():
                self._attempts.stop(command)
            case StartTimer(frame, due):
                self._agenda.later(due, TIMERS, lambda: self._fire(frame, due))
            case OpenAsk():
                self.path.append(command.address)
            case Deliver():
                self.neighbours.deliver(command)
            case StartChild():
                self.neighbours.start(command)
            case CancelChild():
                self.neighbours.cancel(command)
            case TakeSlot():
                self.slots.take(command)
            case LeaveSlot(frame):
                self.slots.leave(frame)
            case ReadCache():
                self.results.read(command)
            case WriteCache():
                self.results.write(command)
            case ReplyUpdate():
                self.callers.hear(command)
            case CancelTimer() | CloseAsk():
                pass
            case CloseRun():
                self._close(command)

    def _consider(self, update: str, data: JSON) -> Verdict:
        if self.status not in OPEN:
            return "refused", f"the run is {self.status}"
        return machine.consider(self.program, self.state, update, data)

    def _accept(self, update: str, data: JSON, id: str) -> None:
        self.apply(UpdateReceived(self.now, update, data, id))

    def _come_home(self, letter: Deliver) -> None:
        """What the run has sent to itself, or to all."""
        match letter.kind:
            case "signal":
                self.signal(letter.name or "", letter.data)
            case "event":
                self.event(letter.name or "", letter.data)
            case "cancel":
                self.cancel(letter.data)

    def _fire(self, frame: int, due: int) -> None:
        if self.open.timers.get(frame) == due:
            self.apply(TimerFired(self.now, frame))

    def _close(self, command: CloseRun) -> None:
        if self._attempts.addresses and command.status != "terminated":
            raise AssertionError(f"the run closed while activities ran: {self._attempts.addresses}")
        self.callers.refuse_all(self.open.updates, f"the run has ended: it is {command.status}")
        self.open.updates.clear()
        self._attempts.close()
        self._agenda.keep_outside()
        self.slots.close()

    def _keeps(self, message: Action) -> bool:
        """Whether the run is paused, or has not begun: messages are kept until it goes on."""
        keeps = self.status in KEEPING
        if keeps:
            self._kept.append(message)
        return keeps

    def _accepts(self) -> bool:
        if self.status in OPEN:
            return True
        self.refused.append(f"the run is {self.status}")
        return False
