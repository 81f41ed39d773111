"""A real run's history becomes a test: its calls as mocks, its messages as a script, its outcome as what is expected.

Folds the history as the machine did, to learn which step each event belongs to and when it began. What only the run's
own seed decides (`random()`, `uuid()`, the jitter of retries) is another in the test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from perdure.core import State, machine
from perdure.core.blocks.activity import ActivityFrame
from perdure.core.commands import Command, StartActivity, StartChild
from perdure.core.events import (
    ActivityCancelled,
    ActivityCompleted,
    ActivityFailed,
    AskAnswered,
    AttemptLost,
    CacheRead,
    CancelRequested,
    ChildEnded,
    Delivered,
    Event,
    EventReceived,
    PauseRequested,
    ResumeRequested,
    RunStarted,
    SignalReceived,
    TerminateRequested,
    Undeliverable,
    UpdateReceived,
)
from perdure.core.frame import Frame
from perdure.core.state import event_key, update_key
from perdure.program import Program
from perdure.program.nodes import Child, Emit, Send
from perdure.testing.declared.trace import Trace
from perdure.testing.declared.writing import as_yaml
from perdure.values import JSON, SECOND, format_duration, format_time


@dataclass(slots=True)
class Recorder:
    """What a history says, as it is read; `turns` are ends of calls by the label of their step."""

    program: Program
    trace: Trace
    began: int = 0
    input: JSON = None
    turns: dict[str, list[dict[str, JSON]]] = field(default_factory=dict)
    letters: list[dict[str, JSON]] = field(default_factory=list)
    script: list[dict[str, JSON]] = field(default_factory=list)
    _asked: dict[int, tuple[int, str, Any]] = field(default_factory=dict)
    _since: dict[int, int] = field(default_factory=dict)

    def read(self, events: Sequence[Event]) -> State:
        """Go through a whole history; the state it ends in."""
        state: State | None = None
        for event in events:
            if isinstance(event, RunStarted):
                self.began, self.input = event.at, event.input
                state, asked = machine.start(self.program, event, self.trace.turn)
            else:
                assert state is not None
                self._note(event, state)
                asked = machine.step(self.program, state, event, self.trace.turn)
            self._ask(asked, state, event.at)
        assert state is not None
        for _, label, node in self._asked.values():
            self.turns.setdefault(label, []).append(_hung(node))
        if state.outcome is not None:
            self.trace.lost()
        return state

    def _ask(self, asked: Sequence[Command], state: State, at: int) -> None:
        for command in asked:
            frame = state.frames.get(getattr(command, "frame", 0))
            if frame is not None and isinstance(command, StartActivity | StartChild):
                self._asked[command.frame] = at, self._label(frame, state), frame.node
        for id in state.frames:
            self._since.setdefault(id, at)

    def _note(self, event: Event, state: State) -> None:
        frame = state.frames.get(getattr(event, "frame", 0))
        if frame is not None:
            end = self._end(event, frame)
            if end is not None:
                began, label, _ = self._asked.pop(frame.id, (event.at, self._label(frame, state), frame.node))
                timed = {"after": format_duration(event.at - began)} if event.at > began and "hang" not in end else {}
                self.turns.setdefault(label, []).append({**end, **timed})
            if isinstance(event, Undeliverable) and isinstance(frame.node, Send | Emit):
                name = frame.node.signal if isinstance(frame.node, Send) else frame.node.event
                self.letters.append({"send": name, "raise": _raised(event.error)})
        entry = self._entry(event, state)
        if entry is not None:
            self.script.append({**self._moment(event, state), **entry})

    def _label(self, frame: Frame, state: State) -> str:
        return self.program.label(frame.node.step, state.turns(frame))

    def _end(self, event: Event, frame: Frame) -> dict[str, JSON] | None:
        """How a call ended, as a mock says it."""
        node = frame.node
        match event:
            case ActivityCompleted(result=result):
                return {"return": result}
            case ActivityFailed(error=error, retryable=retryable):
                return {"raise": _raised(error, retryable)}
            case ActivityCancelled() if isinstance(frame, ActivityFrame) and frame.expired:
                return {"hang": True, "queued": format_duration((frame.queue_timeout or 0) + SECOND)}
            case ActivityCancelled() | AttemptLost():
                return _hung(node)
            case ChildEnded(status="completed", output=output):
                return {"return": output}
            case ChildEnded(status="cancelled"):
                return {"hang": True}
            case ChildEnded(error=error):
                return {"raise": _raised(error or {"type": "Failed"})}
            case CacheRead(found=True, value=value) if self.program.kinds[node.step] in ("activity", "workflow"):
                return {"return": value}
            case Delivered() if isinstance(node, Child):
                return {"return": None}
            case Undeliverable(error=error) if isinstance(node, Child):
                return {"raise": _raised(error)}
        return None

    def _entry(self, event: Event, state: State) -> dict[str, JSON] | None:
        """What came from outside, as a script says it."""
        match event:
            case SignalReceived(signal=name, data=data):
                return _with({"signal": name}, data)
            case UpdateReceived(update=name, data=data):
                return _with({"update": name}, data)
            case EventReceived(event=name, data=data):
                return _with({"event": name}, data)
            case AskAnswered(answer=answer, by=by):
                frame = state.frames.get(event.frame)
                step = "" if frame is None else self._label(frame, state)
                return {**_with({"answer": step}, answer), **({} if by is None else {"by": by})}
            case PauseRequested(note=why):
                return {"pause": why or True}
            case ResumeRequested():
                return {"resume": True}
            case CancelRequested(reason=why):
                return {"cancel": why or True}
            case TerminateRequested(reason=why):
                return {"terminate": why or True}
            case AttemptLost() if not self._down(event.at):
                return {"restart": True}
        return None

    def _down(self, at: int) -> bool:
        """Whether the process's death at this moment is in the script already."""
        return any("restart" in entry and entry.get("at") == format_duration(at - self.began) for entry in self.script)

    def _moment(self, event: Event, state: State) -> dict[str, JSON]:
        """When something came: so long after the step that takes it began to wait, else after the start."""
        key = {
            SignalReceived: getattr(event, "signal", ""),
            UpdateReceived: update_key(getattr(event, "update", "")),
            EventReceived: event_key(getattr(event, "event", "")),
        }.get(type(event))
        taking = [event.frame] if isinstance(event, AskAnswered) else state.waiting.get(key or "", ())
        frame = next((state.frames[id] for id in taking if id in state.frames), None)
        if frame is None:
            return {"at": format_duration(event.at - self.began)}
        after = event.at - self._since.get(frame.id, event.at)
        when = {"when": {"step": self._label(frame, state), "is": "waiting"}}
        return {**when, "after": format_duration(after)} if after else when


