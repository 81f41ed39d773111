"""A workflow that starts itself as a child in every run: nothing on the way decides otherwise.

Sure cases only. Names are what is deployed, so another workflow that starts this one is not seen here; `cycles` sees
those that are looked at together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from perdure.definition.checks.findings import Findings
from perdure.definition.checks.reach import ENDS
from perdure.definition.checks.spaces import Placed, Space, Spaces
from perdure.definition.diagnostics import quoted
from perdure.definition.models import Path

_DECIDING: Final = (*ENDS, "rollback", "wait", "select", "ask", "receive", "use")
"""Kinds before the child by which a run may end, or somebody may end it."""


def check_recursion(spaces: Spaces, findings: Findings) -> None:
    """The first child of the document's own name that every run starts."""
    name, space = spaces.main.keys.get("workflow"), spaces.main
    for placed in certain_children(space):
        if placed.step.keys["workflow"] == name:
            message = f"every run of {quoted(name)} starts another one and waits for it"
            findings.add("WF414", message, space.file, child_path(placed), "start it only under an `if`")
            return


def certain_children(space: Space) -> Iterator[Placed]:
    """The steps of a document that start a child in every run and wait for it, up to where a run may end before."""
    for placed in space.steps():
        if placed.step.kind in _DECIDING:
            return
        if placed.step.kind == "workflow" and _is_certain(placed):
            yield placed


def child_path(placed: Placed) -> Path:
    """Where a step names the workflow it starts."""
    return (*placed.path, "workflow")


def _is_certain(placed: Placed) -> bool:
    """Whether every run gets to a step, and it waits for what it starts."""
    if placed.step.keys.get("detach"):
        return False
    above: Placed | None = placed
    while above is not None and above.parent is not None:
        if "if" in above.step.keys or above.within is None or above.within.role not in ("steps", "branch"):
            return False
        if above.within.role == "branch" and (
            "if" in above.within.owner or "join" in above.parent.step.keys["parallel"]
        ):
            return False
        above = above.parent
    return True
