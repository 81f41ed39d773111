"""The fold law: a state read back from bytes, at any event, goes on exactly as the state itself would have.

Definitions are generated, and so is what happens to them: any open thing may end in any way and in any order, the
clock jumps, signals and cancellations come, events come twice or too late.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from everything import LEAVES, MODIFIERS, WRAPPERS, Piece, alone, names
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.core import State, fold, machine
from perdure.core.commands import Command, StartActivity
from perdure.core.events import (
    ActivityCancelled,
    ActivityCompleted,
    ActivityFailed,
    AskAnswered,
    AttemptLost,
    AttemptStarted,
    CacheRead,
    CancelRequested,
    Event,
    Reopened,
    RunStarted,
    SignalReceived,
    SlotGranted,
    SlotRefused,
    TerminateRequested,
    TimerFired,
)
from perdure.core.wire import event_from_bytes, event_to_bytes, state_from_bytes, state_to_bytes
from perdure.definition import load
from perdure.program import Program
from perdure.testing.laws import Open, check_restart, check_table
from perdure.values import SECOND

START = 1_700_000_000 * SECOND
INPUT = {"yes": True, "no": False, "n": 3}
MOST_EVENTS = 60

load("workflow: first\nsteps: [{wait: 0s}]\n")  # raises the recursion limit before hypothesis notes it


@st.composite
def pieces(draw: st.DrawFn) -> Piece:
    unique = names()
    piece = LEAVES[draw(st.sampled_from(list(LEAVES)))](unique)
    for _ in range(draw(st.integers(1, 4))):
        piece = MODIFIERS[draw(st.sampled_from(list(MODIFIERS)))](piece)
        wrapper = draw(st.sampled_from([name for name in WRAPPERS if name != "foreach at once"]))
        piece = WRAPPERS[wrapper](piece)
    return MODIFIERS[draw(st.sampled_from(list(MODIFIERS)))](piece)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Pieces side by side, so that much is open at once, and one behind them."""
    first, second, third = draw(pieces()), draw(pieces()), draw(pieces())
    branches = {"a": [renamed(first, "a").step], "b": [renamed(second, "b").step]}
    join = draw(st.sampled_from([{}, {"join": "any"}, {"join": "any", "rest": "finish"}, {"on_error": "collect"}]))
    group = Piece(
        {"id": "group", "parallel": {"branches": branches, **join}},
        fragments={**renamed(first, "a").fragments, **renamed(second, "b").fragments, **third.fragments},
    )
    return load(json.dumps(alone(group, third.step))).program


def renamed(piece: Piece, name: str) -> Piece:
    """The piece with variables and fragments of its own, for two branches may not write the same."""
    text = json.dumps([piece.step, piece.fragments])
    text = text.replace('"v1"', f'"{name}1"').replace('"fragment_', f'"{name}_fragment_')
    step, fragments = json.loads(text)
    return Piece(step, fragments=fragments)


