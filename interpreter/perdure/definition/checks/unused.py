"""What is given and never read: variables, inputs, and the `output` of a step.

Knows what the expressions read from `references`, which tells it. Looks only where there are no errors: a name that is
mistyped would be found twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from perdure.definition.checks.findings import Findings
from perdure.definition.checks.spaces import Placed, Space, Spaces
from perdure.definition.diagnostics import quoted
from perdure.definition.models import Path
from perdure.expressions import Reference

_ROOTS: Final = ("vars", "input", "steps")
WHOLE: Final = ""
"""Stands for all names behind a root, where an expression reads the root itself."""


class Reads:
    """The names that are read anywhere, by root: variables of the run, inputs and steps of each space."""

    def __init__(self) -> None:
        self._read: set[tuple[str, int, str]] = set()

    def note(self, space: Space, references: Iterable[Reference]) -> None:
        """The references of one expression of a space."""
        for reference in references:
            if reference.root in _ROOTS:
                first = reference.path[0] if reference.path else WHOLE
                self._read.add((reference.root, _owner(reference.root, space), str(first)))

    def has(self, root: str, space: Space, name: str) -> bool:
        """Whether something reads a name, or the root as a whole."""
        owner = _owner(root, space)
        return (root, owner, name) in self._read or (root, owner, WHOLE) in self._read


def _owner(root: str, space: Space) -> int:
    return 0 if root == "vars" else id(space)


def check_unused(spaces: Spaces, reads: Reads, findings: Findings) -> None:
    """All that is never read."""
    if any(found.severity == "error" for found in findings.found):
        return
    _check_variables(spaces, reads, findings)
    for space in spaces.all:
        _check_inputs(space, reads, findings)
        for placed in space.steps():
            if "output" in placed.step.keys and not _is_result_read(placed, reads):
                message = f"nothing reads the output of {quoted(placed.label)}"
                findings.add("WF342", message, space.file, (*placed.path, "output"), key=True)


def _check_variables(spaces: Spaces, reads: Reads, findings: Findings) -> None:
    first: dict[str, tuple[Space, Path]] = {
        name: (spaces.main, ("vars", name)) for name in spaces.main.keys.get("vars") or ()
    }
    shown: set[str] = set()
    for space in spaces.all:
        for placed in (placed for placed in space.steps() if placed.step.kind == "set"):
            for name in placed.step.keys["set"]:
                first.setdefault(name, (space, (*placed.path, "set", name)))
                if _is_result_read(placed, reads):
                    shown.add(name)
    for name, (space, path) in first.items():
        if name not in shown and not reads.has("vars", spaces.main, name):
            findings.add("WF340", f"nothing reads the variable {quoted(name)}", space.file, path, key=True)


def _check_inputs(space: Space, reads: Reads, findings: Findings) -> None:
    schema = space.keys.get("input")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    for name in properties if isinstance(properties, dict) else ():
        if not reads.has("input", space, name):
            path = (*space.prefix, "input", "properties", name)
            findings.add("WF341", f"nothing reads the input {quoted(name)}", space.file, path, key=True)


def _is_result_read(placed: Placed, reads: Reads) -> bool:
    """Whether a step's result is read by its id, or may be what the steps around it give: it is their last."""
    assert placed.within is not None
    last = placed.index == len(placed.within.steps) - 1
    return last or (placed.step.id is not None and reads.has("steps", placed.space, placed.step.id))
