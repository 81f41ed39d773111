"""The table of a language followed along a document: which shape stands at a path, and which keys it may have.

Takes documents that are half written: where a kind is not chosen yet, all kinds are possible.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from perdure.definition.grammar import ByType, Items, Key, Leaf, Record, Ref, Shape, Table, Tagged, type_of
from perdure.definition.marks import Path
from perdure.values import JSON


@dataclass(frozen=True, slots=True)
class Language:
    """A table of keys: that of definitions, of files of fragments, or of tests."""

    name: str
    root: Record
    shapes: Mapping[str, Shape]


def shape_at(language: Language, document: JSON, path: Path) -> Shape | None:
    """The shape of the value at a path; None where the language leaves it open."""
    shape: Shape | None = language.root
    value = document
    for part in path:
        shape = None if shape is None else _inner(_chosen(language, shape, value, part), value, part)
        value = _below(value, part)
    return None if shape is None else _chosen(language, shape, value, None)


def key_at(language: Language, document: JSON, path: Path) -> Key | None:
    """What the language says about the last key of a path."""
    if not path or not isinstance(path[-1], str):
        return None
    owner = document
    for part in path[:-1]:
        owner = _below(owner, part)
    shape = shape_at(language, document, path[:-1])
    if isinstance(shape, ByType):
        shape = shape.shapes.get("object")
    if isinstance(shape, Ref):
        shape = language.shapes[shape.name]
    return None if shape is None else _all(shape, owner).get(path[-1])


def keys_for(language: Language, shape: Shape | None, value: JSON) -> Mapping[str, Key]:
    """The keys that may still be added to a mapping of this shape."""
    if isinstance(shape, Ref):
        shape = language.shapes[shape.name]
    if isinstance(shape, ByType):
        shape = shape.shapes.get("object")
        return keys_for(language, shape, value)
    there = value if isinstance(value, dict) else {}
    match shape:
        case Record():
            return {name: key for name, key in shape.keys.items() if name not in there}
        case Tagged():
            kinds = chosen_kinds(shape, there)
            if not kinds:
                offered = {name: Key(kind.value, kind.about) for name, kind in shape.kinds.items()}
                return {name: key for name, key in {**offered, **shape.shared}.items() if name not in there}
            keys = shape.keys_of(kinds[0], there[kinds[0]])
            return {name: key for name, key in keys.items() if name not in there}
    return {}


def chosen_kinds(shape: Tagged, value: Mapping[str, JSON]) -> list[str]:
    """The kinds that a mapping says it is; a key that stands beside another kind is none."""
    found = [kind for kind in shape.kinds if kind in value]
    return [kind for kind in found if not any(host in found for host in shape.hosts(kind))]


def list_item(language: Language, shape: Shape | None) -> Shape | None:
    """The shape of the items, where a list may stand."""
    if isinstance(shape, ByType):
        shape = shape.shapes.get("array")
    return _resolved(language, shape.item) if isinstance(shape, Items) else None


def leaves(language: Language, shape: Shape | None) -> Iterator[Leaf]:
    """The single values that may stand where this shape does."""
    match shape:
        case Leaf():
            yield shape
        case Ref():
            yield from leaves(language, language.shapes[shape.name])
        case ByType():
            for inner in {id(one): one for one in shape.shapes.values()}.values():
                if isinstance(inner, Leaf):
                    yield inner


def _chosen(language: Language, shape: Shape, value: JSON, part: str | int | None) -> Shape:
    """The shape itself behind references, and behind a choice by type as far as the type is known."""
    shape = _resolved(language, shape)
    if isinstance(shape, ByType):
        wanted = type_of(value)
        if wanted not in shape.shapes and part is not None:
            wanted = "array" if isinstance(part, int) else "object"
        inner = shape.shapes.get(wanted)
        return shape if inner is None or (part is None and value is None) else _resolved(language, inner)
    return shape


def _resolved(language: Language, shape: Shape) -> Shape:
    return language.shapes[shape.name] if isinstance(shape, Ref) else shape


def _inner(shape: Shape, value: JSON, part: str | int) -> Shape | None:
    match shape:
        case Items() if isinstance(part, int):
            return shape.item
        case Table() if isinstance(part, str):
            return shape.value
        case Record() | Tagged() if isinstance(part, str):
            key = _all(shape, value).get(part)
            return None if key is None else key.shape
    return None


def _all(shape: Shape, value: JSON) -> Mapping[str, Key]:
    """Every key that could stand in the mapping, those of other kinds last."""
    match shape:
        case Record():
            return shape.keys
        case Tagged():
            there = value if isinstance(value, dict) else {}
            keys: dict[str, Key] = {}
            for kind in (*chosen_kinds(shape, there), *shape.kinds):
                for name, key in shape.keys_of(kind, there.get(kind)).items():
                    keys.setdefault(name, key)
            return keys
    return {}


def _below(value: JSON, part: str | int) -> JSON:
    try:
        return value[part]
    except (KeyError, IndexError, TypeError):
        return None
