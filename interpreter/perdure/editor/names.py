"""The names that an expression can read at a place, and what is known of what they hold.

Asks the scopes and types that the checks ask; what a declared schema says in words is told besides. What nothing is
known of has no fields to offer, and is not an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from perdure.definition.checks.arguments import resolved
from perdure.definition.checks.order import why_not_yet
from perdure.definition.checks.references import OUTSIDE, ROOTS
from perdure.definition.checks.spaces import Binding, Names, Placed, Space
from perdure.definition.checks.typing import RUN
from perdure.definition.marks import Path
from perdure.definition.types import ANY, Type, describe
from perdure.definition.types.lattice import find
from perdure.editor.analysis import Analysis
from perdure.values import JSON

ABOUT: Final = {
    "input": "the run's input",
    "steps": "results by step id",
    "vars": "the variables",
    "run": "the run itself: id, workflow, version, started_at, attempt",
    "index": "the turn, from 0",
    "error": "the error that was caught",
    "message": "the data of the signal, update or event",
    "state": "the state of the receive, or what was published",
    "schedule": "the schedule: id, and time as its zone's clock shows it",
    "secrets": "secrets that only the worker sees",
}
_RUN: Final[Mapping[str, str]] = {
    "id": "the run's id",
    "workflow": "the name of the definition",
    "version": "the definition's version label",
    "started_at": "when the run started, as an ISO 8601 time",
    "attempt": "which attempt this is, where a whole-run `retry` counts them",
}


@dataclass(frozen=True)
class Scope:
    """The names at one path of a file. Where no step stands around it, they are those of the document."""

    analysis: Analysis
    path: Path

    @cached_property
    def placed(self) -> Placed | None:
        return self.analysis.placed(self.path)

    @cached_property
    def slot(self) -> str:
        """When the place is evaluated, in the words of the checks."""
        found = None if self.placed is None else self.analysis.reading(self.placed, self.path)
        return "before" if found is None else found.slot

    @cached_property
    def bound(self) -> Names:
        """The names that scopes around the place bind."""
        if self.placed is None:
            return {}
        found = self.analysis.reading(self.placed, self.path)
        if found is not None:
            return found.names
        inside = self.path[len(self.placed.path) :]
        return {**self.placed.names, **({"secrets": Binding("secrets")} if inside[:1] == ("with",) else {})}

    @property
    def roots(self) -> Mapping[str, str]:
        """The first names, with what each is about."""
        names = (*OUTSIDE.get(self.slot, ROOTS), *self.bound)
        return {name: ABOUT.get(name, "bound by a step around this one") for name in names}

    def members(self, root: str, keys: Sequence[str | int]) -> Mapping[str, str]:
        """What can stand behind a root and some keys, with what each is about."""
        if root == "steps" and root not in self.bound and not keys:
            return self.steps()
        if root == "vars" and root not in self.bound and not keys:
            return dict.fromkeys(sorted(self.analysis.variables), "a variable")
        fields = self.type(root, keys).fields
        about = _RUN if root == "run" and not keys else {}
        return {
            str(name): about.get(name) or self.said(root, [*keys, name]) or describe(field.type)
            for name, field in ({} if fields is None else fields.named).items()
        }

    def said(self, root: str, keys: Sequence[str | int]) -> str:
        """The description that a schema gives of what a path reads."""
        said = self.schema(root, keys).get("description")
        return said if isinstance(said, str) else ""

    def steps(self) -> Mapping[str, str]:
        """The ids of the steps that may have run before, nearest first."""
        if self.placed is None:
            return {}
        found: dict[str, str] = {}
        for id, targets in reversed(self.placed.space.ids.items()):
            if any(why_not_yet(self.placed, self.slot, target) is None for target in targets[:3]):
                found[id] = summed(targets[0])
        return found

    def type(self, root: str, keys: Sequence[str | int]) -> Type:
        """The type of what a path reads; anything where nothing is known."""
        typing = self.analysis.typing
        if self.placed is None or typing is None:
            return find(RUN, keys[0]) if root == "run" and keys else RUN if root == "run" else ANY
        scene = typing.scene(self.placed, self.slot, self.bound)
        member = scene.member(root, keys[0], frozenset()) if keys else None
        found, rest = (scene.root(root), keys) if member is None else (member.type, keys[1:])
        for key in rest:
            found = find(found, key)
        return found

    def schema(self, root: str, keys: Sequence[str | int]) -> dict[str, Any]:
        """The schema that somebody has declared for what a path reads; empty where nobody has."""
        schema, rest = self._declared(root, keys)
        whole = schema
        for key in rest:
            part = resolved(schema, whole)
            inner = part.get("items") if isinstance(key, int) else (part.get("properties") or {}).get(key)
            if not isinstance(inner, dict):
                return {}
            schema = inner
        return resolved(schema, whole)

    def _declared(self, root: str, keys: Sequence[str | int]) -> tuple[JSON, Sequence[str | int]]:
        """The schema that is declared, and the keys that lead on inside it."""
        if root in self.bound:
            return self.bound[root].schema, keys
        if self.placed is None:
            return {}, ()
        if root == "input":
            return self.placed.space.keys.get("input") or {}, keys
        step = self.step(str(keys[0])) if root == "steps" and keys else None
        if step is None or step.step.kind != "activity" or {"output", "catch"} & step.step.keys.keys():
            return {}, ()
        return self.analysis.surroundings.catalogue.get(step.step.keys["activity"], {}).get("result"), keys[1:]

    def step(self, id: str) -> Placed | None:
        """The step of an id in the same space."""
        found = () if self.placed is None else self.placed.space.ids.get(id, ())
        return next(iter(found), None)

    @property
    def space(self) -> Space | None:
        return None if self.placed is None else self.placed.space


def summed(placed: Placed) -> str:
    """A step in a few words: its kind, and what it calls or is for."""
    step = placed.step
    value = step.keys.get(step.kind)
    said = step.keys.get("description")
    what = f"{step.kind}: {value}" if isinstance(value, str) and len(value) < 80 else step.kind
    return f"{what} — {said}" if isinstance(said, str) else what


def told(schema: JSON) -> str:
    """A schema in a few words: its description, else its type or choices."""
    if not isinstance(schema, dict):
        return ""
    said = schema.get("description") or schema.get("title")
    if isinstance(said, str):
        return said
    if isinstance(schema.get("enum"), list):
        return " | ".join(str(one) for one in schema["enum"][:10])
    kinds = schema.get("type")
    if kinds is None:
        parts = [told(one) for key in ("anyOf", "oneOf") for one in schema.get(key) or ()]
        return " | ".join(dict.fromkeys(part for part in parts if part))
    return " | ".join(map(str, kinds)) if isinstance(kinds, list) else str(kinds)
