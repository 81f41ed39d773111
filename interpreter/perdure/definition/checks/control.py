"""Control flow: where a run may end, what can be undone, and joins and triggers that make sense.

Looks at literals only; a template is judged when it has a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from perdure.definition.checks.findings import Findings
from perdure.definition.checks.messages import check_equal, check_receive
from perdure.definition.checks.order import why_not_yet
from perdure.definition.checks.spaces import Placed, Space, Spaces
from perdure.definition.diagnostics import Related, quoted
from perdure.definition.models import Path
from perdure.values import JSON

ENDING: Final = ("return", "restart")
_CLOSING: Final = {"finally": "finally", "undo": "compensate", "handler": "handler"}


def check_control(space: Space, spaces: Spaces, findings: Findings) -> None:
    """Ends, undos, joins and triggers of the steps of a space."""
    for placed in space.steps():
        kind = placed.step.kind
        if kind in ENDING and placed.closing is not None:
            message = f"{kind} cannot stand in a {_CLOSING[placed.closing]}"
            findings.add("WF402", message, space.file, (*placed.path, kind), key=True)
        if "compensate" in placed.step.keys and _inside_undo(placed):
            findings.add("WF409", "an undo is not undone", space.file, (*placed.path, "compensate"), key=True)
        match kind:
            case "rollback":
                _check_rollback(placed, findings)
            case "branch":
                _check_branch(placed, findings)
            case "parallel":
                terms = placed.step.keys["parallel"]
                _check_join(terms, len(terms["branches"]), placed, ("parallel", "join"), findings)
            case "foreach":
                items = placed.step.keys["foreach"]
                if isinstance(items, list):
                    _check_join(placed.step.keys, len(items), placed, ("join",), findings)
            case "wait":
                _check_wait(placed, findings)
            case "select":
                _check_select(placed, findings)
            case "receive":
                check_receive(placed, findings)
    _check_closing_uses(space, spaces, findings)


def _check_branch(placed: Placed, findings: Findings) -> None:
    branch = placed.step.keys["branch"]
    arms = branch if isinstance(branch, list) else [branch]
    if not any("else" in arm or arm.get("when") in (True, "true") for arm in arms):
        message = "no arm may hold, and there is no else"
        findings.add("WF410", message, placed.space.file, (*placed.path, "branch"), "add an `else`", key=True)


def _inside_undo(placed: Placed) -> bool:
    above: Placed | None = placed
    while above is not None:
        if above.within is not None and above.within.role == "undo":
            return True
        above = above.parent
    return False


def _check_closing_uses(space: Space, spaces: Spaces, findings: Findings) -> None:
    """What a fragment must not hold because of where it is used; it may be used elsewhere, so the use is at fault."""
    for placed, used in space.uses:
        if used is None or placed.closing is None:
            continue
        name = quoted(placed.step.keys["use"])
        path = (*placed.path, "use")
        held = spaces.held(used)
        for kind in ENDING:
            if kind in held:
                message = f"the fragment {name} holds a {kind}, which cannot stand in a {_CLOSING[placed.closing]}"
                related = _inner(used, kind, spaces, findings)
                findings.add("WF402", message, space.file, path, related=related)
        if "compensate" in held and _inside_undo(placed):
            related = _inner(used, "compensate", spaces, findings)
            findings.add("WF409", f"an undo is not undone; {name} has one", space.file, path, related=related)


def _inner(used: Space, key: str, spaces: Spaces, findings: Findings) -> list[Related]:
    """The first step in a fragment, or in those it uses, that has a key."""
    for space in spaces.behind(used):
        for placed in space.steps():
            if key in placed.step.keys:
                return [Related(findings.place(space.file, (*placed.path, key), key=True), "it is here")]
    return []


def _check_rollback(placed: Placed, findings: Findings) -> None:
    written = placed.step.keys["rollback"]
    if not isinstance(written, dict):
        return
    to, ids = written["to"], placed.space.ids
    path = (*placed.path, "rollback", "to")
    if to not in ids:
        message = f"there is no step {quoted(to)} to go back to"
        findings.add("WF408", message, placed.space.file, path, findings.suggestion(to, ids.keys()))
        return
    reasons = [why_not_yet(placed, "before", target) for target in ids[to]]
    if None not in reasons:
        findings.add("WF408", f"step {quoted(to)} {reasons[0]}", placed.space.file, path)


def _check_join(terms: Mapping[str, JSON], members: int, placed: Placed, path: Path, findings: Findings) -> None:
    join = terms.get("join")
    if isinstance(join, int) and not isinstance(join, bool) and join > members:
        there = f"there {'is' if members == 1 else 'are'} only {members}"
        findings.add("WF407", f"{join} have to succeed, but {there}", placed.space.file, (*placed.path, *path))


def _check_wait(placed: Placed, findings: Findings) -> None:
    terms = placed.step.keys["wait"]
    for gather in ("any", "all"):
        if isinstance(terms, dict) and gather in terms:
            path = (*placed.path, "wait", gather)
            names = [entry.get("name") or entry.get("signal") or entry.get("event") for entry in terms[gather]]
            check_equal("name", names, placed, path, findings)


def _check_select(placed: Placed, findings: Findings) -> None:
    written = placed.step.keys["select"]
    arms, path = (written, ()) if isinstance(written, list) else (written["arms"], ("arms",))
    at = (*placed.path, "select", *path)
    check_equal("signal", [arm.get("signal") for arm in arms], placed, at, findings)
    check_equal("event", [arm.get("event") if "match" not in arm else None for arm in arms], placed, at, findings)
