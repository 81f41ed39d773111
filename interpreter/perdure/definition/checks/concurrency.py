"""Variables that two positions which can run at once both set: the one who is last would win.

At once run the branches of a parallel, the turns of a foreach with room for several, the messages of an async
handler, and the losers of a join with `rest: finish` beside what follows. Undos are left out: they run when their
group is done, rollbacks apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from perdure.definition.checks.findings import Findings
from perdure.definition.checks.spaces import Placed, Space, Spaces
from perdure.definition.diagnostics import Related, quoted
from perdure.definition.models import Path, StepList

Writes = dict[str, tuple[Path, bool]]
"""By variable, one place that sets it; whether that is a key."""

_GROUPS: Final = {"parallel": "branch", "foreach": "turn"}


def check_concurrency(space: Space, spaces: Spaces, findings: Findings) -> None:
    """The variables that are set at once in a space."""
    uses = {id(placed): used for placed, used in space.uses}
    writes: dict[int, Writes] = {}
    raced: dict[int, Writes] = {}
    for placed in reversed(space.placed):
        own = _own_writes(placed, uses.get(id(placed)), spaces)
        for found, children in placed.children:
            _check_losers(children, writes, raced, findings)
            inside: Writes = {}
            for child in children:
                inside = _merged(inside, writes.pop(id(child)))
            if found.role == _GROUPS.get(placed.step.kind):
                _check_group(placed, found, own, inside, findings)
            elif found.role == "handler" and found.owner.get("async"):
                _check_async(placed, found, inside, findings)
            if found.role != "undo":
                own = _merged(own, inside)
        if _leaves_losers(placed):
            raced[id(placed)] = dict(own)
        writes[id(placed)] = own


def _own_writes(placed: Placed, used: Space | None, spaces: Spaces) -> Writes:
    if placed.step.kind == "set":
        return {name: ((*placed.path, "set", name), True) for name in placed.step.keys["set"]}
    if used is None or "set" not in spaces.held(used):
        return {}
    place = ((*placed.path, "use"), False)
    return {
        name: place
        for inner in spaces.behind(used)
        for step in inner.steps()
        if step.step.kind == "set"
        for name in step.step.keys["set"]
    }


def _merged(one: Writes, other: Writes) -> Writes:
    """Both, in the larger of the two: a chain of a thousand blocks is not copied at each of them."""
    if len(one) < len(other):
        one, other = other, one
    for name, place in other.items():
        one.setdefault(name, place)
    return one


def _check_group(placed: Placed, found: StepList, earlier: Writes, inside: Writes, findings: Findings) -> None:
    """One branch against those before it, or the turns of a foreach against each other."""
    file = placed.space.file
    if placed.step.kind == "parallel":
        for name in inside.keys() & earlier.keys():
            message = f"another branch, at the same time, sets {quoted(name)} too"
            _report(message, "the other one is here", inside[name], earlier[name], file, findings)
    elif _is_concurrent(placed.step.keys):
        for name, place in inside.items():
            message = f"turns that run at once all set {quoted(name)}"
            limit = ((*placed.path, "concurrency"), False)
            _report(message, "turns run at once by this", place, limit, file, findings)


def _check_async(placed: Placed, found: StepList, inside: Writes, findings: Findings) -> None:
    """Messages of one handler against each other; whatever else runs beside them is told with it."""
    switch = ((*placed.path, "receive", "on", int(found.key), "async"), True)
    for name, place in inside.items():
        message = f"messages handled at once all set {quoted(name)}"
        _report(message, "they are handled at once by this", place, switch, placed.space.file, findings)


def _check_losers(
    children: list[Placed], writes: Mapping[int, Writes], raced: dict[int, Writes], findings: Findings
) -> None:
    """Losers that go on beside the following steps of their list."""
    if not any(id(child) in raced for child in children):
        return
    later: Writes = {}
    for child in reversed(children):
        lost = raced.pop(id(child), {})
        for name in lost.keys() & later.keys():
            message = f"losers of the join above may still set {quoted(name)} too"
            _report(message, "the other one is here", later[name], lost[name], child.space.file, findings)
        later.update(writes[id(child)])


def _report(
    message: str, note: str, at: tuple[Path, bool], other: tuple[Path, bool], file: str, findings: Findings
) -> None:
    related = Related(findings.place(file, other[0], key=other[1]), note)
    findings.add("WF401", message, file, at[0], key=at[1], related=(related,))


def _is_concurrent(keys: Mapping[str, object]) -> bool:
    return keys.get("concurrency", 1) != 1


def _leaves_losers(placed: Placed) -> bool:
    keys, kind = placed.step.keys, placed.step.kind
    terms = keys["parallel"] if kind == "parallel" else keys if kind == "foreach" else {}
    beside = kind == "parallel" or (kind == "foreach" and _is_concurrent(keys))
    return beside and terms.get("rest") == "finish" and terms.get("join", "all") != "all"
