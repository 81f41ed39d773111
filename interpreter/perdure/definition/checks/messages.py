"""Receives and triggers: one handler a message, one trigger a name, and only fields that the state has.

Looks at literals only; what an expression gives as the state is judged when it has a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perdure.definition.checks.findings import Findings
from perdure.definition.checks.spaces import Placed
from perdure.definition.diagnostics import Related, quoted
from perdure.definition.models import Path
from perdure.values import JSON


def check_receive(placed: Placed, findings: Findings) -> None:
    """The handlers of a receive."""
    terms = placed.step.keys["receive"]
    path = (*placed.path, "receive", "on")
    for kind in ("update", "signal"):
        check_equal(kind, [handler.get(kind) for handler in terms["on"]], placed, path, findings)
    state = terms.get("state", {})
    if isinstance(state, dict):
        for index, handler in enumerate(terms["on"]):
            _check_fields(handler.get("set") or {}, state, placed.space.file, (*path, index, "set"), findings)


def check_equal(what: str, names: Sequence[str | None], placed: Placed, path: Path, findings: Findings) -> None:
    """Entries of a list that have the name of an earlier one."""
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if name is None:
            continue
        if name in first:
            place = findings.place(placed.space.file, (*path, first[name]))
            related = Related(place, "the first one is here")
            message = f"the {what} {quoted(name)} stands here twice"
            findings.add("WF219", message, placed.space.file, (*path, index), related=(related,))
        first.setdefault(name, index)


def _check_fields(
    assigned: Mapping[str, JSON], state: Mapping[str, JSON], file: str, path: Path, findings: Findings
) -> None:
    for name in assigned:
        if name not in state:
            hint = findings.suggestion(name, state.keys()) or f"give it a first value: `state: {{{name}: …}}`"
            findings.add("WF311", f"the state has no field {quoted(name)}", file, (*path, name), hint, key=True)
