"""A node that has begun in some run: whether what lives of it can go on with the node of another program.

Nothing here knows where nodes stand; `compare` does, and asks this of each frame whose place is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from perdure.program import nodes
from perdure.program.nodes import Address, Node
from perdure.schemas import check_value
from perdure.values import JSON


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """A live node. `begun` unless a pause holds it back, then `fresh` when it is a whole step; `waits` when it is what
    people see waiting; `turns` are the loop turns it stands in; `over` are nodes inside it that have ended; `current`
    is the step a list has come to, `done` when that has ended too; `arm` is the catch arm it is about to enter;
    `chosen` when a select has its arm; `handlers` are those that a receive has messages for, as (name, whether an
    update); `input` is a fragment's."""

    address: Address
    begun: bool = True
    fresh: bool = False
    waits: bool = False
    turns: tuple[tuple[Address, int], ...] = ()
    over: tuple[Address, ...] = ()
    current: Address | None = None
    done: bool = False
    arm: int | None = None
    chosen: bool = False
    handlers: tuple[tuple[str, bool], ...] = ()
    input: JSON = None


def hindrance(old: Node, new: Node, frame: LiveFrame) -> str | None:
    """Why a frame cannot take the new node for the old one of its kind; none where it can."""
    check = _CHECKS.get(type(old))
    return None if check is None else check(old, new, frame)


def _activity(old: nodes.Activity, new: nodes.Activity, frame: LiveFrame) -> str | None:
    return None if old.name == new.name else f"is calling {old.name}, and would call {new.name}"


def _child(old: nodes.Child, new: nodes.Child, frame: LiveFrame) -> str | None:
    if old.workflow != new.workflow:
        return f"waits for a run of {old.workflow}, and would wait for one of {new.workflow}"
    return None if old.detach == new.detach else "has begun, and `detach` is different now"


def _triggers(old: nodes.Wait | nodes.Select, new: nodes.Wait | nodes.Select, frame: LiveFrame) -> str | None:
    same = {_awaited(trigger) for trigger in old.triggers} == {_awaited(trigger) for trigger in new.triggers}
    if frame.chosen or (same and getattr(old, "gather", "") == getattr(new, "gather", "")):
        return None
    return "waits already, and would wait for something else"


def _awaited(trigger: nodes.Trigger) -> tuple[object, ...]:
    return trigger.name, trigger.signal, trigger.event, trigger.after is None, trigger.until is None


def _receive(old: nodes.Receive, new: nodes.Receive, frame: LiveFrame) -> str | None:
    names = {(handler.name, handler.update) for handler in new.handlers}
    lost = [name for name, update in frame.handlers if (name, update) not in names]
    return f"has a message for {lost[0]}, which has no handler now" if lost else None


def _foreach(old: nodes.Foreach, new: nodes.Foreach, frame: LiveFrame) -> str | None:
    return None if old.name == new.name else f"calls its item {old.name}, and would call it {new.name}"


def _parallel(old: nodes.Parallel, new: nodes.Parallel, frame: LiveFrame) -> str | None:
    if old.lanes.keys() == new.lanes.keys():
        return None
    added, gone = sorted(new.lanes.keys() - old.lanes.keys()), sorted(old.lanes.keys() - new.lanes.keys())
    return "has begun, and " + (f"would have a branch {added[0]}" if added else f"has no branch {gone[0]} now")


def _catch(old: nodes.Catch, new: nodes.Catch, frame: LiveFrame) -> str | None:
    if frame.arm is None:
        return None
    arms = [catch.handlers[frame.arm] if frame.arm < len(catch.handlers) else None for catch in (old, new)]
    same = [None if arm is None else (arm.errors, arm.name, arm.compensate) for arm in arms]
    return None if same[0] == same[1] else "is dealing with an error in an arm that is different now"


def _use(old: nodes.Use, new: nodes.Use, frame: LiveFrame) -> str | None:
    problems = [] if new.schema is None else check_value(new.schema, frame.input)
    return f"has begun with an input that does not fit now: {'; '.join(problems)}" if problems else None


_CHECKS: Final[dict[type, Callable[[Any, Any, LiveFrame], str | None]]] = {
    nodes.Activity: _activity,
    nodes.Child: _child,
    nodes.Wait: _triggers,
    nodes.Select: _triggers,
    nodes.Receive: _receive,
    nodes.Foreach: _foreach,
    nodes.Parallel: _parallel,
    nodes.Catch: _catch,
    nodes.Use: _use,
}
