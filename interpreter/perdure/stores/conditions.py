"""What runs to list: a condition over the columns of a run's row and its labels, as every store understands it.

A comparison with something the run does not have (no parent, not closed, no such label) does not hold, but `!=` does.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from perdure.errors import StoreError
from perdure.stores.rows import RunRow

COLUMNS: Final[Mapping[str, type]] = {
    "id": str,
    "workflow": str,
    "version": str,
    "digest": str,
    "status": str,
    "parent": str,
    "created_at": int,
    "closed_at": int,
}
"""What can be compared, and with what; the times are microseconds."""
OPERATORS: Final = ("=", "!=", "<", "<=", ">", ">=")


@dataclass(frozen=True, slots=True)
class Compare:
    column: str
    operator: str
    value: str | int


@dataclass(frozen=True, slots=True)
class Label:
    """Labels compare as texts."""

    name: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Every:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition


Condition = Compare | Label | Every | Some | Not

DEEPEST: Final = 20
"""Levels of a condition; more are refused, before anything recurses into them."""

_COMPARES: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def check(condition: Condition, depth: int = 0) -> None:
    """Raise StoreError for a condition that no store understands: unknown columns or operators, foreign values."""
    if depth > DEEPEST:
        raise StoreError(f"a condition may be {DEEPEST} levels deep; this one is deeper")
    match condition:
        case Every(parts) | Some(parts):
            for part in parts:
                check(part, depth + 1)
        case Not(part):
            check(part, depth + 1)
        case Compare(column, compared, value):
            _check_comparison(column, compared, value, COLUMNS.get(column))
        case Label(name, compared, value):
            _check_comparison(name, compared, value, str)
        case _:
            raise StoreError(f"this is no condition: {condition!r}")


def holds(condition: Condition, row: RunRow) -> bool:
    """Whether a run is one of those that a checked condition names."""
    match condition:
        case Every(parts):
            return all(holds(part, row) for part in parts)
        case Some(parts):
            return any(holds(part, row) for part in parts)
        case Not(part):
            return not holds(part, row)
        case Compare(column, compared, value):
            return _compare(getattr(row, column), compared, value)
        case Label(name, compared, value):
            return _compare(row.labels.get(name), compared, value)


def _compare(present: str | int | None, compared: str, value: str | int) -> bool:
    if present is None:
        return compared == "!="
    return _COMPARES[compared](present, value)


def _check_comparison(name: str, compared: str, value: object, kind: type | None) -> None:
    if kind is None:
        raise StoreError(f"a condition on {name} is not possible; compare one of {', '.join(COLUMNS)}, or a label")
    if compared not in OPERATORS:
        raise StoreError(f"{compared} does not compare; use one of {' '.join(OPERATORS)}")
    if type(value) is not kind:
        raise StoreError(f"{name} compares with {kind.__name__}, not with {value!r}")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise StoreError(f"{name} compares with 64 bits, not with {value}")
