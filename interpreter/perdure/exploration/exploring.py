"""`explore`: all that may come of a definition, and what is wrong with some of it.

The walk over the program gives the paths to its ends; here they become findings, each with the way there, and figures.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from perdure.definition.load import Catalogue
from perdure.exploration import blocks, groups, leaves, modifiers
from perdure.exploration.findings import Finding, finding
from perdure.exploration.knowledge import Fields, lifted, opened
from perdure.exploration.paths import MOST_COUNTED, Error, Path
from perdure.exploration.reach import unreached
from perdure.exploration.trails import deeds, length
from perdure.exploration.walk import Block, Ends, Walk
from perdure.program import Program, nodes
from perdure.program.nodes import Node

_DEEP: Final = 50_000
"""Python frames that the deepest definition needs; see `definition.load`."""

BLOCKS: Final[Mapping[type[Node], Block]] = {
    nodes.Run: modifiers.run,
    nodes.Sequence: blocks.sequence,
    nodes.Activity: leaves.activity,
    nodes.Branch: blocks.branch,
    nodes.Parallel: groups.parallel,
    nodes.Foreach: groups.foreach,
    nodes.Repeat: blocks.repeat,
    nodes.Wait: leaves.wait,
    nodes.Select: blocks.select,
    nodes.Ask: leaves.ask,
    nodes.Set: leaves.set_,
    nodes.Return: leaves.return_,
    nodes.Fail: leaves.fail,
    nodes.Rollback: leaves.rollback,
    nodes.Use: blocks.use,
    nodes.Receive: blocks.receive,
    nodes.Publish: leaves.publish,
    nodes.Send: leaves.send,
    nodes.Emit: leaves.emit,
    nodes.CancelRun: leaves.cancel,
    nodes.Restart: leaves.restart,
    nodes.Child: leaves.child,
    nodes.Guard: modifiers.guard,
    nodes.Cache: modifiers.cache,
    nodes.Lock: modifiers.lock,
    nodes.Queued: modifiers.queued,
    nodes.Finally: modifiers.finally_,
    nodes.Catch: modifiers.catch,
    nodes.Deadline: modifiers.deadline,
    nodes.Retry: modifiers.retry,
    nodes.Finish: modifiers.finish,
}


@dataclass(frozen=True, slots=True)
class Exploration:
    """What came of a program: `findings` by place, the `statuses` a run may end with, the types of errors it may fail
    with (`*` for those activities choose), the points it may reach as coverage names them, and figures."""

    program: Program
    findings: tuple[Finding, ...]
    statuses: frozenset[str]
    errors: frozenset[str]
    reached: frozenset[str]
    blocks: int
    outcomes: int
    paths: int

    @property
    def counted(self) -> str:
        """The number of paths as people read it: in full up to a billion, then about, and not without end."""
        if self.paths < 1_000_000_000:
            return f"{self.paths:,}"
        if self.paths >= MOST_COUNTED:
            return "more than 1e1000"
        digits = str(self.paths)
        return f"{digits[0]}.{digits[1]}e{len(digits) - 1}"


def explore(program: Program, catalogue: Catalogue | None = None) -> Exploration:
    """Walk every path of a program. The catalogue says what activities return, and which of them only read."""
    walk = Walk(program, catalogue or {}, BLOCKS)
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(max(usual, _DEEP))
    try:
        ends = _walked(walk)
    finally:
        sys.setrecursionlimit(usual)
    found = sorted(_findings(walk, ends), key=lambda one: (one.position.file, one.position.line, one.code, one.message))
    return Exploration(
        program,
        tuple(found),
        _statuses(walk, ends),
        frozenset(name for path in ends.failed for name in _types(path)) | _unfit(walk, ends),
        frozenset(walk.reached),
        sum(address == node.step for address, node in program.nodes.items()),
        len(ends.done) + len(ends.failed) + len(ends.left),
        sum(path.count for path in (*ends.done, *ends.failed, *ends.left)),
    )


def _walked(walk: Walk) -> Ends:
    program = walk.program
    start = Path(names={"input": opened("input", _input_schema(program), strict=True)})
    ends = Ends()
    root = program.nodes[program.root]
    for path, (value,) in walk.given(root, (program.vars,), [start], ends.failed):
        items = lifted(value)
        entered = path.but(vars=dict(items.items) if isinstance(items, Fields) else {})
        found = walk.visit(program.root, [entered])
        ends.done += found.done
        ends.add(found)
    return ends


def _input_schema(program: Program) -> Any:
    """The schema of the input; without one nothing is said of what it holds."""
    written = program.input_schema
    return {**written, "type": "object"} if isinstance(written, dict) else {"type": "object"}


def _statuses(walk: Walk, ends: Ends) -> frozenset[str]:
    found = {"cancelled", "terminated"} if ends.stopped else set()
    for path in ends.left:
        end = path.end
        restarts = isinstance(end, Fields) and end.get("restart") is not None
        found.add("continued" if restarts else "completed")
    if ends.done:
        found.add("completed")
    if ends.failed or (walk.program.output_schema is not None and "completed" in found):
        found.add("failed")
    return frozenset(found)


def _unfit(walk: Walk, ends: Ends) -> frozenset[str]:
    """What a run fails with whose output does not fit."""
    completes = walk.program.output_schema is not None and (ends.done or ends.left)
    return frozenset(("InvalidOutput",) if completes else ())


def _types(path: Path) -> Iterator[str]:
    assert isinstance(path.end, Error)
    yield from path.end.named
    if path.end.open:
        yield "*"


def _findings(walk: Walk, ends: Ends) -> Iterator[Finding]:
    yield from _expressions(walk, [*ends.failed, *walk.bad_undos])
    for address, path in walk.endless.items():
        label = walk.label(walk.program.nodes[address].step)
        yield finding(walk.program, "WF416", address, f"{label} may wait for ever: only a message ends it", path)
    for address, path in walk.unmet.items():
        if address not in _met(walk):
            label = walk.label(walk.program.nodes[address].step)
            yield finding(walk.program, "WF417", address, f"the join of {label} can never be met", path)
    yield from _effects(walk, ends.failed)
    yield from unreached(walk)


def _met(walk: Walk) -> set[str]:
    return {name.removesuffix(":joined") for name in walk.reached if name.endswith(":joined")}


def _expressions(walk: Walk, failed: list[Path]) -> Iterator[Finding]:
    """Expressions that fail for sure, and that nobody catches; of one expression the shortest way."""
    shortest: dict[tuple[str, str], Path] = {}
    for path in failed:
        error = path.end
        if isinstance(error, Error) and error.sure:
            key = (error.step, error.why)
            if key not in shortest or _cost(path) < _cost(shortest[key]):
                shortest[key] = path
    for (step, why), path in shortest.items():
        undo = "undo" in path.stack
        message = f"{walk.label(step)} fails here: {why}" if not undo else f"the undo {walk.label(step)} fails: {why}"
        yield finding(walk.program, "WF415", step, message, path)


def _effects(walk: Walk, failed: list[Path]) -> Iterator[Finding]:
    """Effects that stay when a run fails that undoes others."""
    shortest: dict[str, Path] = {}
    for path in failed:
        error = path.end
        if not isinstance(error, Error) or not error.real or error.sure or not path.undos or _is_late(path):
            continue
        for step in path.effects:
            before = shortest.get(step)
            if step == error.step:
                continue
            if before is None or _cost(path) < _cost(before):
                shortest[step] = path
    for step, path in shortest.items():
        assert isinstance(path.end, Error)
        if any(deed.step == step and deed.kind == "completed" for deed in deeds(path.trail)):
            message = f"{walk.label(step)} is not undone when {walk.label(path.end.step)} fails"
            yield finding(walk.program, "WF418", step, message, path)


def _is_late(path: Path) -> bool:
    """Whether a step that was told to stop has completed all the same: true, but not what one wants to be shown."""
    done = [deed for deed in deeds(path.trail) if deed.kind or deed.words][-2:]
    return [deed.kind for deed in done] == ["completed", "overrun"]


def _cost(path: Path) -> tuple[bool, int]:
    return path.blurred, length(path.trail)
