"""What is known of a value on a path: exactly, field by field, as one of several, or only by a JSON Schema.

A value that is not known has a *cell*, the name of the place it comes from, so that what was learned of it once holds
when it is read again. Knows neither expressions nor steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from perdure.definition.checks.arguments import is_closed, resolved
from perdure.values import JSON, encode

MOST_KINDS: Final = 6
"""Alternatives of one value that are told apart; what has more is only known to be something."""


@dataclass(frozen=True, slots=True)
class Known:
    """Exactly this value."""

    text: str
    value: JSON = field(compare=False)


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping with these keys and no others."""

    items: tuple[tuple[str, Value], ...]

    def get(self, key: object) -> Value | None:
        return next((value for name, value in self.items if name == key), None)


@dataclass(frozen=True, slots=True)
class Items:
    """A list of unknown length whose items are all like this."""

    item: Value


@dataclass(frozen=True, slots=True)
class Open:
    """A value that comes from `cell`. `schema` is what is told about it; `strict` when a key that the schema does not
    require may really be missing; `solid` when it is known not to be null."""

    cell: str
    schema: Mapping[str, JSON] = field(default_factory=dict, compare=False)
    whole: JSON = field(default=None, compare=False)
    strict: bool = False
    solid: bool = False


@dataclass(frozen=True, slots=True)
class Either:
    """One of these; which, is decided for its cell when somebody looks."""

    cell: str
    kinds: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """There is nothing at this place; never the value of a whole expression."""


Value = Known | Fields | Items | Open | Either
MISSING: Final = Missing()


def known(value: JSON) -> Known:
    return Known(encode(value).decode(), value)


NULL: Final = known(None)
TRUE: Final = known(True)
FALSE: Final = known(False)


def opened(cell: str, schema: JSON = None, *, strict: bool = False) -> Value:
    """A value of this schema: one of few where it says so, else an open one."""
    part = schema if isinstance(schema, dict) else {}
    return _typed(cell, part, part, strict)


def _typed(cell: str, part: Mapping[str, JSON], whole: JSON, strict: bool) -> Value:
    part = resolved(part, whole)
    if "const" in part:
        return known(part["const"])
    if isinstance(part.get("enum"), list) and 0 < len(part["enum"]) <= MOST_KINDS:
        return either(cell, [known(value) for value in part["enum"]])
    return Open(cell, part, whole, strict)


def either(cell: str, kinds: list[Value]) -> Value:
    """One of several values; a plain one where they are the same."""
    flat: dict[Value, None] = {}
    for kind in kinds:
        flat.update(dict.fromkeys(kind.kinds if isinstance(kind, Either) else (kind,)))
    if len(flat) == 1:
        return next(iter(flat))
    return Either(cell, tuple(flat)) if len(flat) <= MOST_KINDS else Open(cell)


def fields(**items: Value) -> Fields:
    return Fields(tuple(items.items()))


def lifted(value: Value) -> Value:
    """An exact mapping or list as one whose parts can be looked at like those of others."""
    if isinstance(value, Known) and isinstance(value.value, dict):
        return Fields(tuple((str(key), known(item)) for key, item in value.value.items()))
    return value


def may_be_null(value: Open) -> bool | None:
    """Whether the schema says that it may be null; None where it says nothing about that."""
    if value.solid:
        return False
    part = resolved(value.schema, value.whole)
    kinds = part.get("type")
    if isinstance(kinds, list):
        return "null" in kinds
    if isinstance(kinds, str):
        return kinds == "null"
    for key in ("anyOf", "oneOf"):
        if isinstance(part.get(key), list):
            return any(isinstance(one, dict) and one.get("type") == "null" for one in part[key])
    return None


def without_null(value: Open) -> Open:
    """The same value, known not to be null: of two alternatives the other."""
    part = resolved(value.schema, value.whole)
    for key in ("anyOf", "oneOf"):
        rest = [one for one in part.get(key) or () if isinstance(one, dict) and one.get("type") != "null"]
        if len(rest) == 1:
            part = resolved(rest[0], value.whole)
    return replace(value, schema=part, solid=True)


def kind_of(value: Open) -> str | None:
    """The JSON type of an open value, where the schema names a single one."""
    kinds = resolved(value.schema, value.whole).get("type")
    if isinstance(kinds, list):
        kinds = [kind for kind in kinds if kind != "null"]
        return kinds[0] if len(kinds) == 1 else None
    return kinds if isinstance(kinds, str) else None


def child(value: Open, key: str | int) -> tuple[Value, str]:
    """What stands under a key, and how sure that is: `there`, `optional`, `unsure` or `absent`."""
    part = resolved(value.schema, value.whole)
    cell = f"{value.cell}.{key}"
    if isinstance(key, int):
        items = part.get("items")
        inner = items if isinstance(items, dict) else {}
        return _typed(cell, inner, value.whole, value.strict), "unsure"
    properties = part.get("properties")
    if not isinstance(properties, dict):
        return Open(cell, {}, None, value.strict), "unsure"
    if key not in properties:
        return Open(cell), "absent" if is_closed(dict(part)) else "unsure"
    inner = properties[key] if isinstance(properties[key], dict) else {}
    sure = key in (part.get("required") or ())
    return _typed(cell, inner, value.whole, value.strict), "there" if sure else "optional" if value.strict else "unsure"
