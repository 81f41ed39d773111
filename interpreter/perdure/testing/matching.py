"""Whether a value is what was expected: plain values as a subset, matchers by their own rule, differences by path.

A mapping may hold more than expected; a list has as many items; a mapping of nothing but matchers is a matcher.
Knows neither tests nor runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from perdure.definition.grammar import type_of
from perdure.schemas import check_value, schema_problems
from perdure.values import JSON, parse_duration, parse_time

Path = tuple[str | int, ...]

ABSENT: Final = object()
"""What is found where there is nothing."""

TYPES: Final = ("string", "number", "integer", "boolean", "array", "object", "null")


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where a value is not as expected; `path` leads there in what was expected, `reason` says more."""

    path: Path
    expected: JSON
    found: object
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Matcher:
    """`problem` says why an operand cannot be used; `mismatch` why a value does not match, None where it does."""

    problem: Callable[[JSON], str | None]
    mismatch: Callable[[JSON, JSON], str | None]


def equal(expected: JSON, found: JSON) -> bool:
    """Equal as JSON: true is not 1."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(equal(expected[key], found[key]) for key in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(equal, expected, found))
    return isinstance(expected, bool) == isinstance(found, bool) and bool(expected == found)


def fits(expected: JSON, found: JSON) -> bool:
    """Whether a value is as expected."""
    return next(differences(expected, found), None) is None


def differences(expected: JSON, found: object, path: Path = ()) -> Iterator[Difference]:
    """Where a value is not as expected, in the order of what was expected."""
    if is_matcher(expected):
        yield from _mismatches(expected, found, path)
    elif isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            yield from differences(value, found.get(key, ABSENT), (*path, key))
    elif isinstance(expected, list) and isinstance(found, list):
        for index, (value, other) in enumerate(zip(expected, found, strict=False)):
            yield from differences(value, other, (*path, index))
        if len(expected) != len(found):
            yield Difference(path, expected, found, f"{len(found)} items, not {len(expected)}")
    elif found is ABSENT or not equal(expected, found):
        yield Difference(path, expected, found)


def is_matcher(value: JSON) -> bool:
    """Whether a value is a mapping of matchers; `type` counts as one only with the name of a JSON type, for an error
    has a `type` too, `any` with true or a list, `schema` with a mapping."""
    if not isinstance(value, dict) or not value or not value.keys() <= MATCHERS.keys():
        return False
    return all(shape(value[key]) for key, shape in _SHAPES.items() if key in value)


def matcher_faults(value: JSON) -> Iterator[tuple[Path, str]]:
    """The matchers inside a value that cannot be applied, by path."""
    waiting: list[tuple[Path, JSON]] = [((), value)]
    while waiting:
        path, part = waiting.pop()
        if is_matcher(part):
            for name, operand in part.items():
                problem = MATCHERS[name].problem(operand)
                if problem is not None:
                    yield (*path, name), problem
                elif isinstance(operand, list | dict) and name in ("any", "contains"):
                    waiting.append(((*path, name), operand))
        elif isinstance(part, dict):
            waiting += [((*path, key), inner) for key, inner in part.items()]
        elif isinstance(part, list):
            waiting += [((*path, index), inner) for index, inner in enumerate(part)]


def _mismatches(matcher: Mapping[str, JSON], found: object, path: Path) -> Iterator[Difference]:
    for name, operand in matcher.items():
        reason = "it is not there" if found is ABSENT else MATCHERS[name].mismatch(operand, found)
        if reason is not None:
            yield Difference((*path, name), {name: operand}, found, reason)


# -- the matchers


def _anything(operand: JSON) -> str | None:
    return None


def _unequal(operand: JSON, found: JSON) -> str | None:
    return None if equal(operand, found) else "it is not equal"


def _other_type(operand: str, found: JSON) -> str | None:
    type = type_of(found)
    if type == operand or (operand == "number" and type == "integer"):
        return None
    return f"it is of the type {type}"


def _bad_pattern(operand: JSON) -> str | None:
    if not isinstance(operand, str):
        return "must be a regular expression"
    try:
        re.compile(operand)
    except (re.error, RecursionError, OverflowError) as wrong:
        return f"is no regular expression: {wrong}"
    return None


def _no_match(operand: str, found: JSON) -> str | None:
    if not isinstance(found, str):
        return "it is not a text"
    return None if re.search(operand, found) else "it does not match"


def _bad_schema(operand: JSON) -> str | None:
    problems = schema_problems(operand)
    return f"is no JSON Schema: {problems[0].message}" if problems else None


def _invalid(operand: JSON, found: JSON) -> str | None:
    problems = check_value(operand, found)
    return "; ".join(problems) or None


def _not_contained(operand: JSON, found: JSON) -> str | None:
    match found:
        case str():
            return None if isinstance(operand, str) and operand in found else "it does not contain this"
        case list():
            return None if any(fits(operand, item) for item in found) else "no item is like this"
        case dict():
            return None if isinstance(operand, str) and operand in found else "it has no such key"
    return "it can contain nothing"


def _bad_bounds(operand: JSON) -> str | None:
    if not isinstance(operand, list) or len(operand) != 2:
        return "must be a list of two bounds"
    read = _scale(*operand)
    if read is None:
        return "must be two numbers, two times or two durations"
    return None if read[0] <= read[1] else "has its bounds in the wrong order"


def _outside(operand: list[JSON], found: JSON) -> str | None:
    read = _scale(*operand, found)
    if read is None:
        return "it cannot be compared with the bounds"
    return None if read[0] <= read[2] <= read[1] else "it is outside"


def _scale(*values: JSON) -> list[float] | None:
    """Values of one sort as numbers: numbers, durations or times."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return list(values)
    if not all(isinstance(value, str) for value in values):
        return None
    for read in (parse_duration, parse_time):
        try:
            return [read(value) for value in values]
        except (ValueError, OverflowError):
            continue
    return None


def _none_fits(operand: JSON, found: JSON) -> str | None:
    return None if operand is True or any(fits(one, found) for one in operand) else "none of these"


MATCHERS: Final[Mapping[str, Matcher]] = {
    "equals": Matcher(_anything, _unequal),
    "type": Matcher(_anything, _other_type),
    "matches": Matcher(_bad_pattern, _no_match),
    "schema": Matcher(_bad_schema, _invalid),
    "contains": Matcher(_anything, _not_contained),
    "between": Matcher(_bad_bounds, _outside),
    "any": Matcher(_anything, _none_fits),
}
"""By the key that a mapping has instead of a plain value; several at once must all hold."""

_SHAPES: Final[Mapping[str, Callable[[JSON], bool]]] = {
    "type": lambda operand: operand in TYPES if isinstance(operand, str) else False,
    "schema": lambda operand: isinstance(operand, dict),
    "any": lambda operand: operand is True or (isinstance(operand, list) and bool(operand)),
}
