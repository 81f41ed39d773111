"""Workflows that start one another in every run, each waiting for the next: a circle that never closes.

Looks at several definitions at once, and sees nothing of what is deployed besides. Sure cases only, as `recursion`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from perdure.definition.checks.recursion import certain_children, child_path
from perdure.definition.checks.spaces import document_space
from perdure.definition.diagnostics import Diagnostic, Related, quoted
from perdure.definition.models import Document, Path
from perdure.definition.source import Source
from perdure.record import record


@record
class Start:
    """A step of `source` at `path` that starts `child` in every run."""

    child: str
    source: Source
    path: Path


def check_cycles(definitions: Iterable[tuple[Document, Source]]) -> list[tuple[Source, Diagnostic]]:
    """Each circle of two or more once, in the file of its first workflow by name."""
    starts: dict[str, list[Start]] = {}
    for document, source in definitions:
        children = certain_children(document_space(document))
        found = [Start(placed.step.keys["workflow"], source, child_path(placed)) for placed in children]
        starts.setdefault(str(document.keys.get("workflow")), found)
    told: set[str] = set()
    problems = []
    for name in sorted(starts):
        way = [] if name in told else _way_back(name, starts)
        if len(way) > 1:
            told.update(start.child for start in way)
            problems.append((way[0].source, _report(name, way)))
    return problems


def _way_back(name: str, starts: dict[str, list[Start]]) -> list[Start]:
    """The shortest way from a workflow to itself; empty where there is none."""
    waiting: deque[tuple[str, list[Start]]] = deque([(name, [])])
    seen: set[str] = set()
    while waiting:
        at, way = waiting.popleft()
        for start in starts.get(at, ()):
            if start.child == name:
                return [*way, start]
            if start.child not in seen:
                seen.add(start.child)
                waiting.append((start.child, [*way, start]))
    return []


def _report(name: str, way: list[Start]) -> Diagnostic:
    circle = " → ".join([name, *(start.child for start in way)])
    related = [Related(start.source.place(start.path), f"here it starts {quoted(start.child)}") for start in way[1:]]
    message = f"these start one another in every run: {circle}"
    first = way[0]
    return first.source.report("WF421", message, first.path, "start one of them only under an `if`", related=related)
