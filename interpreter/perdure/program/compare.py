"""May a run that began with one program go on with another? Says so, or why not, with both places.

A run may move when everything that lives in it exists in the new program, as the same kind of step in the same place,
and when what is still to be read is there. Knows programs only; what lives in a run it is told (`Live`, which
`perdure.core.moving` gathers from a state).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from perdure.expressions.visitor import Reference
from perdure.program import nodes
from perdure.program.begun import LiveFrame, hindrance
from perdure.program.nodes import Address, Node
from perdure.program.program import Position, Program
from perdure.program.reading import around_nodes, references, steps_in, variables
from perdure.schemas import check_value
from perdure.values import JSON


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
    around, moved = around_nodes(new), {}
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
        self.around_old, self.around_new = around_nodes(old), around_nodes(new)
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
        problem = hindrance(before, after, frame) if frame.begun else None
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
        around = program.nodes.get(around_nodes(program).get(body, "")) if body in program.nodes else None
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
        known = self.live.vars | variables(self.old) | variables(self.new, behind)
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
                behind.update(steps_in(self.new, address))
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


_PARTS: Final = {
    "if": "`if`", "guarded": "`finally`", "finally": "`finally`", "catch": "`catch`", "retry": "`retry`",
    "timeout-total": "`timeout`", "timeout-attempt": "`timeout.attempt`", "finish": "`output` or `compensate`",
    "undo": "`compensate`", "lock": "`lock`", "cache": "`cache`",
}  # fmt: skip


def _top(program: Program) -> Position | None:
    return program.positions.get("")


def _family(program: Program, step: Address) -> int:
    """How many steps without an id share the name of this one, which has none either."""
    if step == "" or step in program.ids or step not in program.kinds:
        return 0
    name = step.rpartition("~")[0] if step.rpartition("~")[2].isdigit() else step
    return sum(1 for found in program.kinds if found == name or found.startswith(f"{name}~"))
