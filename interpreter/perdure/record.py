"""Records: small values that are made by the thousand and never changed, such as events and commands.

To the type checker a record is a frozen dataclass. At run time nothing stands in the way of a change: a frozen class
sets every field through `object.__setattr__`, which was a twentieth of what a step cost, and takes more than twice as
long to be made itself, which was a twentieth of a short command.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(kind: type[T]) -> type[T]:
    """Make a class a slotted dataclass that compares by value and is not to be changed."""
    return dataclass(slots=True, unsafe_hash=True)(kind)
