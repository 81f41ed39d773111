"""One evaluation: the names it may read, the outside world it may ask, and what it may still spend.

Scalar work is bounded by the length of an expression and costs nothing here; whatever touches items or
makes texts and lists pays first. Does not know the syntax tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from perdure.expressions.wording import refusal
from perdure.values import DEEPEST, JSON

MOST_OPERATIONS: Final = 100_000
MOST_ITEMS: Final = 100_000
LONGEST_TEXT: Final = 1 << 20
"""Characters of one text, and of all texts in what an evaluation makes."""

MOST_PARTS: Final = 10 << 20
"""Items and characters in the value of a template, with those it has only read: as many as any result can have."""

_CONTAINERS: Final = frozenset({list, dict})
_PLAIN: Final = frozenset({type(None), bool, int, float, str, list, dict})


class Ambient(Protocol):
    """The recorded functions: a host answers once and keeps the answer for a resumed run."""

    def now(self) -> int:
        """Microseconds since the epoch."""
        ...

    def random(self) -> float:
        """At least 0, less than 1."""
        ...

    def uuid(self) -> str:
        """A new UUID in its usual text form."""
        ...


class Scope:
    """What one evaluation reads and may still spend."""

    __slots__ = ("_characters", "_items", "ambient", "names", "operations")

    def __init__(self, names: Mapping[str, JSON], ambient: Ambient) -> None:
        self.names = names
        self.ambient = ambient
        self.operations = MOST_OPERATIONS
        self._items = MOST_ITEMS
        self._characters = LONGEST_TEXT

    def spend(self, operations: int) -> None:
        """Pay for work that is about to be done."""
        self.operations -= operations
        if self.operations < 0:
            raise refusal(
                f"the expression needs more than {MOST_OPERATIONS:,} operations",
                hint="move the work into an activity",
            )

    def scan(self, length: int) -> None:
        """Pay for looking through a text: 256 characters cost as much as an item."""
        self.spend((length >> 8) + 1)

    def text(self, length: int) -> None:
        """Pay for a text that is about to be made, or refuse its length: 64 characters an operation."""
        if length > LONGEST_TEXT:
            raise refusal(f"the text would have more than {LONGEST_TEXT:,} characters")
        self.spend((length >> 6) + 1)

    def items(self, count: int) -> None:
        """Pay for a list or mapping that is about to be made or gone through, or refuse its length."""
        if count > MOST_ITEMS:
            raise refusal(f"that is more than {MOST_ITEMS:,} items", hint="move the work into an activity")
        self.spend(count)

    def made(self, value: JSON) -> JSON:
        """A result that was put together here: its whole tree counts, shared parts as often as they occur."""
        if type(value) not in _PLAIN or isinstance(value, list | dict):
            items, characters, foreign = weigh(value)
            self._items -= items
            self._characters -= characters
            if self._items < 0 or self._characters < 0:
                raise _too_large()
            if foreign:
                return _plain(value)
        return value

    def read(self, value: JSON) -> JSON:
        """A result that was only read: handed on as it is, as a dict where it is another mapping."""
        return value if type(value) in _PLAIN else _plain(value)


def bounded(value: JSON) -> JSON:
    """The value of a template, unless it is too deep or too large to be kept: what is read anew in every turn of a loop
    and put into something else would grow without end."""
    if type(value) in _CONTAINERS:
        for child in value.values() if type(value) is dict else value:
            if type(child) in _CONTAINERS:
                weigh(value, MOST_PARTS, MOST_PARTS)
                break
    return value


def weigh(value: JSON, most_items: int = MOST_ITEMS, most_characters: int = LONGEST_TEXT) -> tuple[int, int, bool]:
    """Items and characters in a value's whole tree, and whether it holds mappings that are no dicts.

    Refuses a tree beyond the limits without walking the rest of it: `[x, x]` of `[y, y]` of … is small in
    memory and endless on paper.
    """
    items, characters, foreign, depth = 0, 0, False, 0
    level: list[JSON] = [value] if not isinstance(value, str) and hasattr(value, "__len__") else []
    while level:
        depth += 1
        if depth > DEEPEST:
            raise refusal(f"the value would be nested more than {DEEPEST} deep")
        below: list[JSON] = []
        for container in level:
            items += len(container)
            if items > most_items or characters > most_characters:
                raise _too_large(most_items, most_characters)
            if isinstance(container, list):
                characters += _weigh_children(container, below)
            else:
                foreign = foreign or type(container) is not dict
                characters += sum(map(len, container))
                characters += _weigh_children(container.values(), below)
        level = below
    if characters > most_characters:
        raise _too_large(most_items, most_characters)
    return items, characters, foreign


def _weigh_children(children: JSON, below: list[JSON]) -> int:
    characters = 0
    for child in children:
        kind = type(child)
        if kind is str:
            characters += len(child)
        elif kind is int:
            characters += child.bit_length() >> 2
        elif kind is list or kind is dict or isinstance(child, Mapping):
            below.append(child)
    return characters


def _plain(value: JSON) -> JSON:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _too_large(items: int = MOST_ITEMS, characters: int = LONGEST_TEXT) -> Exception:
    return refusal(f"the value would hold more than {items:,} items or {characters:,} characters")
