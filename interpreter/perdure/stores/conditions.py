"""What runs to list: a condition over the columns of a run's row and its labels, as every store understands it.

A comparison with something the run does not have (no parent, not closed, no such label) does not hold, but `!=` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

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
