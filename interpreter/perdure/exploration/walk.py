"""The walk over a program: each node once, with all paths that lead to it, and out come the paths that leave it.

Rules of this file: a node never looks behind itself; what it hands on has been gathered, so that the work grows with
the number of nodes and not with that of paths. What nodes do stands in `leaves`, `blocks`, `groups` and `modifiers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from perdure.definition.load import Catalogue
from perdure.exploration.filling import Filled, ask, decide, fill
from perdure.exploration.knowledge import NULL, Open, Value, either, fields, known
from perdure.exploration.layout import Layout
from perdure.exploration.paths import MOST_FAILURES, MOST_PATHS, Error, Path, gathered
from perdure.exploration.trails import Deed
from perdure.expressions import Expression, Template
from perdure.program import Program
from perdure.program.nodes import Address, Finish, Node

NO_STEP: Final = ""


@dataclass(slots=True)
class Ends:
    """The paths out of a node: completed, failed, on their way out by `return` or `restart`, and those on which it was
    told to stop and has unwound."""

    done: list[Path] = field(default_factory=list)
    failed: list[Path] = field(default_factory=list)
    left: list[Path] = field(default_factory=list)
    stopped: list[Path] = field(default_factory=list)

    def add(self, other: Ends) -> None:
        """What another node ended in, but for its completions."""
        self.failed += other.failed
        self.left += other.left
        self.stopped += other.stopped

    def each(self, change: Callable[[Path], Path]) -> Ends:
        """The same ends with something changed on each path."""
        return Ends(*([change(path) for path in paths] for paths in self.lists()))

    def lists(self) -> tuple[list[Path], list[Path], list[Path], list[Path]]:
        return self.done, self.failed, self.left, self.stopped


Block = Callable[["Walk", Any, list[Path]], Ends]


class Walk:
    """One walk. `reached` are the nodes it came to, and other points as coverage names them; `endless` the waits that
    nothing ends, `unmet` the joins that failed, each with a path that leads there."""

    def __init__(self, program: Program, catalogue: Catalogue, blocks: Mapping[type[Node], Block]) -> None:
        self.program = program
        self.catalogue = catalogue
        self.blocks = blocks
        self.layout = Layout.of(program)
        self.reached: set[str] = set()
        self.endless: dict[Address, Path] = {}
        self.unmet: dict[Address, Path] = {}
        self.bad_undos: list[Path] = []
        self.bounded = 0
        self.visits = 0
        self.saga = any(isinstance(node, Finish) and node.undo is not None for node in program.nodes.values())

    # -- the walk

    def visit(self, address: Address, paths: Sequence[Path]) -> Ends:
        """What comes of paths that enter a node."""
        if not paths:
            return Ends()
        self.visits += 1
        self.reached.add(address)
        node = self.program.nodes[address]
        ends = self.blocks[type(node)](self, node, list(paths))
        if node.result is not None:
            ends.done = [_kept(path, node.result) for path in ends.done]
        place = self.layout.last[address]
        ends.done = self.gather(ends.done, place)
        if len(ends.failed) > MOST_FAILURES:
            ends.failed = self.gather(ends.failed, place, MOST_FAILURES // 2)
        if len(ends.left) > MOST_PATHS:
            ends.left = self.gather(ends.left, place)
        if len(ends.stopped) > MOST_PATHS:
            ends.stopped = self.gather((path.but(end=NULL) for path in ends.stopped), place, MOST_PATHS // 2)
        return ends

    def gather(self, paths: Iterable[Path], place: int, most: int = MOST_PATHS) -> list[Path]:
        """The paths without what nothing behind a place reads, those that are alike then as one."""
        return gathered((self._forgetting(path, place) for path in paths), most)

    def _forgetting(self, path: Path, place: int) -> Path:
        read = self.layout.is_read
        results = {id: value for id, value in path.results.items() if read("steps", id, place)}
        vars = {name: value for name, value in path.vars.items() if read("vars", name, place)}
        cells = {cell: one for cell, one in path.cells.items() if read(*one[1], place)}
        atoms = {key: one for key, one in path.atoms.items() if read(*one[1], place)}
        before = len(path.results) + len(path.vars) + len(path.cells) + len(path.atoms)
        if len(results) + len(vars) + len(cells) + len(atoms) == before:
            return path
        return path.but(results=results, vars=vars, cells=cells, atoms=atoms)

    # -- what blocks ask for

    def label(self, step: Address) -> str:
        """How people name a step."""
        return self.program.label(step) or "the run"

    def given(
        self, node: Node, templates: Sequence[Template | None], paths: Iterable[Path], failed: list[Path]
    ) -> Iterable[tuple[Path, list[Value]]]:
        """Each path on which templates can be filled in, with their values; null for one that is not there."""
        for path in paths:
            values: list[Value] = []
            for template in templates:
                if template is None:
                    values.append(NULL)
                    continue
                filled = self.noted(node, fill(template, path), path, failed)
                if filled.value is None:
                    break
                values.append(filled.value)
                path = filled.path
            else:
                yield path, values

    def asked(self, node: Node, expression: Expression, path: Path, failed: list[Path]) -> tuple[Path, Value | None]:
        """The path behind a bare expression, and its value; None where it always fails."""
        filled = self.noted(node, ask(expression, path), path, failed)
        return filled.path, filled.value

    def decided(
        self, node: Node, condition: Expression, path: Path, failed: list[Path]
    ) -> tuple[list[Path], list[Path]]:
        """The paths on which a condition holds, and those on which it does not."""
        found = decide(condition, path)
        failed += [self.failing(node, there, why, text) for there, why, text in found.failures]
        if found.uncertain:
            failed.append(self.doubtful(node, path))
        return found.yes, found.no

    def noted(self, node: Node, filled: Filled, path: Path, failed: list[Path]) -> Filled:
        """What came of a template, its failures noted."""
        failed += [self.failing(node, there, why, text) for there, why, text in filled.failures]
        if filled.uncertain:
            failed.append(self.doubtful(node, path))
        return filled

    def failing(self, node: Node, path: Path, why: str, text: str) -> Path:
        """The path on which an expression of a node fails for sure."""
        label = self.label(node.step)
        error = Error(frozenset(("ExpressionFailed",)), step=node.step, sure=True, why=f"{why}, in {_short(text)}")
        return path.after(Deed("", node.step, f"{label} fails: {why}"), end=error)

    def doubtful(self, node: Node, path: Path) -> Path:
        """The path on which an expression fails for a reason that cannot be seen."""
        error = Error(frozenset(("ExpressionFailed",)), step=node.step, real=False)
        return path.after(Deed("", node.step, f"{self.label(node.step)} fails on its values"), end=error)

    def raised(self, node: Node, path: Path, *types: str, words: str = "", kind: str = "", **error: Any) -> Path:
        """The path on which a node fails with one of these types."""
        deed = Deed(kind, node.step, words or f"{self.label(node.step)} fails with {types[0]}", types[0])
        return path.after(deed, end=Error(frozenset(types), step=node.step, **error))

    def shielded(self, visit: Callable[[], Ends]) -> Ends:
        """A visit to what timeouts around do not cut short."""
        outer, self.bounded = self.bounded, 0
        try:
            return visit()
        finally:
            self.bounded = outer


def bound(path: Path, **names: Value) -> Path:
    """The path with names bound; `unbound` sets them back."""
    return path.push(frozenset(path.names.items())).but(names={**path.names, **names})


def unbound(path: Path) -> Path:
    return path.but(names=dict(path.stack[-1])).pop()


def without_vars(path: Path, names: frozenset[str], where: str) -> Path:
    """The path when variables may have been set in the meantime."""
    if not names:
        return path
    changed = {name: Open(f"{where}.{name}") for name in names}
    return path.but(vars={**path.vars, **changed}).without_cells(where)


def error_value(error: Error, walk: Walk) -> Value:
    """An error as expressions read it."""
    type: Value
    where = f"!{error.step}"
    if error.open or len(error.named) > 6:
        type = Open(f"{where}.type", {"type": "string"}, solid=True)
    else:
        type = either(f"{where}.type", [known(name) for name in sorted(error.named)])
    text = Open(f"{where}.message", {"type": "string"}, solid=True)
    step = Open(f"{where}.step", {"type": ["string", "null"]})
    attempt = Open(f"{where}.attempt", {"type": ["integer", "null"]})
    return fields(
        type=type, message=text, details=error.details, step=step, attempt=attempt, cause=Open(f"{where}.cause")
    )


def _kept(path: Path, id: str) -> Path:
    assert not isinstance(path.end, Error)
    return path.but(results={**path.results, id: path.end})


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:59]}…"


__all__ = [
    "Block", "Ends", "Walk", "bound", "error_value", "unbound", "without_vars",
]  # fmt: skip
