"""Arms that no path reaches: of branches, catches, selects, receives and groups, and steps whose `if` never holds.

Only the outermost: what stands inside an arm that is never taken is not told again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from perdure.exploration.findings import Finding, finding
from perdure.exploration.walk import Walk
from perdure.program.nodes import Branch, Catch, Finally, Guard, Node, Parallel, Receive, Select, Sequence

Arms = Iterator[tuple[str, str]]
"""The points that show an arm to be taken, with the arm in words."""


def unreached(walk: Walk) -> Iterator[Finding]:
    """The arms of nodes that were reached themselves."""
    nodes = walk.program.nodes
    for address, node in nodes.items():
        lister = _ARMS.get(type(node))
        if lister is None or address not in walk.reached:
            continue
        for point, what in lister(node):
            if point not in walk.reached:
                body = nodes.get(point)
                inside = isinstance(body, Sequence) and body.children
                at = body.children[0] if inside and isinstance(body, Sequence) else address
                label = walk.label(node.step)
                yield finding(walk.program, "WF419", at, f"no path takes {what.format(label)}")


def _branch(node: Branch) -> Arms:
    for arm in node.arms:
        which = (
            "else"
            if arm.when is None and arm.case is None
            else arm.case or " ".join(str(arm.when and arm.when.text).split())
        )
        yield arm.body, f"the arm {which[:40]} of {{}}".replace("{{}}", "{}") if "{" not in which else "this arm of {}"


def _catch(node: Catch) -> Arms:
    for handler in node.handlers:
        yield handler.body, f"the catch of {', '.join(handler.errors)[:40]} around {{}}"


def _select(node: Select) -> Arms:
    for trigger in node.triggers:
        yield node.arms[trigger.name], f"the arm of {trigger.signal or trigger.event or 'the timer'} in {{}}"


def _receive(node: Receive) -> Arms:
    for handler in node.handlers:
        yield f"{node.address}:{handler.name}", f"the handler of {handler.name} in {{}}"


def _parallel(node: Parallel) -> Arms:
    for name, lane in node.lanes.items():
        yield lane.body, f"the branch {name} of {{}}"


def _guard(node: Guard) -> Arms:
    yield node.child, "{}: its `if` never holds"


def _finally(node: Finally) -> Arms:
    yield node.body, "the finally of {}"


_ARMS: Final[Mapping[type[Node], Callable[[Any], Arms]]] = {
    Branch: _branch,
    Catch: _catch,
    Select: _select,
    Receive: _receive,
    Parallel: _parallel,
    Guard: _guard,
    Finally: _finally,
}
