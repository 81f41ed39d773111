"""What functions, filters and tests take and give, read from the signatures beside their declarations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from perdure.definition.types.lattice import (
    BOOLEAN,
    EVERY,
    LIST,
    MAPPING,
    NULL,
    NUMBER,
    TEXT,
    WHOLE,
    Type,
    list_of,
    union,
)
from perdure.expressions import Builtin
from perdure.record import record

_KINDS: Final[Mapping[str, int]] = {
    "any": EVERY, "null": NULL, "boolean": BOOLEAN, "integer": WHOLE, "number": NUMBER, "text": TEXT, "list": LIST,
    "mapping": MAPPING,
}  # fmt: skip


@record
class Signature:
    """The kinds of values each parameter takes, the operand of a filter or test first; and the result's type."""

    takes: tuple[int, ...]
    gives: Type


def signature(builtin: Builtin) -> Signature:
    return _read(builtin.types)


@lru_cache(maxsize=256)
def _read(text: str) -> Signature:
    takes, _, gives = text.partition("->")
    parameters = [part for part in takes.replace(" ", "").split(",") if part]
    return Signature(tuple(map(_kinds, parameters)), _type(gives.strip()))


def _kinds(words: str) -> int:
    kinds = 0
    for word in words.split("|"):
        kinds |= _KINDS[word]
    return kinds


def _type(words: str) -> Type:
    return union(*(list_of(_type(word[1:-1])) if word[:1] == "[" else Type(_KINDS[word]) for word in words.split("|")))
