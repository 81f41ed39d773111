"""May a run that began with one program go on with another? Says so, or why not, with both places.

A run may move when everything that lives in it exists in the new program, as the same kind of step in the same place,
and when what is still to be read is there. Knows programs only; what lives in a run it is told (`Live`, which
`perdure.core.moving` gathers from a state).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from perdure.expressions import Expression, Template
from perdure.expressions.visitor import Reference
from perdure.program import nodes
from perdure.program.nodes import Address, Node
from perdure.program.program import Position, Program
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


@dataclass(frozen=True, slots=True)
class Live:
    """What lives in a run: its frames, the bodies of registered undos, the names of its variables, its input."""

    frames: tuple[LiveFrame, ...]
    undos: tuple[Address, ...] = ()
    vars: frozenset[str] = frozenset()
    input: JSON = None


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a run cannot move; `old` and `new` are where the step is written, where it is."""

    message: str
    old: Position | None
    new: Position | None

    def __str__(self) -> str:
        places = [f"{name} {place.file}:{place.line}:{place.column}"
                  for name, place in (("old", self.old), ("new", self.new)) if place is not None]  # fmt: skip
        return f"{self.message} ({', '.join(places)})" if places else self.message


def compare(old: Program, new: Program, live: Live) -> list[Obstacle]:
    """What keeps a run from going on with another program; nothing where it can."""
    if old.name != new.name:
        return [Obstacle(f"the definition is of {new.name}, and the run is of {old.name}", _top(old), _top(new))]
    comparison = _Comparison(old, new, live)
    found = [*comparison.places(), *comparison.input()]
    if not found:  # else it is not known what is still to run
        found = [*comparison.order(), *comparison.undos(), *comparison.results(), *comparison.variables()]
    return list(dict.fromkeys(found))


def renumbered(old: Program, new: Program, live: Live) -> dict[Address, Address]:
    """Nodes that go by another address now. Lists that are named by their place among others (arms, handlers) are known
    by the step that runs in them; a step that has not begun may have other modifiers."""
    around, moved = _around(new), {}
    for frame in live.frames:
        family, dash, number = frame.address.rpartition("-")
        if frame.current is None or frame.done or not dash or not number.isdigit() or "#" not in family:
            continue
        found = around.get(frame.current, "")
        if found != frame.address and found.rpartition("-")[0] == family:
            moved[frame.address] = found
    begin = {new.nodes[child].step: child for node in new.nodes.values() if isinstance(node, nodes.Sequence)
             for child in node.children}  # fmt: skip
    for frame in live.frames:
        step = old.nodes[frame.address].step
        if frame.fresh and step in begin and begin[step] != frame.address:
            moved[frame.address] = begin[step]
    return moved


