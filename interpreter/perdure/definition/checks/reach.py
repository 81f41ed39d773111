"""What no path reaches: steps behind one that always ends, catch arms behind one that takes everything, else arms.

Sure cases only: a condition, a catch or a loop in between ends the certainty.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import Final

from perdure.definition.checks.findings import Findings
from perdure.definition.checks.spaces import Placed, Space
from perdure.definition.diagnostics import quoted
from perdure.program import matches

LEAVES: Final = ("return", "restart")
ENDS: Final = ("fail", *LEAVES)


def check_reach(space: Space, findings: Findings) -> None:
    """Unreachable steps and arms of a space."""
    ending = endings(space)
    for placed in reversed(space.placed):
        for _, children in placed.children:
            _check_list(children, ending, findings)
        _check_catch(placed, findings)
        _check_else(placed, findings)


def endings(space: Space) -> frozenset[int]:
    """The steps of a space, by `id()`, behind which nothing can run."""
    ending: set[int] = set()
    for placed in reversed(space.placed):
        if "if" not in placed.step.keys and ends_once_entered(placed, ending):
            ending.add(id(placed))
    return frozenset(ending)


def _check_list(children: list[Placed], ending: AbstractSet[int], findings: Findings) -> None:
    """The first step behind one that always ends; one problem a list."""
    for placed, following in pairwise(children):
        if id(placed) in ending:
            kind = placed.step.kind
            before = kind if kind in ENDS else f"{'block' if kind == 'steps' else kind} that always ends"
            message = f"this never runs: it stands behind a {before}"
            path = (*following.path, following.step.kind)
            findings.add("WF405", message, following.space.file, path, key=True)
            return


def ends_once_entered(placed: Placed, ending: AbstractSet[int]) -> bool:
    """Whether nothing can run behind a step whose `if` holds, its lists having been looked at before."""
    keys, kind = placed.step.keys, placed.step.kind
    if "catch" in keys and kind not in LEAVES:
        return False
    if kind in ENDS:
        return True
    ends: dict[str, list[bool]] = {}
    for found, children in placed.children:
        ends.setdefault(found.role, []).append(any(id(child) in ending for child in children))
    if kind == "steps":
        return any(ends.get("steps", ()))
    arms = [*ends.get("when", ()), *ends.get("case", ()), *ends.get("else", ())]
    return kind == "branch" and "else" in ends and all(arms)


def _check_catch(placed: Placed, findings: Findings) -> None:
    taken: list[str] = []
    for index, arm in enumerate(placed.step.keys.get("catch") or ()):
        errors = _errors(arm)
        if taken and all(matches(taken, error) for error in errors):
            what = (
                "an earlier arm takes every error" if "*" in taken else f"{_listed(errors)} is taken by an earlier arm"
            )
            findings.add("WF406", what, placed.space.file, (*placed.path, "catch", index))
            continue
        if "if" in arm:
            continue
        taken.extend(errors)
        if "*" in errors and not arm.get("steps") and "compensate" not in arm:
            message = "every error ends here, and nobody hears of it"
            hint = "name the errors that are meant, or do something about them"
            findings.add("WF422", message, placed.space.file, (*placed.path, "catch", index), hint)


def _errors(arm: dict[str, object]) -> list[str]:
    errors = arm.get("errors")
    return [errors] if isinstance(errors, str) else list(errors) if isinstance(errors, list) else ["*"]


def _listed(errors: list[str]) -> str:
    return quoted(errors[0]) if len(errors) == 1 else "each of these errors"


def _check_else(placed: Placed, findings: Findings) -> None:
    branch = placed.step.keys.get("branch")
    if placed.step.kind != "branch" or not isinstance(branch, list):
        return
    first: int | None = None
    for index, arm in enumerate(branch):
        path = (*placed.path, "branch", index)
        if "else" not in arm:
            continue
        if first is not None:
            findings.add("WF405", "a second else arm is never taken", placed.space.file, path, severity="error")
        elif index < len(branch) - 1 and any("else" not in later for later in branch[index + 1 :]):
            message = "the else arm stands before arms that are then never taken"
            findings.add("WF405", message, placed.space.file, path, "put it last", severity="error")
        first = index if first is None else first
