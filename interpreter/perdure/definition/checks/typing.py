"""The types of everything that the expressions of one definition read: inputs, results, variables, bound names.

Results are typed when they are first read and remembered. Variables and states depend on themselves, so their types
grow from nothing until they no longer change. What kinds of steps give stands in `results`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from perdure.definition.checks import results
from perdure.definition.checks.grounds import Grounds, shadowed
from perdure.definition.checks.order import handling, why_not_yet
from perdure.definition.checks.presence import Presence
from perdure.definition.checks.spaces import Binding, Names, Placed, Space, Spaces, names_in_handler, names_in_receive
from perdure.definition.checks.texts import only_expression
from perdure.definition.types import ANY, NEVER, Effort, Ground, Inference, Known, Member, Type, from_schema
from perdure.definition.types.lattice import (
    INTEGERS,
    LIST,
    MAPPING,
    MAPPINGS,
    MOST_PARTS,
    PERHAPS_TEXT,
    TEXTS,
    find,
    list_of,
    literal,
    mapping,
    only,
    union,
    untold,
)
from perdure.errors import ExpressionError
from perdure.expressions import compile_expression
from perdure.expressions.access import Key
from perdure.record import record
from perdure.values import JSON

RUN: Final = mapping({
    "id": TEXTS, "workflow": TEXTS, "version": PERHAPS_TEXT, "started_at": TEXTS, "attempt": INTEGERS,
})  # fmt: skip
_SCHEDULE: Final = mapping({"id": TEXTS, "time": TEXTS})

DEEPEST: Final = 30
"""Results that wait for one another; one further in is anything."""

MOST_ROUNDS: Final = 4
"""Rounds in which types may grow; what still grows then is anything."""

_MOST_BEARERS: Final = 1


class Typing:
    """The types of one definition. `catalogue` holds what activities declare to give."""

    def __init__(self, spaces: Spaces, catalogue: Mapping[str, Mapping[str, Any]]) -> None:
        self.spaces = spaces
        self.catalogue = catalogue
        self.effort = Effort()
        self.presence = Presence()
        self.grounds = Grounds(self.presence, self.effort, lambda placed, names: self.scene(placed, "before", names))
        self._results: dict[tuple[int, str], Type] = {}
        self._states: dict[int, Type] = {}
        self._growing: dict[int, Type] = {}
        self._inputs: dict[int, Type] = {}
        self._schemas: dict[int, tuple[JSON, Type]] = {}
        self._variables: dict[str, Type] | None = None
        self._waiting: set[tuple[int, str]] = set()

    # -- what expressions and templates give

    def scene(self, placed: Placed, slot: str, names: Names) -> Scene:
        """The names that an expression of a step reads."""
        return Scene(self, placed, slot, names)

    def inference(self, placed: Placed, slot: str, names: Names, ground: Ground | None = None) -> Inference:
        """An inference of an expression of a step."""
        known = self.ground(placed, names) if ground is None else ground
        return Inference(self.scene(placed, slot, names), known, self.effort)

    def ground(self, placed: Placed, names: Names) -> Ground:
        """What is known where a step whose `if` holds evaluates something with these names."""
        return shadowed(self.grounds.within(placed), placed.names, names)

    def expression(self, placed: Placed, slot: str, names: Names, text: JSON) -> Type:
        """What a bare expression gives, or a value in its place."""
        if not isinstance(text, str):
            return literal(text)
        try:
            tree = compile_expression(text).tree
        except ExpressionError:
            return ANY
        return self.inference(placed, slot, names).type(tree)

    def template(self, placed: Placed, slot: str, names: Names, value: JSON) -> Type:
        """What a nested value gives once its texts are filled in."""
        return self._filled(self.inference(placed, slot, names), value)

    def _filled(self, inference: Inference, value: JSON) -> Type:
        if isinstance(value, str):
            return self.text(inference, value)
        if isinstance(value, dict) and len(value) <= MOST_PARTS:
            return mapping({key: self._filled(inference, part) for key, part in value.items()})
        if isinstance(value, list) and len(value) <= MOST_PARTS:
            return list_of(union(*(self._filled(inference, part) for part in value)))
        return MAPPINGS if isinstance(value, dict) else only(ANY, LIST) if isinstance(value, list) else literal(value)

    def text(self, inference: Inference, text: str) -> Type:
        """What a text gives: its only expression's value, or a text."""
        if "{{" not in text:
            return literal(text)
        try:
            expression = only_expression(text)
        except ExpressionError:
            return ANY
        return TEXTS if expression is None else inference.type(expression.tree)

    # -- what is read

    def schema(self, schema: JSON) -> Type:
        """The type of a schema that is looked at again and again."""
        found = self._schemas.get(id(schema))
        if found is None or found[0] is not schema:
            found = self._schemas[id(schema)] = (schema, from_schema(schema))
        return found[1]

    def input(self, space: Space) -> Type:
        """The input of a definition or a fragment: a mapping, whatever its schema says."""
        found = self._inputs.get(id(space))
        if found is None:
            found = self._inputs[id(space)] = only(from_schema(space.keys.get("input") or {}), MAPPING)
        return found

    def result(self, placed: Placed, read: results.Read = "result") -> Type:
        """What a step gives when it runs."""
        return self._remembered((id(placed), read), lambda: results.result_of(self, placed, read))

    def _remembered(self, key: tuple[int, str], ask: Callable[[], Type]) -> Type:
        found = self._results.get(key)
        if found is not None:
            return found
        if key in self._waiting or len(self._waiting) >= DEEPEST:
            return ANY
        self._waiting.add(key)
        try:
            found = self._results[key] = ask()
        finally:
            self._waiting.discard(key)
        return found

    def variable(self, name: str) -> Type:
        """All that is ever assigned to a variable."""
        return self._all_variables().get(name, ANY)

    def _all_variables(self) -> dict[str, Type]:
        if self._variables is None:
            self._variables = self._grown(self._assigned(), lambda types: setattr(self, "_variables", types))
        return self._variables

    def state(self, placed: Placed) -> Type:
        """The state of a receive: what it begins with, and what its handlers set."""
        found = self._growing.get(id(placed)) or self._states.get(id(placed))
        if found is None:
            self._all_variables()  # a state may rest on them while it grows, never the other way round
            found = self._states[id(placed)] = self._grown_state(placed)
        return found

    def _grown_state(self, placed: Placed) -> Type:
        begun = results.state_of(self, placed)
        if begun.kinds != MAPPING or begun.fields is None or begun.fields.rest.kinds:
            return MAPPINGS
        writers: dict[str, list[Callable[[], Type]]] = {}
        for name, field in begun.fields.named.items():
            writers[name] = [_always(field.type)]
        inside = names_in_receive(placed)
        for index, handler in enumerate(placed.step.keys["receive"]["on"]):
            names, slot = names_in_handler(handler, inside), handling(str(index))
            for name, value in (handler.get("set") or {}).items():
                if name in writers:  # others are no fields of the state, which is told elsewhere
                    writers[name].append(self._writer(placed, slot, names, value))
        try:
            return mapping(self._grown(writers, lambda types: self._growing.update({id(placed): mapping(types)})))
        finally:
            self._growing.pop(id(placed), None)

    def bound(self, binding: Binding) -> Type:
        """What a scope binds a name to."""
        by = binding.by
        match binding.what:
            case "item" if by is not None:
                return self._remembered((id(by), "item"), lambda: self._item(by))
            case "index":
                return INTEGERS
            case "error":
                return results.ERROR
            case "message":
                return ANY if binding.schema is None else self.schema(binding.schema)
            case "state" if by is not None:
                return self.state(by)
            case "schedule":
                return _SCHEDULE
        return ANY

    def _item(self, placed: Placed) -> Type:
        return find(only(self.expression(placed, "before", placed.names, placed.step.keys["foreach"]), LIST), 0)

    # -- what depends on itself

    def _assigned(self) -> dict[str, list[Callable[[], Type]]]:
        """All that assigns variables."""
        found: dict[str, list[Callable[[], Type]]] = {}
        root = self.spaces.main.root
        for name, value in (self.spaces.main.keys.get("vars") or {}).items():
            found.setdefault(name, []).append(self._writer(root, "before", root.names, value))
        for space in self.spaces.all:
            for placed in space.steps():
                if placed.step.kind == "set":
                    for name, value in placed.step.keys["set"].items():
                        found.setdefault(name, []).append(self._writer(placed, "before", placed.names, value))
        return found

    def _writer(self, placed: Placed, slot: str, names: Names, value: JSON) -> Callable[[], Type]:
        if not isinstance(value, dict | list) and not (isinstance(value, str) and "{{" in value):
            return _always(literal(value))
        return lambda: self.template(placed, slot, names, value)

    def _grown(
        self, writers: Mapping[str, list[Callable[[], Type]]], assume: Callable[[dict[str, Type]], object]
    ) -> dict[str, Type]:
        """The least types that what is written fits, found in rounds; those that keep growing are anything.

        What is found in between rests on types that are too small, so nothing of it is remembered.
        """
        types = dict.fromkeys(writers, NEVER)
        before = self._results, self._states, self.grounds
        for turn in range(MOST_ROUNDS * 2):
            self._results, self._states = {}, {}
            self.grounds = Grounds(self.presence, self.effort, before[2].scene)
            assume(types)
            after = {name: untold(union(*(write() for write in given))) for name, given in writers.items()}
            if after == types:
                break
            if turn >= MOST_ROUNDS:
                after |= {name: ANY for name in after if after[name] != types[name]}
            types = after if turn < MOST_ROUNDS * 2 - 2 else dict.fromkeys(writers, ANY)
        self._results, self._states, self.grounds = before
        return types