class _Comparison:
    def __init__(self, old: Program, new: Program, live: Live) -> None:
        self.old, self.new, self.live = old, new, live
        self.around_old, self.around_new = _around(old), _around(new)
        self.moved = renumbered(old, new, live)

    # -- where frames stand

    def places(self) -> Iterator[Obstacle]:
        for frame in self.live.frames:
            message = self._place(frame)
            if message is not None:
                yield self._obstacle(message, self.old.nodes[frame.address].step, frame)

    def _place(self, frame: LiveFrame) -> str | None:
        address = self.moved.get(frame.address, frame.address)
        before, after = self.old.nodes[frame.address], self.new.nodes.get(address)
        label = self.old.label(before.step, frame.turns)
        if after is None or (type(before) is not type(after) and not frame.fresh):
            return self._missing(frame, before, label)
        around = self.around_old.get(frame.address, "")
        if self.moved.get(around, around) != self.around_new.get(address, ""):
            return f"{label} has begun, and has other modifiers now or stands elsewhere"
        if _family(self.old, before.step) != _family(self.new, before.step):
            return f"{label} has no id, and steps like it were added or removed: which of them is meant?"
        if frame.waits and self.new.label(before.step, frame.turns) != label:
            return f"{label} is called {self.new.label(before.step, frame.turns)} now"
        check = _CHECKS.get(type(before))
        problem = None if check is None or not frame.begun else check(before, after, frame)
        return None if problem is None else f"{label} {problem}"

    def _missing(self, frame: LiveFrame, before: Node, label: str) -> str:
        kind = self.old.kinds.get(before.step, "step")
        if before.step not in self.new.kinds:
            renamed = self._candidate(before.step)
            hint = "" if renamed is None else f"; was it renamed to {renamed}?"
            begun = "has begun" if frame.begun else "is next"
            return f"{label} {begun}, and there is no such {kind} in the new definition{hint}"
        if self.new.kinds[before.step] != kind:
            return f"{label} has begun as {kind}, and is {self.new.kinds[before.step]} in the new definition"
        part = frame.address.rpartition("#")[2] if "#" in frame.address else kind
        return f"{label} has begun, and has no {_PARTS.get(part, part)} of that kind in the new definition"

    def _candidate(self, step: Address) -> Address | None:
        """A step that is new, of the same kind, in the same list."""
        beside = step.rpartition("/")[0]
        new = (found for found in self.new.kinds if found not in self.old.kinds and found.rpartition("/")[0] == beside)
        return next((found for found in new if self.new.kinds[found] == self.old.kinds[step]), None)

    def input(self) -> Iterator[Obstacle]:
        if self.new.input_schema is not None:
            problems = check_value(self.new.input_schema, self.live.input)
            if problems:
                message = f"the run's input does not fit the new definition: {'; '.join(problems)}"
                yield Obstacle(message, _top(self.old), _top(self.new))

    # -- what has ended must not begin again, what is to be undone must be there

    def order(self) -> Iterator[Obstacle]:
        for frame in self.live.frames:
            before, after = self.old.nodes[frame.address], self._now(frame)
            if not isinstance(before, nodes.Sequence) or not isinstance(after, nodes.Sequence) or frame.done:
                continue
            current = self._current(frame)
            if current not in after.order or frame.current is None:
                continue
            for step in before.children[: before.order[frame.current]]:
                if after.order.get(step, -1) > after.order[current]:
                    label = self.old.label(self.old.nodes[step].step, frame.turns)
                    yield self._obstacle(f"{label} has ended, and would run again", self.old.nodes[step].step, frame)

    def undos(self) -> Iterator[Obstacle]:
        for body in self.live.undos:
            before, after = self._finish(self.old, body), self._finish(self.new, body)
            if before is None:
                continue
            label = self.old.label(before.step)
            if after is None:
                message = f"{label} is to be undone if the run fails, and has no compensate now"
                yield self._obstacle(message, before.step)
                continue
            missing = {*after.captures.bindings} - {*before.captures.bindings}
            missing |= {f"steps.{id}" for id in {*after.captures.steps} - {*before.captures.steps}}
            if after.captures.vars and not before.captures.vars:
                missing.add("vars")
            if missing:
                names = ", ".join(sorted(missing))
                yield self._obstacle(f"the undo of {label} reads {names}, which was not kept for it", before.step)

    def _finish(self, program: Program, body: Address) -> nodes.Finish | None:
        around = program.nodes.get(_around(program).get(body, "")) if body in program.nodes else None
        return around if isinstance(around, nodes.Finish) and around.undo == body else None

    # -- what is still to be read

    def results(self) -> Iterator[Obstacle]:
        behind = self._behind()
        ids = {id for step, id in self.new.ids.items() if step in behind}
        known = set(self.old.ids.values())
        for step, reference in self._reads(behind, "steps"):
            wanted = [reference.path[0]] if reference.path and isinstance(reference.path[0], str) else sorted(ids)
            for id in wanted:
                if id not in ids or (id in known and id in self.old.kept) or (reference.guarded and id not in known):
                    continue
                why = "which the old definition did not keep" if id in known else "which this run has passed without it"
                label = self.new.label(step) or "the output"
                source = next(found for found, name in self.new.ids.items() if name == id)
                yield Obstacle(f"{label} reads the result of {id}, {why}", self.old.positions.get(source),
                               self.new.positions.get(step))  # fmt: skip
        for node in self.new.nodes.values():
            if isinstance(node, nodes.Rollback) and node.step not in behind and node.to in ids - self.old.marks:
                message = f"{self.new.label(node.step)} goes back to {node.to}, which the old definition did not mark"
                yield Obstacle(message, self.old.positions.get(node.step), self.new.positions[node.step])

    def variables(self) -> Iterator[Obstacle]:
        """Variables the old definition never knew: they have their initial value, or are set before they are read."""
        behind = self._behind()
        known = self.live.vars | _variables(self.old) | _variables(self.new, behind)
        for step, reference in self._reads(behind, "vars"):
            name = reference.path[0] if reference.path else None
            if isinstance(name, str) and name not in known and not reference.guarded:
                label = self.new.label(step) or "the output"
                message = f"{label} reads the variable {name}, which this run does not have"
                yield Obstacle(message, None, self.new.positions.get(step))

    def _behind(self) -> set[Address]:
        """Steps of the new program that this run has passed."""
        behind: set[Address] = set()
        for frame in self.live.frames:
            node = self._now(frame)
            passed: Iterable[Address] = frame.over
            if isinstance(node, nodes.Sequence) and self._current(frame) in node.order:
                passed = node.children[: node.order[self._current(frame)] + frame.done]
            for address in passed:
                behind.update(_steps_in(self.new, address))
        return behind

    def _reads(self, behind: set[Address], root: str) -> Iterator[tuple[Address, Reference]]:
        for node in self.new.nodes.values():
            if node.step not in behind:
                yield from ((node.step, found) for found in references(node) if found.root == root)

    def _current(self, frame: LiveFrame) -> Address:
        """The step that a list has come to."""
        return self.moved.get(frame.current or "", frame.current or "")

    def _now(self, frame: LiveFrame) -> Node:
        return self.new.nodes[self.moved.get(frame.address, frame.address)]

    def _obstacle(self, message: str, step: Address, frame: LiveFrame | None = None) -> Obstacle:
        """With the step's old place, and its new one: where it is gone, that of the step around it."""
        renamed = self._candidate(step) if step in self.old.kinds and step not in self.new.kinds else None
        found: Address | None = renamed or step
        while found not in self.new.positions and found:
            found = found.rpartition("/")[0]
        return Obstacle(message, self.old.positions.get(step), self.new.positions.get(found or ""))


