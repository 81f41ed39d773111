"""The names that expressions read, gathered; and literals written where an expression is expected."""

from __future__ import annotations

from dataclasses import dataclass, field

from perdure.expressions import Expression
from perdure.values import JSON


@dataclass(slots=True)
class Reads:
    """`roots` are the first names (`input`, `steps`, `item`), `steps` the step ids; `whole_steps` when `steps` is read
    other than by a constant id."""

    roots: set[str] = field(default_factory=set)
    steps: set[str] = field(default_factory=set)
    whole_steps: bool = False

    def note(self, expression: Expression) -> None:
        for reference in expression.references:
            self.roots.add(reference.root)
            if reference.root == "steps":
                if reference.path and isinstance(reference.path[0], str):
                    self.steps.add(reference.path[0])
                else:
                    self.whole_steps = True

    def include(self, other: Reads) -> None:
        self.roots |= other.roots
        self.steps |= other.steps
        self.whole_steps = self.whole_steps or other.whole_steps


def spelled(value: JSON) -> str:
    """A condition or collection written as a YAML boolean, number, null, list or mapping, as an expression."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(spelled(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {spelled(item)}" for key, item in value.items()) + "}"
    return repr(value)
