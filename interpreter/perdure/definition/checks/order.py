"""Whether one step may have run before an expression of another is evaluated (language, "Scope").

Answers for one pair at a time by walking up to the step around both, so that nothing is kept per step and ten
thousand steps in a row cost no more than two. Words the reason; reports nothing.
"""

from __future__ import annotations

from typing import Final

from perdure.definition.checks.spaces import Placed
from perdure.definition.models import StepList

_WORK: Final = frozenset(("steps", "when", "case", "else", "branch", "arm", "fragment"))
"""Roles of the lists that are a step's own work, whose steps are readable once the step is done."""

_SEEN_FROM: Final = {
    "output": _WORK,
    "catch": _WORK,
    "undo": _WORK,
    "finally": _WORK | {"catch"},
    "until": frozenset(("turn",)),
}
"""By the slot or list of a step from which one looks, the lists of the same step that have run by then."""

_HIDDEN: Final = {
    "turn": "stands inside a loop and is readable only there",
    "handler": "stands in a handler and is readable only there",
    "finally": "stands in a finally and is not readable outside",
    "undo": "stands in a compensate and is not readable outside",
}
_ASIDE: Final = {
    "branch": "runs in another branch, at the same time",
    "when": "stands in another arm",
    "case": "stands in another arm",
    "else": "stands in another arm",
    "arm": "stands in another arm",
    "catch": "stands in a catch arm",
}
_AFTER: Final = "runs after this"
_RUNNING: Final = "has not completed here"


def why_not_yet(reader: Placed, slot: str, target: Placed) -> str | None:
    """Why the result of `target` cannot be there when `slot` of `reader` is evaluated; None when it may be."""
    here, there = reader, target
    from_list: StepList | None = None
    to_list: StepList | None = None
    from_index = to_index = -1
    crossed: set[str] = set()
    while here is not there:
        if here.depth >= there.depth:
            from_list, from_index, here = here.within, here.index, here.parent or here
        else:
            if to_list is not None:
                crossed.add(to_list.role)
            to_list, to_index, there = there.within, there.index, there.parent or there
    if to_list is None:
        seen = slot == "output" if from_list is None else from_list.role == "undo"
        return None if seen else _RUNNING
    hidden = next((reason for role, reason in _HIDDEN.items() if role in crossed), None)
    if from_list is to_list:
        return _AFTER if to_index > from_index else hidden
    looking = slot if from_list is None else from_list.role
    own = to_list.role == "handler" and looking == handling(to_list.key)
    if own or to_list.role in _SEEN_FROM.get(looking, ()):
        return hidden
    return _unseen(looking, to_list.role)


def handling(key: str) -> str:
    """The slot in which a receive evaluates what follows on the steps of the handler with this key."""
    return f"handler {key}"


def _is_handler(looking: str, role: str) -> bool:
    """Whether one looks into a handler from another, or when messages have been handled."""
    return role == "handler" and looking != "before"


def _unseen(looking: str, role: str) -> str:
    if role in _HIDDEN and (looking in ("output", "catch", "undo", "finally") or _is_handler(looking, role)):
        return _HIDDEN[role]
    if role in _ASIDE and (looking in _WORK if role != "catch" else looking == "catch"):
        return _ASIDE[role]
    return _AFTER
