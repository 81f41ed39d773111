"""Rows of the store as people are told of them: runs and questions in brief, and the ambient of queries.

Functions only; what an open run is doing is read from its state, by `view`.
"""

from __future__ import annotations

from typing import Any

from perdure.core.outcomes import new_error
from perdure.engine.records import Ask, RunInfo, iso
from perdure.errors import ExpressionError
from perdure.stores.store import OpenAsk, RunRow
from perdure.values import JSON, decode


def brief(row: RunRow) -> RunInfo:
    """What a list shows of a run: its row alone."""
    outcome = decode(row.outcome) if row.outcome is not None and row.closed_at is not None else {}
    return RunInfo(
        **facts_of(row),
        output=outcome.get("output"),
        error=outcome.get("error"),
        undone=outcome.get("undone", []),
        not_undone=outcome.get("not_undone", []),
    )


def ask_of(found: OpenAsk) -> Ask:
    body = decode(found.ask.body)
    return Ask(
        run=found.run_id,
        workflow=found.workflow,
        step=found.ask.address,
        prompt=body["prompt"],
        form=body["form"],
        of=body["of"],
        opened_at=iso(found.ask.opened_at) or "",
        due=iso(found.ask.due),
        reminders=body["reminders"],
    )


class Still:
    """The ambient of queries: nothing they call changes the run."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    def random(self) -> float:
        raise ExpressionError("a query cannot call random()")

    def uuid(self) -> str:
        raise ExpressionError("a query cannot call uuid()")


def run_facts(row: RunRow, outcome: JSON) -> dict[str, JSON]:
    return {
        "id": row.id,
        "workflow": row.workflow,
        "version": row.version,
        "started_at": outcome.get("started_at", iso(row.created_at)),
        "attempt": outcome.get("attempt", 1),
    }


def facts_of(row: RunRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "workflow": row.workflow,
        "version": row.version,
        "digest": row.digest,
        "status": row.status,
        "parent": row.parent,
        "labels": dict(row.labels),
        "started_at": iso(row.created_at) or "",
        "closed_at": iso(row.closed_at),
    }


def cause_of(row: RunRow) -> JSON:
    """Why an open run is stuck."""
    return None if row.outcome is None else new_error("Stuck", decode(row.outcome)["cause"])
