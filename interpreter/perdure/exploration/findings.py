"""A finding: what is wrong, where, and the way there, in words and for a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from perdure.definition.diagnostics import Diagnostic, Place, report
from perdure.exploration.paths import Error, Path
from perdure.exploration.trails import told
from perdure.program import Position, Program
from perdure.program.nodes import Address

ARROW: Final = " → "


@dataclass(frozen=True, slots=True)
class Finding:
    """`way` is the counter-example in words, `path` what a test is made of; there is none for what no path reaches."""

    code: str
    step: Address
    message: str
    position: Position
    way: tuple[str, ...] = ()
    path: Path | None = None

    @property
    def diagnostic(self) -> Diagnostic:
        """The finding as a rule's diagnostic, at the step it is about."""
        at = self.position
        return report(self.code, self.message, Place(at.file, at.line, at.column, at.line, at.column))


def finding(program: Program, code: str, address: Address, message: str, path: Path | None = None) -> Finding:
    """What was found at a node, with the path that shows it."""
    node = program.nodes.get(address)
    step = address if node is None else node.step
    way = [] if path is None else told(path.trail)
    error = None if path is None else path.end
    if isinstance(error, Error) and not error.sure and code == "WF418":
        way.append(f"the run fails{_with(error)}")
    return Finding(code, step, message, program.positions[step], tuple(way), path)


def _with(error: Error) -> str:
    plain = [patterns[0] for patterns in error.wanted if len(patterns) == 1 and "*" not in patterns[0]]
    if plain or (len(error.named) == 1 and not error.open):
        return f" with {(plain or sorted(error.named))[0]}"
    return ""
