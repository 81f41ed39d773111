"""The vocabulary in which the shape of a definition is written down.

A shape is data: `language` builds the table out of it, `shape` walks a document along it, `schema` turns
it into JSON Schema. Knows no key of the language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import NamedTuple, TypeAlias

from perdure.record import record
from perdure.values import JSON


class Fault(NamedTuple):
    """What is wrong with one value, or with what `path` leads to inside it.

    The message goes on behind the name of the value, unless it is `whole`.
    """

    code: str
    message: str
    hint: str | None = None
    path: tuple[str | int, ...] = ()
    whole: bool = False


@record
class Leaf:
    """A value looked at as a whole. `schema` says the same as `check`, as far as JSON Schema can."""

    name: str
    check: Callable[[JSON], Iterable[Fault]]
    schema: Mapping[str, JSON]


@record
class Items:
    """A list of equal shapes."""

    item: Shape
    least: int = 0


@record
class Table:
    """A mapping whose keys the author chooses."""

    value: Shape
    key: Leaf | None = None
    least: int = 0


@record
class Key:
    """A key of a record; `code` is reported when a required one is absent."""

    shape: Shape
    about: str = ""
    required: bool = False
    code: str = "WF202"


Keys: TypeAlias = Mapping[str, Key]


@record
class Record:
    """A mapping with fixed keys.

    `exclusive` are keys that must not stand together; `elsewhere` says of known keys where they belong.
    """

    name: str
    keys: Keys
    exclusive: tuple[str, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)


@record
class Kind:
    """One kind of a tagged mapping: the value of its own key, and the keys that may stand beside it.

    `beside_by` replaces `beside` by the type of the value. `check` looks at the mapping as a whole, for
    what JSON Schema cannot say, and names the key at fault first in the path.
    """

    value: Shape
    about: str = ""
    beside: Keys = field(default_factory=dict)
    beside_by: Mapping[str, Keys] | None = None
    check: Callable[[Mapping[str, JSON]], Iterable[Fault]] | None = None


@record
class Tagged:
    """A mapping that is exactly one of several kinds, told by which of their keys it has."""

    name: str
    kinds: Mapping[str, Kind]
    shared: Keys
    elsewhere: Mapping[str, str] = field(default_factory=dict)

    def keys_of(self, kind: str, value: JSON = None) -> Keys:
        """All keys that may stand in a mapping of this kind, the kind's own among them."""
        found = self.kinds[kind]
        beside = found.beside
        if found.beside_by is not None:
            beside = found.beside_by.get(type_of(value), {})
        return {kind: Key(found.value, found.about), **self.shared, **beside}

    def hosts(self, kind: str) -> list[str]:
        """The kinds beside which this kind's key is an ordinary one, as `steps` is beside `foreach`."""
        return [name for name, other in self.kinds.items() if kind in other.beside]


@record
class ByType:
    """Different shapes for different JSON types; `says` names them all to an author."""

    says: str
    shapes: Mapping[str, Shape]


@record
class Ref:
    """A shape by its name in the table, so that steps can hold steps."""

    name: str


Shape: TypeAlias = "Leaf | Items | Table | Record | Tagged | ByType | Ref"

TYPES = {
    "null": "nothing",
    "boolean": "a boolean",
    "integer": "a number",
    "number": "a number",
    "string": "a text",
    "array": "a list",
    "object": "a mapping",
}
"""JSON Schema's names of the types, and ours."""


def type_of(value: object) -> str:
    """The JSON Schema type of a value; `unknown` for what is not JSON."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
    return "unknown"


def called(value: object) -> str:
    """The type of a value in an author's words."""
    return TYPES.get(type_of(value), "no JSON value")
