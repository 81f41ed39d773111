"""A workflow that starts itself as a child in every run: nothing on the way decides otherwise.

Sure cases only. Names are what is deployed, so another workflow that starts this one is not seen.
"""

from __future__ import annotations

from typing import Final

from perdure.definition.checks.findings import Findings
from perdure.definition.checks.reach import ENDS
from perdure.definition.checks.spaces import Placed, Spaces
from perdure.definition.diagnostics import quoted

_DECIDING: Final = (*ENDS, "rollback", "wait", "select", "ask", "receive", "use")
"""Kinds before the child by which a run may end, or somebody may end it."""


def check_recursion(spaces: Spaces, findings: Findings) -> None:
    """The first child of the document's own name that every run starts."""
    name, space = spaces.main.keys.get("workflow"), spaces.main
    for placed in space.steps():
        if placed.step.kind in _DECIDING:
            return
        if placed.step.kind == "workflow" and placed.step.keys["workflow"] == name and _is_certain(placed):
            message = f"every run of {quoted(name)} starts another one and waits for it"
            path = (*placed.path, "workflow")
            findings.add("WF414", message, space.file, path, "start it only under an `if`")
            return


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
