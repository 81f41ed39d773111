"""The names an expression reads, as inference sees them; and what is known where the expression stands.

The seam between expressions and definitions: who places the expression answers (see `checks.scenes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Protocol

from perdure.definition.types.lattice import Type
from perdure.expressions.access import Key
from perdure.record import record

Path = tuple[Key, ...]
"""A root and the constant keys behind it."""

Known = frozenset[tuple[str, bool]]
"""Conditions, spelled out, that are known to hold or not to hold."""


@record
class Member:
    """What stands under a key of a root; `doubt` is why it may be null although its own type is not."""

    type: Type
    doubt: str | None = None


@record
class Ground:
    """What conditions say that hold where an expression stands: the types of paths, and the conditions."""

    refined: Mapping[Path, Type] = field(default_factory=dict)
    known: Known = frozenset()


class Names(Protocol):
    """The names where an expression stands."""

    def root(self, name: str) -> Type:
        """The type of a name; anything where it is not known."""
        ...

    def member(self, root: str, key: Key, known: Known) -> Member | None:
        """What stands under a key of a root whose keys are known one by one; None for other roots."""
        ...
