"""Why a step may not have run, or its result may be lost, when an expression behind it reads it (language, "Scope").

Walks up from both to the step around them, as `order` does, which has said by then that it may have run. A condition
that is known where one reads settles the doubt that it raises. Words the reason; reports nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from perdure.definition.checks.conditions import conjuncts
from perdure.definition.checks.reach import endings
from perdure.definition.checks.spaces import Placed, Space
from perdure.definition.models import StepList
from perdure.definition.types import Known
from perdure.record import record

_ARMS: Final = ("when", "case", "else", "arm")
_AFTER_ERRORS: Final = ("catch", "finally")


@record
class Doubt:
    """Why a result may be null; none where all of `needs` is known, if that could settle it."""

    reason: str
    needs: Known | None = None


class Presence:
    """Whether steps have run, in one definition."""

    def __init__(self) -> None:
        self._endings: dict[int, frozenset[int]] = {}

    def doubt(self, reader: Placed, slot: str, target: Placed, known: Known) -> str | None:
        """Why `target` may have no result when `slot` of `reader` is evaluated; None where it always has one."""
        for doubt in self._doubts(reader, slot, target):
            if doubt.needs is None or not doubt.needs <= known:
                return doubt.reason
        return None

    def ends(self, children: list[Placed]) -> bool:
        """Whether nothing comes after a list of steps."""
        return any(id(child) in self.endings(child.space) for child in children)

    def endings(self, space: Space) -> frozenset[int]:
        """The steps of a space behind which nothing can run."""
        found = self._endings.get(id(space))
        if found is None:
            found = self._endings[id(space)] = endings(space)
        return found

    def _doubts(self, reader: Placed, slot: str, target: Placed) -> Iterator[Doubt]:
        here, there = reader, target
        from_list: StepList | None = None
        climbed: list[Placed] = []
        while here is not there:
            if here.depth >= there.depth:
                from_list, here = here.within, here.parent or here
            else:
                climbed.append(there)
                there = there.parent or there
        for step in climbed:
            yield from _skipped(step, step is target)
        for child, parent in pairwise(climbed):
            yield from self._left_out(parent, child.within)
            yield from self._torn(parent, child.within)
        if climbed and from_list is not climbed[-1].within:
            looking = slot if from_list is None else from_list.role
            within = climbed[-1].within
            if looking in _AFTER_ERRORS and within is not None and within.role != "catch":
                yield Doubt("when an error comes before it")
            yield from self._left_out(there, within)

    def _left_out(self, around: Placed, within: StepList | None) -> Iterator[Doubt]:
        """Whether a list of a step is one of several, of which not all run."""
        if within is None:
            return
        if within.role in _ARMS and not self._is_last_resort(around, within):
            yield Doubt("when its arm is not taken", taken(around, within))
        elif within.role == "branch":
            if "if" in within.owner:
                yield Doubt("when its branch does not take part", conjuncts(within.owner["if"], True))
            terms = around.step.keys["parallel"]
            if may_lose(terms):
                yield Doubt("when its branch fails or loses the join")
        elif within.role == "catch":
            yield Doubt("when no error is caught")

    def _torn(self, around: Placed, within: StepList | None) -> Iterator[Doubt]:
        """Whether a step completes although a list of its own work does not, or has not run."""
        if "cache" in around.step.keys:
            yield Doubt(f"when the result of {_named(around)} is a kept one")
        if within is not None and within.role == "catch":
            return
        arms = [children for found, children in around.children if found.role == "catch"]
        if arms and not all(self.ends(children) for children in arms):
            yield Doubt(f"when an error in {_named(around)} is caught")

    def _is_last_resort(self, around: Placed, within: StepList) -> bool:
        """Whether all other arms end the run, or fail."""
        others = [(found, children) for found, children in around.children if found.role in _ARMS]
        keys = around.step.keys
        if around.step.kind == "branch":
            whole = any(found.role == "else" for found, _ in others)
        else:
            terms = keys["select"]
            entries = terms["arms"] if isinstance(terms, dict) else terms
            whole = len(others) == len(entries) and not (isinstance(terms, dict) and "default" in terms)
        return whole and all(self.ends(children) for found, children in others if found is not within)


def may_lose(terms: Mapping[str, Any]) -> bool:
    """Whether a group may be over although a member has not succeeded."""
    return terms.get("join", "all") != "all" or terms.get("on_error") == "collect" or "tolerate" in terms


def taken(around: Placed, within: StepList) -> Known | None:
    """What is known where an arm of a branch is taken; None where that cannot be said in conditions."""
    if within.role == "case":
        return frozenset(((f"{around.step.keys['branch']['on']} is case {within.key}", True),))
    if within.role == "arm" or not isinstance(around.step.keys["branch"], list):
        return None
    known: set[tuple[str, bool]] = set()
    for found, _ in around.children:
        if found is within:
            break
        if found.role == "when":
            known |= conjuncts(found.owner["when"], False)
    if within.role == "when":
        known |= conjuncts(within.owner["when"], True)
    return frozenset(known)


def _skipped(step: Placed, is_target: bool) -> Iterator[Doubt]:
    condition = step.step.keys.get("if", True)
    if condition is not True:
        whose = "its `if`" if is_target else f"the `if` of {_named(step)}" if step.step.id else "the `if` around it"
        yield Doubt(f"when {whose} does not hold", conjuncts(condition, True))


def _named(step: Placed) -> str:
    """A step in a message; it may be one that has no id."""
    label = step.step.id or f"the {step.step.kind} around it"
    return label if len(label) <= 25 else f"{label[:24]}…"
