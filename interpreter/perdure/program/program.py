"""A program: the immutable table of nodes that the front end makes and the machine runs.

Knows where each node was written and how steps are named to people; knows nothing of running.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from perdure.expressions import Expression, Template
from perdure.program.schedules import Schedule
from perdure.values import JSON

if TYPE_CHECKING:  # making the classes takes longer than all the rest, and checks do without them
    from perdure.program.nodes import Address, Node


@dataclass(frozen=True, slots=True)
class Position:
    """Where a step is written; line and column count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """`shared` are the steps that may run more than once; `kept` the ids whose results some expression reads; `marks`
    those a rollback may go back to; `queries` read `state`, what was published, and `run`; `children` are the names of
    the definitions it may start; `schedules` start runs of it once it is deployed."""

    name: str
    version: str | None
    digest: str
    description: str | None
    root: Address
    nodes: Mapping[Address, Node]
    positions: Mapping[Address, Position]
    kinds: Mapping[Address, str]
    ids: Mapping[Address, str]
    shared: frozenset[Address] = frozenset()
    kept: frozenset[str] = frozenset()
    marks: frozenset[str] = frozenset()
    input_schema: JSON = None
    output_schema: JSON = None
    vars: Template | None = None
    labels: Template | None = None
    queries: Mapping[str, Expression] = field(default_factory=dict)
    children: tuple[str, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    summaries: Mapping[Address, Template] = field(default_factory=dict)
    descriptions: Mapping[Address, str] = field(default_factory=dict)

    def label(self, step: Address, turns: Iterable[tuple[Address, int]] = ()) -> str:
        """How people name a step: its id, or its address with turns where the id is not unique."""
        if step in self.shared or step not in self.ids:
            return place(step, turns)
        return self.ids[step]


def place(step: Address, turns: Iterable[tuple[Address, int]]) -> str:
    """The address with loop turns put in, innermost turn first: `each[2]/book`."""
    for loop, turn in turns:
        step = f"{loop}[{turn}]{step[len(loop) :]}"
    return step


def matches(patterns: Iterable[str], name: str) -> bool:
    """Whether one of the names or globs (`payments.*`) fits."""
    return any(pattern in ("*", name) or ("*" in pattern and _glob(pattern).fullmatch(name)) for pattern in patterns)


@lru_cache(maxsize=1024)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")))
