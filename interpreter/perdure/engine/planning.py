"""What a deployment would mean: is the definition new, and which open runs could go on with it. Changes nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from perdure.core.moving import obstacles
from perdure.definition import Definition
from perdure.engine.migration import stored
from perdure.engine.replay import open_runs
from perdure.errors import PerdureError, UnknownRun

if TYPE_CHECKING:
    from perdure.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class Held:
    """An open run that could not go on with the new definition, and why: each reason with both places."""

    run: str
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """`change` is new, changed or unchanged against what is deployed; `before` the digest of that.

    Of the open runs of the workflow, `there` have this definition already, `compatible` could move to it, and `held`
    could not. All of them stay with their own definition unless they are migrated.
    """

    workflow: str
    version: str | None
    digest: str
    change: str
    before: str | None
    there: int = 0
    compatible: int = 0
    held: list[Held] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


async def plan(engine: Engine, definition: Definition) -> Plan:
    """Raises StoreError."""
    before = await engine.deployed(definition.name)
    change = "new" if before is None else "unchanged" if before == definition.digest else "changed"
    there, compatible, held = 0, 0, []
    for run_id in await open_runs(engine, definition.name):
        reasons = await _reasons(engine, run_id, definition)
        if reasons is None:
            there += 1
        elif reasons:
            held.append(Held(run_id, reasons))
        else:
            compatible += 1
    return Plan(definition.name, definition.version, definition.digest, change, before, there, compatible, held)


async def _reasons(engine: Engine, run_id: str, definition: Definition) -> list[str] | None:
    """What keeps a run from moving; None where it has the definition already, or has ended meanwhile."""
    try:
        row = await engine._row(run_id)
        if row.closed_at is not None or row.digest == definition.digest:
            return None
        state, _, old = await stored(engine, row)
    except UnknownRun:
        return None
    except PerdureError as problem:
        return [f"it cannot be read: {problem}"]
    return [str(obstacle) for obstacle in obstacles(old, definition.program, state)]