def record(program: Program, events: Sequence[Event], *, definition: str, name: str) -> str:
    """The text of a file of tests with one case; `definition` is its path as the file says it."""
    recorder = Recorder(program, Trace(program))
    state = recorder.read(events)
    case: dict[str, JSON] = {"name": name, "input": recorder.input}
    mocks = [*_mocks(recorder), *recorder.letters]
    if mocks:
        case["mocks"] = mocks
    if recorder.script:
        case["script"] = recorder.script
    case["expect"] = _expected(recorder, state)
    document = {"test": definition, "clock": {"start": format_time(recorder.began)}, "cases": [case]}
    return as_yaml(document)


def _mocks(recorder: Recorder) -> Iterator[dict[str, JSON]]:
    for label, ends in recorder.turns.items():
        turns: list[dict[str, JSON]] = []
        for end in ends:
            if turns and {**turns[-1], "times": 1} == {**end, "times": 1}:
                turns[-1]["times"] = turns[-1].get("times", 1) + 1
            else:
                turns.append(dict(end))
        if len(turns) == 1:
            yield {"step": label, **{key: value for key, value in turns[0].items() if key != "times"}}
        else:
            yield {"step": label, "sequence": [_times_first(turn) for turn in turns]}


def _times_first(turn: dict[str, JSON]) -> dict[str, JSON]:
    return {**({"times": turn["times"]} if "times" in turn else {}), **turn}


def _expected(recorder: Recorder, state: State) -> dict[str, JSON]:
    outcome = state.outcome or {}
    expect: dict[str, JSON] = {"status": state.status}
    if state.status == "completed":
        expect["output"] = outcome.get("output")
    elif state.status == "continued":
        expect["continued"] = outcome.get("input")
    elif outcome.get("error"):
        expect["error"] = {key: outcome["error"][key] for key in ("type", "step") if outcome["error"].get(key)}
    if outcome.get("undone"):
        expect["undone"] = outcome["undone"]
    tried = {label: found.attempts for label, found in recorder.trace.steps.items() if found.attempts > 1}
    if tried:
        expect["steps"] = {label: {"attempts": attempts} for label, attempts in tried.items()}
    if state.published is not None:
        expect["state"] = state.published
    return expect


def _raised(error: JSON, retryable: bool = True) -> JSON:
    found = {key: error[key] for key in ("type", "message", "details") if error.get(key) not in (None, "")}
    if not retryable:
        found["retryable"] = False
    return found if len(found) > 1 else found["type"]


def _hung(node: Any) -> dict[str, JSON]:
    """A call that did not end by itself; one that heartbeats were expected of has sent them."""
    return {"hang": True, "silent": False} if getattr(node, "heartbeat", None) is not None else {"hang": True}


def _with(entry: dict[str, JSON], data: JSON) -> dict[str, JSON]:
    return entry if data is None else {**entry, "with": data}
