"""What the oracle stands on: errors, scopes of results, and the place a step is run in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from virtual import Task

from perdure.definition.models import Step

JSON = Any


class Failed(Exception):
    """A step failed. `final` errors are never retried, `deadly` ones never caught."""

    def __init__(self, error: dict[str, JSON], final: bool = False, deadly: bool = False) -> None:
        self.error = error
        self.final = final
        self.deadly = deadly


class Leaving(Exception):
    """The run ends from inside: by `return` or `restart`, with a value. It goes outwards as an error does."""

    def __init__(self, way: str, value: JSON) -> None:
        self.way = way
        self.value = value


def failure(
    type: str,
    message: str,
    *,
    details: JSON = None,
    step: str | None = None,
    attempt: int | None = None,
    cause: JSON = None,
    final: bool = False,
) -> Failed:
    error = {"type": type, "message": message, "details": details, "step": step, "attempt": attempt}
    return Failed({**error, "cause": cause}, final)


def with_cause(failed: Failed, earlier: Exception | None) -> Failed:
    """The failure with an earlier one as its cause, unless it has one."""
    if not isinstance(earlier, Failed) or failed.error["cause"]:
        return failed
    return Failed({**failed.error, "cause": earlier.error}, failed.final, failed.deadly)


def fits(patterns: Sequence[str], type: str) -> bool:
    return any(fnmatchcase(type, pattern) for pattern in patterns)


class Scope:
    """Results of steps by id, and after which undo they completed, in which member of a group."""

    def __init__(self, around: Scope | None) -> None:
        self.around = around
        self.results: dict[str, JSON] = {}
        self.marks: dict[str, tuple[int, object]] = {}

    def all(self) -> dict[str, JSON]:
        return {**(self.around.all() if self.around else {}), **self.results}

    def mark(self, id: str) -> tuple[int, object] | None:
        return self.marks.get(id) or (self.around.mark(id) if self.around else None)


@dataclass(frozen=True)
class Place:
    """Where a step runs: what it may read, the regions of undoing around it, the turns of loops, outermost first.
    A name may stand for a function that gives its value at that moment."""

    scope: Scope
    names: Mapping[str, Any]
    input: JSON
    vars: dict[str, JSON] | None = None
    regions: tuple[object, ...] = ()
    holds: tuple[Any, ...] = ()
    lane: object = None
    turns: tuple[tuple[str, int], ...] = ()
    attempt: int = 1
    late: list[Any] = field(default_factory=list)
    keeper: Task | None = None

    def with_(self, **changes: Any) -> Place:
        return replace(self, **changes)


@dataclass
class Undo:
    order: int
    step: Step
    label: str
    place: Place
    regions: tuple[object, ...]
