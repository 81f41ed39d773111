"""The filters on lists and mappings.

Each pays the scope for what it touches before it touches it, and makes new values without changing old ones.
Filters on single values stand in `conversions`. Does not know the syntax tree.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Final

from perdure.expressions import operators
from perdure.expressions.access import MISSING, follow
from perdure.expressions.builtin import Table, enter
from perdure.expressions.conversions import demand_list
from perdure.expressions.scope import LONGEST_TEXT, Scope
from perdure.expressions.wording import clipped, kind, refusal
from perdure.values import JSON

Step = Callable[[JSON], JSON]

SEQUENCES: Final[Table] = {}
_filter = functools.partial(enter, SEQUENCES, given=2)

PARTIAL: Final = frozenset({"first", "last", "min", "max"})
"""Filters that give `MISSING` for an empty list; everything else always has an answer."""

MAP_SIGNATURE: Final = 'map(attribute="key.path", default=…) or map("filter", …)'


@_filter(types="list|text|mapping -> integer")
def length(scope: Scope, value: JSON) -> JSON:
    """How many items, keys or characters it has."""
    if isinstance(value, list | str | Mapping):
        return len(value)
    raise refusal(f"length needs a list, text or mapping, not {kind(value)}")


@_filter(types="any, any, any -> any")
def default(scope: Scope, value: JSON, default_value: JSON = "", boolean: JSON = False) -> JSON:
    """The other value where the path cannot be read; with `boolean` true also for null, 0 and ""."""
    return default_value if value is MISSING or (boolean and not value) else value


@_filter(types="list|text -> any")
def first(scope: Scope, value: JSON) -> JSON:
    """The first item of a list or character of a text."""
    return _end("first", value, 0)


@_filter(types="list|text -> any")
def last(scope: Scope, value: JSON) -> JSON:
    """The last item of a list or character of a text."""
    return _end("last", value, -1)


@_filter("min", types="list, text|integer|null -> any")
def min_(scope: Scope, value: JSON, attribute: JSON = None) -> JSON:
    """The least item, all numbers or all texts; with `attribute` the item where that is least."""
    ranked = _ranked(scope, "min", value, attribute)
    return value[min(range(len(ranked)), key=ranked.__getitem__)] if ranked else MISSING


@_filter("max", types="list, text|integer|null -> any")
def max_(scope: Scope, value: JSON, attribute: JSON = None) -> JSON:
    """The greatest item, all numbers or all texts; with `attribute` the item where that is greatest."""
    ranked = _ranked(scope, "max", value, attribute)
    return value[max(range(len(ranked)), key=ranked.__getitem__)] if ranked else MISSING


@_filter(types="list, any, text|integer|null -> list")
def sort(scope: Scope, value: JSON, reverse: JSON = False, attribute: JSON = None) -> JSON:
    """The items in order, all numbers or all texts, capitals before small letters; equal ones keep theirs."""
    ranked = _ranked(scope, "sort", value, attribute)
    order = sorted(range(len(ranked)), key=ranked.__getitem__, reverse=bool(reverse))
    return [value[index] for index in order]


@_filter(types="list, text|integer|null -> list")
def unique(scope: Scope, value: JSON, attribute: JSON = None) -> JSON:
    """The items without later ones that equal an earlier one."""
    seen: set[str] = set()
    kept = []
    for item, key in zip(value, _keys(scope, "unique", value, attribute), strict=True):
        mark = operators.fingerprint(scope, key)
        if mark not in seen:
            seen.add(mark)
            kept.append(item)
    return kept


@_filter("sum", types="list, text|integer|null, any -> any")
def sum_(scope: Scope, value: JSON, attribute: JSON = None, start: JSON = 0) -> JSON:
    """The numbers added up; 0 for an empty list."""
    total = start
    for index, item in enumerate(_keys(scope, "sum", value, attribute)):
        if type(item) not in operators.NUMBERS:
            raise refusal(f"sum needs numbers; item {index} is {kind(item)}")
        total = operators.add(scope, total, item)
    return total


@_filter(types="list, text, text|integer|null -> text")
def join(scope: Scope, value: JSON, separator: JSON = "", attribute: JSON = None) -> JSON:
    """The items as one text with the separator between them."""
    if not isinstance(separator, str):
        raise refusal(f"the separator of join is a text, not {kind(separator)}")
    texts, total = [], 0
    for item in _keys(scope, "join", value, attribute):
        texts.append(operators.render(scope, item))
        total += len(texts[-1]) + len(separator)
        if total - len(separator) > LONGEST_TEXT:
            break
    scope.text(max(0, total - len(separator)))
    return separator.join(texts)


@_filter(types="list|text -> list|text")
def reverse(scope: Scope, value: JSON) -> JSON:
    """The items or characters from last to first."""
    if isinstance(value, str):
        scope.text(len(value))
        return value[::-1]
    return demand_list(scope, "reverse", value)[::-1]


@_filter("list", types="list|text|mapping -> list")
def list_(scope: Scope, value: JSON) -> JSON:
    """The list itself, the characters of a text or the keys of a mapping."""
    if isinstance(value, list):
        return value
    if isinstance(value, str | Mapping):
        scope.items(len(value))
        return list(value)
    raise refusal(f"list needs a list, text or mapping, not {kind(value)}")


@_filter(types="mapping -> [text]")
def keys(scope: Scope, value: JSON) -> JSON:
    """The keys of a mapping, in its order."""
    return list(_demand_mapping(scope, "keys", value))


@_filter(types="mapping -> list")
def values(scope: Scope, value: JSON) -> JSON:
    """The values of a mapping, in its order."""
    return list(_demand_mapping(scope, "values", value).values())


@_filter(types="mapping -> [list]")
def items(scope: Scope, value: JSON) -> JSON:
    """The pairs `[key, value]` of a mapping, in its order."""
    return [[key, item] for key, item in _demand_mapping(scope, "items", value).items()]


@enter(SEQUENCES, "map", given=3, signature=MAP_SIGNATURE, types="list -> list")
def map_(scope: Scope, value: JSON, step: Step) -> JSON:
    """What stands under a key path of each item, or each item sent through a filter."""
    return [step(item) for item in demand_list(scope, "map", value)]


@enter(SEQUENCES, "selectattr", given=3, signature='selectattr("key.path", "test", …)', types="list -> list")
@enter(SEQUENCES, "select", given=3, signature='select("test", …)', types="list -> list")
def select(scope: Scope, value: JSON, holds: Step) -> JSON:
    """The items for which a test holds; without a test those that are not empty, 0, false or null."""
    return [item for item in demand_list(scope, "select", value) if holds(item)]


@enter(SEQUENCES, "rejectattr", given=3, signature='rejectattr("key.path", "test", …)', types="list -> list")
@enter(SEQUENCES, "reject", given=3, signature='reject("test", …)', types="list -> list")
def reject(scope: Scope, value: JSON, holds: Step) -> JSON:
    """The items for which a test does not hold; without a test those that are empty, 0, false or null."""
    return [item for item in demand_list(scope, "reject", value) if not holds(item)]


def attribute_of(item: JSON, path: JSON, index: int | None = None) -> JSON:
    """What stands under a key path of an item, or an error that names the item."""
    found = follow(item, path)
    if found is MISSING:
        where = "an item" if index is None else f"item {index}"
        raise refusal(f'{where} has no "{clipped(str(path))}"', hint='leave it out with | selectattr("…", "defined")')
    return found


def _keys(scope: Scope, name: str, value: JSON, attribute: JSON) -> list[JSON]:
    rows = demand_list(scope, name, value)
    if attribute is None:
        return rows
    if not isinstance(attribute, str) and type(attribute) is not int:
        raise refusal(f"the attribute of {name} is a text such as customer.name, not {kind(attribute)}")
    return [attribute_of(item, attribute, index) for index, item in enumerate(rows)]


def _ranked(scope: Scope, name: str, value: JSON, attribute: JSON) -> list[JSON]:
    ranked = _keys(scope, name, value, attribute)
    texts = bool(ranked) and isinstance(ranked[0], str)
    for index, item in enumerate(ranked):
        if not (isinstance(item, str) if texts else type(item) in operators.NUMBERS):
            wanted = "texts" if texts else "numbers or texts" if index == 0 else "numbers"
            raise refusal(f"{name} needs {wanted}; item {index} is {kind(item)}")
        if texts:
            scope.scan(len(item))
    return ranked


def _end(name: str, value: JSON, index: int) -> JSON:
    if not isinstance(value, list | str):
        raise refusal(f"{name} needs a list or text, not {kind(value)}")
    return value[index] if value else MISSING


def _demand_mapping(scope: Scope, name: str, value: JSON) -> Mapping[str, JSON]:
    if not isinstance(value, Mapping):
        raise refusal(f"{name} needs a mapping, not {kind(value)}")
    scope.items(len(value))
    return value