# -- checks of what a live frame still takes from its node

_PARTS: Final = {
    "if": "`if`", "guarded": "`finally`", "finally": "`finally`", "catch": "`catch`", "retry": "`retry`",
    "timeout-total": "`timeout`", "timeout-attempt": "`timeout.attempt`", "finish": "`output` or `compensate`",
    "undo": "`compensate`",
}  # fmt: skip


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


# -- reading programs


def _top(program: Program) -> Position | None:
    return program.positions.get("")


def _family(program: Program, step: Address) -> int:
    """How many steps without an id share the name of this one, which has none either."""
    if step == "" or step in program.ids or step not in program.kinds:
        return 0
    name = step.rpartition("~")[0] if step.rpartition("~")[2].isdigit() else step
    return sum(1 for found in program.kinds if found == name or found.startswith(f"{name}~"))


def inside(node: Node) -> Iterator[Address]:
    """The nodes that a node names."""
    for name in ("child", "body", "undo"):
        address = getattr(node, name, None)
        if address:
            yield address
    yield from getattr(node, "children", ())
    arms = getattr(node, "arms", ())
    yield from arms.values() if isinstance(arms, Mapping) else (arm.body for arm in arms)
    yield from (lane.body for lane in getattr(node, "lanes", {}).values())
    yield from (handler.body for handler in getattr(node, "handlers", ()) if handler.body)


def _around(program: Program) -> dict[Address, Address]:
    """The node around each node."""
    return {address: node.address for node in program.nodes.values() for address in inside(node)}


def _steps_in(program: Program, address: Address) -> Iterator[Address]:
    waiting = [address]
    while waiting:
        node = program.nodes.get(waiting.pop())
        if node is not None:
            yield node.step
            waiting.extend(inside(node))


def references(part: object) -> Iterator[Reference]:
    """Every name that the expressions of a node, or of a part of it, read."""
    if isinstance(part, Expression):
        yield from part.references
    elif isinstance(part, Template):
        for _, expression in part.expressions:
            yield from expression.references
    elif isinstance(part, tuple):
        for item in part:
            yield from references(item)
    elif is_dataclass(part) and not isinstance(part, type):
        for field in fields(part):
            yield from references(getattr(part, field.name))
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from references(value)


def _variables(program: Program, behind: set[Address] | None = None) -> set[str]:
    """Variables that the program begins with or sets, apart from what it sets in steps that are behind."""
    names = set() if program.vars is None else set(program.vars.names)
    for node in program.nodes.values():
        if isinstance(node, nodes.Set) and (behind is None or node.step not in behind):
            names.update(node.values.names)
    return names