@record
class Scene:
    """The names that one expression of a step reads, and what each is."""

    typing: Typing
    placed: Placed
    slot: str
    names: Names

    def root(self, name: str) -> Type:
        binding = self.names.get(name)
        if binding is not None:
            return self.typing.bound(binding)
        match name:
            case "input":
                return self.typing.input(self.placed.space)
            case "run":
                return RUN
            case "vars" | "steps":
                return MAPPINGS
        return ANY

    def member(self, root: str, key: Key, known: Known) -> Member | None:
        if root in self.names or root not in ("vars", "steps"):
            return None
        if not isinstance(key, str):
            return Member(ANY)
        return Member(self.typing.variable(key)) if root == "vars" else self._step(key, known)

    def _step(self, id: str, known: Known) -> Member:
        found = self.placed.space.ids.get(id, ())
        if len(found) != _MOST_BEARERS or why_not_yet(self.placed, self.slot, found[0]) is not None:
            return Member(ANY)
        target, typing = found[0], self.typing
        return Member(
            typing.result(target, self._read(target)), typing.presence.doubt(self.placed, self.slot, target, known)
        )

    def _read(self, target: Placed) -> results.Read:
        """As what this expression reads the result of a step."""
        if target is self.placed:
            return "own" if self.slot == "output" else "result"
        here: Placed | None = self.placed
        while here is not None and here.parent is not target:
            here = here.parent
        return "undone" if here is not None and here.within is not None and here.within.role == "undo" else "result"


def _always(type: Type) -> Callable[[], Type]:
    return lambda: type
