"""Reading names, keys, items and slices of data; never an attribute or method of a Python object.

Each read comes in two forms: one that refuses what is missing, saying what there is, and one that gives
`MISSING`, for what stands under a guard. Does not know the syntax tree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Final

from perdure.errors import ExpressionError
from perdure.expressions.scope import Scope
from perdure.expressions.wording import kind, listing, refusal, spelled, suggestion
from perdure.values import JSON

Closure = Callable[[Scope], JSON]
Key = str | int

MISSING: Final = type("Missing", (), {"__slots__": (), "__repr__": lambda self: "MISSING"})()
"""What a guarded read gives when there is nothing; never leaves an evaluation."""

_ABSENT: Final = (KeyError, IndexError, TypeError)


def read_path(root: str, keys: tuple[Key, ...], explain: Callable[[Scope], ExpressionError]) -> Closure:
    """A closure that reads `root` and then each key, written out for the usual lengths."""
    # The fast road leaves every error to a second, careful walk over the same path.
    if len(keys) == 1:
        (first,) = keys

        def read(scope: Scope) -> JSON:
            try:
                return scope.names[root][first]
            except _ABSENT:
                raise explain(scope) from None

    elif len(keys) == 2:
        first, second = keys

        def read(scope: Scope) -> JSON:
            try:
                return scope.names[root][first][second]
            except _ABSENT:
                raise explain(scope) from None

    else:

        def read(scope: Scope) -> JSON:
            try:
                value = scope.names[root]
                for key in keys:
                    value = value[key]
            except _ABSENT:
                raise explain(scope) from None
            return value

    return read


def try_path(root: str, keys: tuple[Key, ...]) -> Closure:
    """The same under a guard: `MISSING` where any part is missing, null or of another kind."""

    def read(scope: Scope) -> JSON:
        try:
            value = scope.names[root]
            for key in keys:
                value = value[key]
        except _ABSENT:
            return MISSING
        return value

    return read


def find(value: JSON, key: JSON) -> JSON:
    """What stands under a key or index, or `MISSING`."""
    if isinstance(key, str):
        if isinstance(value, Mapping):
            try:
                return value[key]
            except KeyError:
                return MISSING
    elif type(key) is int and isinstance(value, list | str):
        try:
            return value[key]
        except IndexError:
            return MISSING
    return MISSING


def follow(value: JSON, path: JSON) -> JSON:
    """What stands under a path such as `customer.name` or `lines.0`, or `MISSING`."""
    if type(path) is int:
        return find(value, path)
    for part in path.split("."):
        indexed = isinstance(value, list | str) and part.isdecimal() and part.isascii() and len(part) < 10
        value = find(value, int(part) if indexed else part)
        if value is MISSING:
            return MISSING
    return value


def cut(value: JSON, start: JSON, stop: JSON, step: JSON, scope: Scope) -> JSON:
    """The slice of a list or text."""
    for bound in (start, stop, step):
        if bound is not None and type(bound) is not int:
            raise refusal(f"a slice needs whole numbers, not {kind(bound)}")
    if step == 0:
        raise refusal("the step of a slice cannot be 0")
    if not isinstance(value, list | str):
        raise refusal(f"only lists and texts have slices, not {kind(value)}")
    chosen = slice(start, stop, step)
    count = len(range(*chosen.indices(len(value))))
    (scope.text if isinstance(value, str) else scope.items)(count)
    return value[chosen]


def unknown_name(names: Mapping[str, JSON], root: str, functions: frozenset[str]) -> ExpressionError:
    """The refusal of a name that is not there."""
    hint = f"write {root}()" if root in functions else suggestion(root, names)
    there = [name for name in names if name.isidentifier()]
    return refusal(f'unknown name "{root}"; there are {listing(there)}', hint=hint)


def explain_path(
    names: Mapping[str, JSON],
    root: str,
    keys: tuple[Key, ...],
    functions: frozenset[str],
    filters: frozenset[str],
) -> ExpressionError:
    """Why a path cannot be read, found by walking it again."""
    try:
        value = names[root]
    except KeyError:
        return unknown_name(names, root, functions)
    for position, key in enumerate(keys):
        found = find(value, key)
        if found is MISSING:
            return absence(value, key, spelled(root, keys[:position]), filters)
        value = found
    return refusal(f"{spelled(root, keys)} cannot be read")


def absence(value: JSON, key: JSON, place: str, filters: frozenset[str]) -> ExpressionError:
    """The refusal of a key or index that is not there."""
    hint = f"write | {key}" if isinstance(key, str) and key in filters else None
    shown = f'"{key}"' if isinstance(key, str) else str(key) if type(key) is int else None
    if shown is None or len(shown) > 42:
        shown = "such a key" if shown is None else shown[:40] + "…"
    if isinstance(value, Mapping):
        if isinstance(key, str):
            there = listing(islice(value, 9))
            return refusal(f"no key {shown} in {place}; it has {there}", hint=suggestion(key, value) or hint)
        return refusal(f"{place} is a mapping; its keys are texts, not {kind(key)}", hint=hint)
    if isinstance(value, list | str):
        if type(key) is int:
            return refusal(f"no item {shown} in {place}; it has {len(value)}", hint='guard with | default("…")')
        if isinstance(value, list) and isinstance(key, str) and hint is None:
            hint = f'write [0] for its first item, or | map(attribute="{key}")'
    noun = "item" if type(key) is int else "key"
    return refusal(f"{place} is {kind(value)}; it has no {noun} {shown}", hint=hint)
