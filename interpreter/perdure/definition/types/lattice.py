"""Types: what is known of a value before the run, as a set of JSON values that it is among.

A type says which kinds a value may be of, and of texts, lists and mappings a little more. All types are supersets:
`ANY` where nothing is known, `NEVER` where no value can come out. Types of sets too large to tell are widened.
Knows neither schemas (see `schemas`) nor expressions (see `inference`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import reduce
from typing import Final, TypeVar

from perdure.record import record
from perdure.values import JSON

NULL: Final = 1
TRUE: Final = 2
FALSE: Final = 4
WHOLE: Final = 8
FRACTION: Final = 16
TEXT: Final = 32
LIST: Final = 64
MAPPING: Final = 128
TOLD: Final = 256
"""Beside `NULL`: something says that the value may be null; without it nothing says that it may not."""

BOOLEAN: Final = TRUE | FALSE
NUMBER: Final = WHOLE | FRACTION
EVERY: Final = NULL | BOOLEAN | NUMBER | TEXT | LIST | MAPPING

_Part = TypeVar("_Part", frozenset[str], "Type", "Fields")

MOST_TEXTS: Final = 100
MOST_PARTS: Final = 400
"""Texts, and parts in all, of one type; beyond that any text, or anything, will do."""


@record
class Type:
    """The JSON values of some `kinds`. `texts` are the only ones, `items` holds for each item of a list, `fields` for
    mappings; None stands for anything. `size` counts parts."""

    kinds: int
    texts: frozenset[str] | None = None
    items: Type | None = None
    fields: Fields | None = None
    size: int = field(default=1, compare=False)


@record
class Field:
    """The value under a key; `required` when the key is always there."""

    type: Type
    required: bool


@record
class Fields:
    """What stands under the keys of a mapping; `rest` under those that are not `named`, `NEVER` where there are none.

    `listed` when others may be there, but whoever wrote the type has listed those to be read.
    """

    named: Mapping[str, Field]
    rest: Type
    listed: bool = False


NEVER: Final = Type(0)
ANY: Final = Type(EVERY)
NOTHING: Final = Type(NULL | TOLD)
BOOLEANS: Final = Type(BOOLEAN)
INTEGERS: Final = Type(WHOLE)
NUMBERS: Final = Type(NUMBER)
TEXTS: Final = Type(TEXT)
MAPPINGS: Final = Type(MAPPING)
PERHAPS_TEXT: Final = Type(TEXT | NULL)


def text(*texts: str) -> Type:
    """One of these texts."""
    return _made(TEXT, frozenset(texts), None, None)


def list_of(items: Type) -> Type:
    """A list whose items are of this type."""
    return _made(LIST, None, items, None)


def mapping(named: Mapping[str, Type], *, optional: Iterable[str] = (), rest: Type = NEVER) -> Type:
    """A mapping with these keys, and others only where there is a `rest`."""
    absent = frozenset(optional)
    fields = {name: Field(type, name not in absent) for name, type in named.items()}
    return of_fields(Fields(fields, rest))


def of_fields(fields: Fields) -> Type:
    return _made(MAPPING, None, None, fields)


def literal(value: JSON) -> Type:
    """The type of one value."""
    match value:
        case None:
            return NOTHING
        case bool():
            return Type(TRUE if value else FALSE)
        case int():
            return INTEGERS
        case float():
            return INTEGERS if value.is_integer() else Type(FRACTION)
        case str():
            return text(value)
        case list():
            return list_of(union(*map(literal, value[:MOST_PARTS])) if len(value) <= MOST_PARTS else ANY)
        case dict() if len(value) <= MOST_PARTS:
            return mapping({key: literal(part) for key, part in value.items()})
    return ANY


def union(*types: Type) -> Type:
    """The values of any of the types."""
    return reduce(_either, types, NEVER)


def common(one: Type, other: Type) -> Type:
    """The values that may be of both types."""
    if one is other or other is ANY:
        return one
    if one is ANY:
        return other
    kinds = one.kinds & other.kinds
    if kinds & NULL:
        kinds |= (one.kinds | other.kinds) & TOLD
    texts = items = fields = None
    if kinds & TEXT:
        texts = _known(one.texts, other.texts) if one.texts is None or other.texts is None else one.texts & other.texts
        kinds &= ~TEXT if texts is not None and not texts else ~0
    if kinds & LIST:
        items = _known(one.items, other.items)
        if one.items is not None and other.items is not None:
            items = common(one.items, other.items)
    if kinds & MAPPING:
        fields = _known(one.fields, other.fields)
        if one.fields is not None and other.fields is not None:
            fields = _common_fields(one.fields, other.fields)
            if any(found.required and not found.type.kinds for found in fields.named.values()):
                kinds, fields = kinds & ~MAPPING, None
    return _made(kinds, texts, items, fields)


def without(type: Type, kinds: int) -> Type:
    """The type less some kinds."""
    return only(type, ~kinds)


def only(type: Type, kinds: int) -> Type:
    """The type with no other kinds than these."""
    if kinds & NULL:
        kinds |= TOLD
    else:
        kinds &= ~TOLD
    left = type.kinds & kinds
    if left == type.kinds:
        return type
    return _made(
        left,
        type.texts if left & TEXT else None,
        type.items if left & LIST else None,
        type.fields if left & MAPPING else None,
    )


def untold(type: Type) -> Type:
    """The type, of whose nulls, inside too, nobody needs to be warned."""
    items = None if type.items is None else untold(type.items)
    fields = type.fields
    if fields is not None:
        named = {name: Field(untold(found.type), found.required) for name, found in fields.named.items()}
        fields = Fields(named, untold(fields.rest), fields.listed)
    return Type(type.kinds & ~TOLD, type.texts, items, fields, type.size)


def nullable(type: Type) -> Type:
    """The type, or null."""
    return Type(type.kinds | NULL | TOLD, type.texts, type.items, type.fields, type.size)


def truthy(type: Type) -> Type:
    """The values that hold in `and`, `or` and `if`."""
    left = without(type, NULL | FALSE)
    if left.kinds & TEXT and left.texts is not None and "" in left.texts:
        left = common(left, Type(EVERY, left.texts - {""}))
    if left.kinds & LIST and left.items is not None and not left.items.kinds:
        left = without(left, LIST)
    return left


def falsy(type: Type) -> Type:
    """The values that do not hold."""
    left = without(type, TRUE)
    if left.kinds & TEXT:
        left = common(left, Type(EVERY, frozenset(("",))))
    if left.kinds & LIST:
        left = _made(left.kinds, left.texts, NEVER, left.fields)
    if left.kinds & FRACTION:  # zero is whole
        left = _made(left.kinds & ~FRACTION | WHOLE, left.texts, left.items, left.fields)
    if left.kinds & MAPPING and left.fields is not None and any(f.required for f in left.fields.named.values()):
        left = without(left, MAPPING)
    return left


def find(type: Type, key: str | int) -> Type:
    """What a read of a key or an item gives, where it gives anything."""
    if isinstance(key, int):
        found = NEVER
        if type.kinds & LIST:
            found = ANY if type.items is None else type.items
        return _either(found, TEXTS) if type.kinds & TEXT else found
    if not type.kinds & MAPPING:
        return NEVER
    if type.fields is None:
        return ANY
    named = type.fields.named.get(key)
    return type.fields.rest if named is None else named.type


def values(type: Type) -> Type:
    """What stands under any key of a mapping."""
    if not type.kinds & MAPPING:
        return NEVER
    if type.fields is None:
        return ANY
    return union(*(found.type for found in type.fields.named.values()), type.fields.rest)


def _either(one: Type, other: Type) -> Type:
    if one is other or not other.kinds:
        return one
    if not one.kinds:
        return other
    texts = items = fields = None
    if one.kinds & other.kinds & TEXT:
        texts = None if one.texts is None or other.texts is None else one.texts | other.texts
    else:
        texts = one.texts if one.kinds & TEXT else other.texts
    if one.kinds & other.kinds & LIST:
        items = None if one.items is None or other.items is None else _either(one.items, other.items)
    else:
        items = one.items if one.kinds & LIST else other.items
    if one.kinds & other.kinds & MAPPING:
        if one.fields is not None and other.fields is not None:
            fields = one.fields if one.fields is other.fields else _merged(one.fields, other.fields)
    else:
        fields = one.fields if one.kinds & MAPPING else other.fields
    return _made(one.kinds | other.kinds, texts, items, fields)


def _merged(one: Fields, other: Fields) -> Fields:
    named = {}
    for name in {**one.named, **other.named}:
        left, right = one.named.get(name), other.named.get(name)
        types = (one.rest if left is None else left.type, other.rest if right is None else right.type)
        required = left is not None and right is not None and left.required and right.required
        named[name] = Field(_either(*types), required)
    rest = _either(one.rest, other.rest)
    return Fields(named, rest, bool(rest.kinds) and all(part.listed or not part.rest.kinds for part in (one, other)))


def _common_fields(one: Fields, other: Fields) -> Fields:
    named = {}
    for name in {**one.named, **other.named}:
        left, right = one.named.get(name), other.named.get(name)
        types = (one.rest if left is None else left.type, other.rest if right is None else right.type)
        required = (left is not None and left.required) or (right is not None and right.required)
        named[name] = Field(common(*types), required)
    return Fields(named, common(one.rest, other.rest), one.listed and other.listed)


def _made(kinds: int, texts: frozenset[str] | None, items: Type | None, fields: Fields | None) -> Type:
    size = 1
    if texts is not None and len(texts) > MOST_TEXTS:
        texts = None
    if items is not None:
        size += items.size
    if fields is not None:
        size += fields.rest.size + sum(found.type.size for found in fields.named.values())
    if size > MOST_PARTS:
        items, fields, size = None, None, 1
    return Type(kinds, texts, items, fields, size)


def _known(one: _Part | None, other: _Part | None) -> _Part | None:
    return other if one is None else one
