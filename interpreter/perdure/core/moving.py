"""A live run moves to another program: what lives in it, and the state it goes on with.

`perdure.program.compare` says whether it may; here the state is told to it, and rewritten. The event that comes of it
carries the new state, so that folding never needs the old program beyond it.
"""

from __future__ import annotations

from perdure.core import wire
from perdure.core.blocks import BLOCKS, Undoing
from perdure.core.blocks.handling import CatchFrame, FinallyFrame
from perdure.core.blocks.parallel import ParallelFrame
from perdure.core.blocks.plain import UseFrame
from perdure.core.blocks.receive import ReceiveFrame
from perdure.core.blocks.select import SelectFrame
from perdure.core.blocks.sequence import SequenceFrame
from perdure.core.events import Migrated, SignalReceived
from perdure.core.frame import Frame
from perdure.core.state import ROOT_SCOPE, State
from perdure.core.turn import Turn
from perdure.errors import ExpressionError
from perdure.program import Program
from perdure.program.begun import LiveFrame
from perdure.program.compare import Live, Obstacle, compare, renumbered
from perdure.program.nodes import MessageHandler, Node, Receive
from perdure.values import decode, encode


def obstacles(old: Program, new: Program, state: State) -> list[Obstacle]:
    """What keeps this run from going on with another program; nothing where it can."""
    found = compare(old, new, live(state))
    if not found:
        try:
            _new_variables(old, new, _copy(old, new, state))
        except ExpressionError as problem:
            message = f"vars: {problem.message}"
            found.append(Obstacle(message, old.positions.get(""), new.positions.get("")))
    return found


def move(old: Program, new: Program, state: State, at: int) -> list[Migrated | SignalReceived]:
    """The events by which a run without obstacles moves: the migration, and the signals that only now are taken."""
    moved = _copy(old, new, state)
    moved.now = at = max(at, state.now)
    moved.vars.update(_new_variables(old, new, moved))
    early: list[SignalReceived] = []
    for frame in moved.frames.values():
        if isinstance(frame, ReceiveFrame) and frame.id not in moved.held and frame.closing is None:
            before = old.nodes[frame.node.address]
            assert isinstance(before, Receive)
            early.extend(_receive_anew(before, frame, moved, at))
    return [Migrated(at, old.digest, new.digest, new.version, wire.state_to_json(moved)), *early]


def live(state: State) -> Live:
    """What lives in a run, as programs are compared by it."""
    frames = (_live_frame(state, frame) for frame in state.frames.values() if not isinstance(frame, Undoing))
    undoing = (state.frames.get(frame.child) for frame in state.frames.values() if isinstance(frame, Undoing))
    bodies = [*(undo.body for undo in state.undos), *(body.node.address for body in undoing if body is not None)]
    return Live(tuple(frames), tuple(bodies), frozenset(state.vars), state.input)


def _copy(old: Program, new: Program, state: State) -> State:
    stored = decode(encode(wire.state_to_json(state)))
    stored["digest"] = new.digest
    stored["run"]["version"] = new.version
    places = renumbered(old, new, live(state))
    for frame in stored["frames"]:
        frame[wire.ADDRESS] = places.get(frame[wire.ADDRESS], frame[wire.ADDRESS])
    fresh = [id for id in state.held if _is_fresh(state, state.frames[id])]
    stored["frames"] = [frame for frame in stored["frames"] if frame[1] not in fresh]
    copy = wire.state_from_json(new, stored)
    for id in fresh:
        _begin_anew(
            copy, state.frames[id], new.nodes[places.get(state.frames[id].node.address, state.frames[id].node.address)]
        )
    return copy


def _is_fresh(state: State, frame: Frame) -> bool:
    """Whether a frame that a pause holds back is a whole step of a list: it may come to be any step."""
    around = state.frames.get(frame.parent)
    return frame.id in state.held and isinstance(around, SequenceFrame) and around.child == frame.id


def _begin_anew(state: State, frame: Frame, node: Node) -> None:
    """A frame that has not begun, as one of another node."""
    around = state.frames[frame.parent]
    assert isinstance(around, SequenceFrame)
    around.current = node.address
    state.frames[frame.id] = BLOCKS[type(node)](frame.id, node, frame.parent, frame.scope, turn=frame.turn)
    state.frames = dict(sorted(state.frames.items()))


def _new_variables(old: Program, new: Program, state: State) -> dict[str, object]:
    """A variable that is new begins with its initial value."""
    if new.vars is None:
        return {}
    before = () if old.vars is None else old.vars.names
    missing = [name for name in new.vars.names if name not in state.vars and name not in before]
    if not missing:
        return {}
    values = new.vars.evaluate(state.names(ROOT_SCOPE), Turn(new, state, BLOCKS))
    return {name: values[name] for name in missing}


def _receive_anew(before: Receive, frame: ReceiveFrame, state: State, at: int) -> list[SignalReceived]:
    """Messages know their handler by its number; what the new handlers want is subscribed to. The signals that came
    early and are wanted now."""
    after: Receive = frame.node
    numbers = {_key(handler): number for number, handler in enumerate(after.handlers)}
    moved = {number: numbers.get(_key(handler), -1) for number, handler in enumerate(before.handlers)}
    for message in (*frame.queue, frame.handling, *frame.beside.values()):
        if message:
            message[0] = moved[message[0]]
    old, new = frame.keys_of(before), frame.keys_of(after)
    for key in old:
        if key not in new:
            state.unsubscribe(key, frame.id)
    for key in new:
        if key not in old:
            state.subscribe(key, frame.id)
    wanted = {handler.name for handler in after.handlers if not handler.update and handler.name not in old}
    early = [signal for signal in state.signals if signal.signal in wanted]
    state.signals = [signal for signal in state.signals if signal.signal not in wanted]
    return [SignalReceived(at, signal.signal, signal.data, signal.id) for signal in early]


def _key(handler: MessageHandler) -> tuple[str, bool]:
    return handler.name, handler.update


def _live_frame(state: State, frame: Frame) -> LiveFrame:
    node = frame.node
    facts: dict[str, object] = {}
    match frame:
        case SequenceFrame():
            facts = {"current": frame.current or None, "done": frame.child == 0 and frame.held is not None}
        case FinallyFrame() if frame.held is not None:
            facts = {"over": (node.child,)}
        case CatchFrame() if frame.caught is not None:
            facts = {"over": (node.child,), "arm": frame.arm if frame.undoing else None}
        case ParallelFrame() if frame.started:
            alive = set(frame.members.values())
            facts = {"over": tuple(lane.body for name, lane in node.lanes.items() if name not in alive)}
        case SelectFrame():
            facts = {"chosen": frame.child != 0}
        case ReceiveFrame():
            messages = [*frame.queue, *frame.beside.values(), *([frame.handling] if frame.running else [])]
            facts = {"handlers": tuple(_key(node.handlers[message[0]]) for message in messages)}
        case UseFrame() if frame.child in state.frames:
            facts = {"input": state.scopes[state.frames[frame.child].scope].bindings["input"]}
        case _:
            pass
    return LiveFrame(
        node.address,
        begun=frame.id not in state.held,
        fresh=_is_fresh(state, frame),
        waits=frame.waits is not None,
        turns=tuple(state.turns(frame)),
        **facts,  # type: ignore[arg-type]
    )