class Chaos:
    """A host that lets anything happen that may happen."""

    def __init__(self, program: Program, seed: int) -> None:
        self.program = program
        self.random = Random(seed)
        self.now = START
        self.open = Open()
        self.events: list[Event] = []
        self.commands: list[list[Command]] = []
        self.states: list[bytes] = []
        event = RunStarted(START, "run", INPUT, "seed")
        self.state, commands = machine.start(program, event)
        self.happened(event, commands)

    def happened(self, event: Event, commands: list[Command]) -> None:
        self.events.append(event)
        self.commands.append(commands)
        for command in commands:
            self.open.asked(command)
        check_table(self.state)
        check_restart(self.program, self.state, self.open)
        self.states.append(state_to_bytes(self.state))

    def apply(self, event: Event) -> None:
        self.open.heard(event)
        self.happened(event, machine.step(self.program, self.state, event))

    def run(self) -> None:
        """Anything for a while; then a cancellation, and all that is open ends until the run does."""
        while self.state.status == "running" and len(self.events) < MOST_EVENTS // 2:
            self.now += self.random.choice((0, 0, 1, SECOND // 2, SECOND))
            self.apply(self.anything())
        cancelled = False
        while self.state.status == "running" and len(self.events) < 10 * MOST_EVENTS:
            self.apply(self.next_end() if cancelled else CancelRequested(self.now, None))
            cancelled = True

    def anything(self) -> Event:
        chosen = self.random.random()
        if chosen < 0.05:
            return SignalReceived(self.now, self.random.choice(("never", "no", "other")), 1, "s")
        if chosen < 0.07:
            return CancelRequested(self.now, "chaos")
        if chosen < 0.075:
            return TerminateRequested(self.now, "chaos")
        if chosen < 0.09 and len(self.events) > 1:
            self.now += SECOND
            return Reopened(self.now, self.state.counter + 3, self.state.draws + 1)
        if chosen < 0.15 and len(self.events) > 1:
            return self.late()
        return self.next_end()

    def late(self) -> Event:
        """Something for a frame that is gone, or a timer that is not due."""
        gone = self.random.choice([n for n in range(1, self.state.counter + 9) if n not in self.state.frames] or [0])
        early = [frame for frame, due in self.open.timers.items() if due > self.now]
        events: list[Event] = [
            ActivityCompleted(self.now, gone, 1),
            ActivityCancelled(self.now, gone),
            AskAnswered(self.now, gone, 1, None),
            SlotGranted(self.now, gone),
            CacheRead(self.now, gone, True, 1),
            TimerFired(self.now, self.random.choice([gone, *early])),
        ]
        return self.random.choice(events)

    def next_end(self) -> Event:
        """One of the open things ends; with only timers open the clock jumps."""
        wishes: list[Any] = [*self.open.slots.values(), *self.open.reads.values()]
        if wishes and self.random.random() < 0.5:
            return self.granted(self.random.choice(wishes).frame)
        choices: list[Any] = [*self.open.activities.values(), *self.open.asks.values(), *self.open.timers.items()]
        choices += wishes
        if not choices:
            return SignalReceived(self.now, "never", 1, "s")
        chosen = self.random.choice(choices)
        if isinstance(chosen, tuple):
            frame, due = chosen
            self.now = max(self.now, due)
            return TimerFired(self.now, frame)
        frame = chosen.frame
        if chosen in wishes:
            return self.granted(frame)
        if frame in self.open.asks and chosen is self.open.asks[frame]:
            return AskAnswered(self.now, frame, "yes", "ana")
        ends: list[Event] = [
            ActivityCompleted(self.now, frame, [1]),
            ActivityCompleted(self.now, frame, [1]),
            ActivityFailed(self.now, frame, {"type": "Bad", "message": "", "details": None, "cause": None}),
            ActivityFailed(self.now, frame, {"type": "Bad", "message": ""}, retryable=False),
            ActivityCancelled(self.now, frame),
        ]
        if isinstance(chosen, StartActivity):
            ends += [AttemptStarted(self.now, frame), AttemptLost(self.now, frame)]
        return self.random.choice(ends)

    def granted(self, frame: int) -> Event:
        """A wish for a slot or a look into the cache is answered, whichever way."""
        if frame in self.open.reads:
            return CacheRead(self.now, frame, self.random.random() < 0.2, "cached")
        refused = SlotRefused(self.now, frame, "it would wait for ever")
        return refused if self.random.random() < 0.1 else SlotGranted(self.now, frame)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(), st.integers(0, 1_000_000))
def test_a_state_read_back_at_any_event_goes_on_the_same(program: Program, seed: int) -> None:
    chaos = Chaos(program, seed)
    chaos.run()
    assert chaos.state.status != "running", "a cancelled run ends when all that is open ends"
    for prefix in range(len(chaos.events) - 1):
        state = state_from_bytes(program, chaos.states[prefix])
        ahead = min(len(chaos.events), prefix + 8)
        assert follow(program, state, chaos.events[prefix + 1 : ahead]) == chaos.commands[prefix + 1 : ahead]
        assert state_to_bytes(state) == chaos.states[ahead - 1]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(), st.integers(0, 1_000_000))
def test_folding_the_journal_from_the_start_gives_the_same_state(program: Program, seed: int) -> None:
    chaos = Chaos(program, seed)
    chaos.run()
    journal = [event_from_bytes(event.at, event_to_bytes(event)) for event in chaos.events]
    assert journal == chaos.events
    assert state_to_bytes(fold(program, journal)) == chaos.states[-1]
    middle = len(journal) // 2
    resumed = fold(program, journal[middle + 1 :], state_from_bytes(program, chaos.states[middle]))
    assert state_to_bytes(resumed) == chaos.states[-1]


def follow(program: Program, state: State, events: list[Event]) -> list[list[Command]]:
    return [machine.step(program, state, event) for event in events]
