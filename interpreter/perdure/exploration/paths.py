"""One path, or many that are alike: what is known after some steps, and how one comes there.

Paths are never changed, only followed by others. Where there are too many, several become one that knows less: that is
what keeps the walk from being exponential. Knows nothing of steps and nodes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from perdure.definition.error_types import BY_ENGINE
from perdure.exploration.knowledge import MISSING, NULL, Either, Missing, Open, Value, either
from perdure.exploration.trails import Learned, Link, Trail, further, length
from perdure.program import matches

MOST_PATHS: Final = 8
"""Paths that are told apart at one place of the program."""
MOST_FAILURES: Final = 24
"""Failing paths told apart at one place: each may be a problem of its own."""

MOST_COUNTED: Final = 10**1_000
"""Loops inside loops have more paths than numbers have room for; from here on nobody counts."""

Patterns = tuple[str, ...]
Reference = tuple[str, object]
"""The root and the first key of what an expression reads."""

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Error:
    """The errors a path may fail with: some by name, or, where it is `open`, any an activity may choose that fits
    one of each `wanted` and none of `excluded`. `sure` when its cause has been proved, with the reason in `why`."""

    named: frozenset[str] = frozenset()
    open: bool = False
    wanted: tuple[Patterns, ...] = ()
    excluded: tuple[str, ...] = ()
    details: Value = NULL
    step: str = ""
    sure: bool = False
    why: str = ""
    real: bool = True

    def split(self, patterns: tuple[str, ...]) -> tuple[Error | None, Error | None]:
        """The part that these names and globs take, and the rest."""
        fitting = frozenset(name for name in self.named if matches(patterns, name))
        rest, every = self.named - fitting, "*" in patterns
        chosen = tuple(pattern for pattern in patterns if pattern not in BY_ENGINE)
        wanted = self.wanted if every or not chosen else (*self.wanted, chosen)
        opened = self.open and bool(chosen) and not _contradicts(wanted)
        taken = self._with(fitting, opened, wanted, self.excluded)
        left = self._with(rest, self.open and not every, self.wanted, (*self.excluded, *patterns))
        return taken, left

    def _with(
        self, named: frozenset[str], opened: bool, wanted: tuple[Patterns, ...], excluded: tuple[str, ...]
    ) -> Error | None:
        if not named and not opened:
            return None
        return Error(
            named, opened, wanted if opened else (), excluded if opened else (),
            self.details, self.step, self.sure, self.why, self.real,
        )  # fmt: skip


def _contradicts(wanted: tuple[Patterns, ...]) -> bool:
    """Whether no name fits all: two different names, or a name and a glob it does not fit."""
    single = [patterns[0] for patterns in wanted if len(patterns) == 1]
    plain = {pattern for pattern in single if "*" not in pattern}
    return len(plain) > 1 or any(not matches((one,), name) for name in plain for one in single)


@dataclass(slots=True, eq=False)
class Path:
    """`results` are those of steps by id, `cells` and `atoms` what was learned of values and of conditions, `undos` how
    many are registered, `effects` the steps whose effects none of them covers, `stack` what blocks around have noted;
    `end` is the last step's result, or the error. `count` says how many paths it stands for; `blurred` that some were
    taken together that differ."""

    results: Mapping[str, Value] = field(default_factory=dict)
    vars: Mapping[str, Value] = field(default_factory=dict)
    names: Mapping[str, Value] = field(default_factory=dict)
    cells: Mapping[str, tuple[Value | Missing, Reference]] = field(default_factory=dict)
    atoms: Mapping[Any, tuple[bool, Reference]] = field(default_factory=dict)
    undos: int = 0
    effects: frozenset[str] = frozenset()
    stack: tuple[Any, ...] = ()
    end: Value | Error = NULL
    count: int = 1
    trail: Trail | None = None
    blurred: bool = False

    def but(self, **changes: Any) -> Path:
        """This path with something else known."""
        made = Path(
            self.results, self.vars, self.names, self.cells, self.atoms, self.undos, self.effects, self.stack, self.end,
            self.count, self.trail, self.blurred,
        )  # fmt: skip
        for name, value in changes.items():
            setattr(made, name, value)
        return made

    def after(self, link: Link, **changes: Any) -> Path:
        """This path after something more has happened."""
        return self.but(trail=further(self.trail, link), **changes)

    def push(self, note: Any) -> Path:
        return self.but(stack=(*self.stack, note))

    def pop(self) -> Path:
        return self.but(stack=self.stack[:-1])

    def key(self) -> tuple[Any, ...]:
        """What paths that are alike have in common."""
        return (
            frozenset(self.results.items()), frozenset(self.vars.items()), frozenset(self.names.items()),
            frozenset(self.cells.items()), frozenset(self.atoms.items()), self.stack, self.end,
            bool(self.undos), self.effects,
        )  # fmt: skip

    def without_cells(self, origin: str) -> Path:
        """This path when what a cell stood for is another thing now."""
        if not any(_within(cell, origin) for cell in self.cells) and not any(origin in str(key) for key in self.atoms):
            return self
        cells = {cell: learned for cell, learned in self.cells.items() if not _within(cell, origin)}
        return self.but(cells=cells, atoms={key: one for key, one in self.atoms.items() if origin not in str(key)})


def _within(cell: str, origin: str) -> bool:
    return cell.startswith(origin)


def gathered(paths: Iterable[Path], most: int = MOST_PATHS) -> list[Path]:
    """The paths, those that are alike as one, and at most so many for each state of the blocks around."""
    paths = list(paths)
    if len(paths) < 2:
        return paths
    alike: dict[Any, Path] = {}
    for path in paths:
        key = path.key()
        before = alike.get(key)
        alike[key] = path if before is None else _together(before, path)
    if len(alike) <= most:
        return list(alike.values())
    groups: dict[Any, list[Path]] = {}
    for path in sorted(alike.values(), key=lambda path: (path.blurred, length(path.trail))):
        groups.setdefault((path.stack, isinstance(path.end, Error) and path.end.sure), []).append(path)
    total = len(alike)
    while total > most and max(map(len, groups.values())) > 1:
        largest = max(groups.values(), key=len)
        last = largest.pop()
        largest[-1] = blended(largest[-1], last)
        total -= 1
    return [path for group in groups.values() for path in group]


def _together(one: Path, other: Path) -> Path:
    """Two paths that know the same, with the shorter way."""
    kept = other if (other.blurred, length(other.trail)) < (one.blurred, length(one.trail)) else one
    return kept.but(count=one.count + other.count)


def turns(path: Path, entered: list[Path], done: list[Path]) -> Path:
    """A path out of a turn for one turn and for several: each of these may stand behind each way of an earlier one."""
    ways = sum(one.count for one in done) // max(1, sum(one.count for one in entered))
    return path.but(count=min(path.count * (ways + 1), MOST_COUNTED))


def blended(one: Path, other: Path) -> Path:
    """A path that knows what both know; its way is that of the first."""
    return one.but(
        results=_joined(one.results, other.results, NULL),
        vars=_joined(one.vars, other.vars, None),
        names=_joined(one.names, other.names, None),
        cells={cell: learned for cell, learned in one.cells.items() if other.cells.get(cell) == learned},
        atoms={key: decided for key, decided in one.atoms.items() if other.atoms.get(key) == decided},
        effects=one.effects | other.effects,
        end=_either_end(one.end, other.end),
        count=one.count + other.count,
        blurred=True,
    )


def _joined(one: Mapping[str, Value], other: Mapping[str, Value], absent: Value | None) -> dict[str, Value]:
    made: dict[str, Value] = {}
    for name in {**one, **other}:
        first, second = one.get(name, absent), other.get(name, absent)
        if first is None or second is None:
            made[name] = Open(f"~{next(_numbers)}")
        elif first == second:
            made[name] = first
        else:
            made[name] = either(f"~{next(_numbers)}", [first, second])
    return made


def _either_end(one: Value | Error, other: Value | Error) -> Value | Error:
    if one == other:
        return one
    if isinstance(one, Error) and isinstance(other, Error):
        return Error(
            one.named | other.named,
            one.open or other.open,
            one.wanted if one.wanted == other.wanted else (),
            tuple(pattern for pattern in one.excluded if pattern in other.excluded)
            if one.open and other.open
            else one.excluded or other.excluded,
            one.details if one.details == other.details else Open(f"~{next(_numbers)}"),
            one.step,
            one.sure and other.sure,
            one.why,
            one.real or other.real,
        )
    if isinstance(one, Error) or isinstance(other, Error):
        return one
    return either(f"~{next(_numbers)}", [one, other])


def learn(path: Path, cell: str, value: Value | Missing, reference: Reference) -> Path:
    """The path on which a cell has turned out to be this."""
    return path.after(Learned(cell, value), cells={**path.cells, cell: (value, reference)})


def settled(path: Path, ways: list[Path]) -> Path:
    """The path behind an expression that went one of these ways on it: it knows what all of them have learned."""
    if not ways:
        return path
    first, *others = ways
    for cell, learned in first.cells.items():
        if path.cells.get(cell) != learned and all(way.cells.get(cell) == learned for way in others):
            path = learn(path, cell, *learned)
    return path


def kinds(path: Path, value: Value, reference: Reference) -> list[tuple[Path, Value | Missing]]:
    """The paths on which it is decided which of several a value is, with what it is there."""
    if isinstance(value, Open) and value.cell in path.cells:
        return [(path, path.cells[value.cell][0])]
    if not isinstance(value, Either):
        return [(path, value)]
    if value.cell in path.cells:
        kind = path.cells[value.cell][0]
        return [(path, kind)] if isinstance(kind, Missing) else kinds(path, kind, reference)
    found: list[tuple[Path, Value | Missing]] = []
    for kind in value.kinds:
        found += kinds(learn(path, value.cell, kind, reference), kind, reference)
    return found


__all__ = [
    "MISSING", "MOST_FAILURES", "MOST_PATHS", "Error", "Path", "Reference", "blended", "gathered", "kinds", "learn",
    "settled",
]  # fmt: skip
