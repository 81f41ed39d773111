"""What is known where a step stands: the conditions above it that hold, and those before it that do not.

A step in an arm knows that its arm is taken; one behind `if: …` with a `return` knows that the condition did not
hold. What variables and states are is not known for long, so conditions on them settle doubts only.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final

from perdure.definition.checks.conditions import condition_tree
from perdure.definition.checks.presence import Presence, taken
from perdure.definition.checks.reach import ends_once_entered
from perdure.definition.checks.spaces import Names, Placed
from perdure.definition.models import StepList
from perdure.definition.types import Effort, Ground, Inference
from perdure.definition.types import Names as Scene
from perdure.definition.types.narrowing import assume
from perdure.values import JSON

_CHANGING: Final = ("vars", "state")
_NOTHING: Final = Ground()

MOST_KNOWN: Final = 100
"""Conditions that are known in one place; further ones are let go, against branches of a thousand arms."""

Fact = tuple[JSON, bool]
"""A condition, and whether it holds."""


class Grounds:
    """The grounds of one definition's steps. `scene` gives the names that a step reads."""

    def __init__(self, presence: Presence, effort: Effort, scene: Callable[[Placed, Names], Scene]) -> None:
        self.presence = presence
        self.effort = effort
        self.scene = scene
        self._within: dict[int, Ground] = {}
        self._lists: dict[int, Ground] = {}
        self._arms: dict[int, list[Ground]] = {}
        self._leaving: dict[int, tuple[list[int], list[Ground]]] = {}

    def around(self, placed: Placed) -> Ground:
        """What is known where the step's own `if` is evaluated."""
        if placed.parent is None or placed.within is None:
            return _NOTHING
        inside = self._inside(placed.parent, placed.within)
        places, grounds = self._left(placed.parent, placed.within, inside)
        passed = bisect_left(places, placed.index)
        return grounds[passed - 1] if passed else inside

    def within(self, placed: Placed) -> Ground:
        """What is known once the step's `if` holds."""
        found = self._within.get(id(placed))
        if found is None:
            found = self.around(placed)
            if "if" in placed.step.keys:
                found = self.given(placed, placed.names, found, placed.step.keys["if"], True)
            self._within[id(placed)] = found
        return found

    def given(self, placed: Placed, names: Names, ground: Ground, condition: JSON, truth: bool) -> Ground:
        """What is known where a condition of a step holds, or does not."""
        tree = None if len(ground.known) > MOST_KNOWN else condition_tree(condition)
        if tree is None:
            return ground
        inference = Inference(self.scene(placed, names), ground, self.effort)
        found = assume(inference, tree, truth, condition=True)
        own = ("steps", placed.step.id)
        refined = {path: type for path, type in found.refined.items() if path[0] not in _CHANGING and path[:2] != own}
        return Ground(refined, found.known)

    def before_arm(self, placed: Placed, index: int) -> Ground:
        """What is known where the condition of an arm of a branch is evaluated: those before it do not hold."""
        found = self._arms.get(id(placed))
        if found is None:
            ground, found = self.within(placed), [self.within(placed)]
            for arm in placed.step.keys["branch"]:
                if "when" in arm:
                    ground = self.given(placed, placed.names, ground, arm["when"], False)
                found.append(ground)
            self._arms[id(placed)] = found
        return found[index]

    def _inside(self, parent: Placed, within: StepList) -> Ground:
        """What is known where the steps of a list begin."""
        found = self._lists.get(id(within))
        if found is None:
            if within.role in ("when", "else") and isinstance(parent.step.keys["branch"], list):
                found = self.before_arm(parent, int(within.key))
            else:
                found = shadowed(self.within(parent), parent.names, _names_of(parent, within))
            for condition, truth in _conditions(parent, within):
                found = self.given(parent, _names_of(parent, within), found, condition, truth)
            known = taken(parent, within) if within.role == "case" else None
            if known is not None:
                found = Ground(found.refined, found.known | known)
            self._lists[id(within)] = found
        return found

    def _left(self, parent: Placed, within: StepList, ground: Ground) -> tuple[list[int], list[Ground]]:
        """The steps of a list that end it under a condition, and what is known behind each."""
        found = self._leaving.get(id(within))
        if found is None:
            places: list[int] = []
            grounds: list[Ground] = []
            children = next((children for owner, children in parent.children if owner is within), [])
            for child in children:
                for condition, truth in self._passed(child):
                    ground = self.given(child, child.names, ground, condition, truth)
                    if places[-1:] != [child.index]:
                        places.append(child.index)
                        grounds.append(ground)
                    grounds[-1] = ground
            found = self._leaving[id(within)] = (places, grounds)
        return found

    def _passed(self, step: Placed) -> Iterator[Fact]:
        """The conditions that held or did not, if anything comes after a step."""
        keys = step.step.keys
        if "if" in keys:
            if ends_once_entered(step, self.presence.endings(step.space)):
                yield keys["if"], False
        elif step.step.kind == "branch" and isinstance(keys["branch"], list) and "catch" not in keys:
            whens = [found for found, _ in step.children if found.role == "when"]
            for found, children in step.children:
                if found.role == "when" and self.presence.ends(children):
                    yield found.owner["when"], False
                elif found.role == "else" and len(whens) == 1 and self.presence.ends(children):
                    yield whens[0].owner["when"], True
                    return
                else:
                    return


def shadowed(ground: Ground, around: Names, inside: Names) -> Ground:
    """What is still known where names are bound anew."""
    if inside is around or not (ground.refined or ground.known):
        return ground
    bound = {name for name, binding in inside.items() if around.get(name) is not binding}
    refined = {path: type for path, type in ground.refined.items() if path[0] not in bound}
    spelled = tuple(f"Name(name={name!r}" for name in bound)
    known = frozenset(fact for fact in ground.known if not any(name in fact[0] for name in spelled))
    return Ground(refined, known)


def _names_of(parent: Placed, within: StepList) -> Names:
    children = next((children for found, children in parent.children if found is within), [])
    return children[0].names if children else parent.names


def _conditions(parent: Placed, within: StepList) -> Iterator[Fact]:
    """The conditions under which a list runs."""
    match within.role:
        case "when":
            yield within.owner["when"], True
        case "branch" | "catch" if "if" in within.owner:
            yield within.owner["if"], True
        case "turn" if "while" in (parent.step.keys.get("repeat") or ()):
            yield parent.step.keys["repeat"]["while"], True
        case "handler" if "accept" in within.owner:
            yield within.owner["accept"], True
