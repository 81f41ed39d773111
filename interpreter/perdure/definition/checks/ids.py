"""Ids: each names one step of its space, and a step that can be waiting has one."""

from __future__ import annotations

from typing import Final

from perdure.definition.checks.findings import Findings
from perdure.definition.checks.spaces import Space
from perdure.definition.diagnostics import Related, quoted

WAITING: Final = ("wait", "select", "ask", "receive")


def check_ids(space: Space, findings: Findings) -> None:
    """Ids given twice, and waiting steps without one."""
    for id, bearers in space.ids.items():
        if len(bearers) < 2:
            continue
        first, *others = sorted(bearers, key=lambda placed: findings.place(space.file, (*placed.path, "id")))
        related = Related(findings.place(space.file, (*first.path, "id")), "the first one is here")
        for placed in others:
            message = f"the id {quoted(id)} is taken, by the step in line {related.place.line}"
            findings.add("WF208", message, space.file, (*placed.path, "id"), related=(related,))
    for placed in space.steps():
        if placed.step.kind in WAITING and placed.step.id is None:
            message = f"a step that waits ({placed.step.kind}) has no id"
            path = (*placed.path, placed.step.kind)
            findings.add("WF902", message, space.file, path, "add an `id:` to it", key=True)
