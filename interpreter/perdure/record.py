"""Records: small values that are made by the thousand and never changed, such as events and commands.

To the type checker a record is a frozen dataclass. At run time nothing stands in the way of a change: a frozen class
sets every field through `object.__setattr__`, which was a twentieth of what a step cost. Nor does a dataclass write
what compares, hashes and shows it: compiling that for each class was a tenth of a short command.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(kind: type[T]) -> type[T]:
    """Make a class a slotted dataclass that compares by value and is not to be changed."""
    made: Any = dataclass(slots=True, eq=False, repr=False)(kind)
    compared = [each.name for each in fields(made) if each.compare]
    values = attrgetter(*compared) if compared else lambda one: ()

    def equals(self: Any, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def hash_of(self: Any) -> int:
        return hash(values(self))

    made.__eq__, made.__hash__, made.__repr__ = equals, hash_of, _shown
    typed: type[T] = made
    return typed


def _shown(self: Any) -> str:
    parts = (f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{self.__class__.__qualname__}({', '.join(parts)})"
