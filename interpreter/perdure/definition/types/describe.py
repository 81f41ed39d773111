"""Types in words: `{id: string, price: number}` where a type is shown, `a number` where a message needs one."""

from __future__ import annotations

import json
from typing import Final

from perdure.definition.types.lattice import (
    ANY,
    BOOLEAN,
    EVERY,
    FALSE,
    LIST,
    MAPPING,
    NULL,
    NUMBER,
    TEXT,
    TRUE,
    WHOLE,
    Fields,
    Type,
)

MOST_SHOWN: Final = 12
DEEPEST_SHOWN: Final = 4

_WORDS: Final = (
    (TEXT, "a text"),
    (NUMBER, "a number"),
    (BOOLEAN, "a boolean"),
    (LIST, "a list"),
    (MAPPING, "a mapping"),
    (NULL, "null"),
)


def describe(type: Type, depth: int = 0) -> str:
    """A type as people write it: `string | null`, `[{sku: string, quantity: integer}]`, `any`."""
    if type.kinds & EVERY == EVERY and type.texts is None and type.items is None and type.fields is None:
        return "any"
    parts = [*_scalars(type)]
    if type.kinds & LIST:
        parts.append(f"[{'any' if type.items is None else _nested(type.items, depth)}]")
    if type.kinds & MAPPING:
        parts.append("{…}" if type.fields is None else _fields(type.fields, depth))
    if type.kinds & NULL:
        parts.append("null")
    return " | ".join(parts) or "never"


def called(type: Type) -> str:
    """The kinds of a type for a message: `a text`, `a text or a number`."""
    words = [word for kinds, word in _WORDS if type.kinds & kinds]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words) or "nothing"


def _scalars(type: Type) -> list[str]:
    found = []
    if type.kinds & TEXT:
        shown = None if type.texts is None else sorted(type.texts)[: MOST_SHOWN + 1]
        found.extend(["string"] if shown is None else [json.dumps(word, ensure_ascii=False) for word in shown])
    if type.kinds & NUMBER:
        found.append("integer" if type.kinds & NUMBER == WHOLE else "number")
    boolean = type.kinds & BOOLEAN
    if boolean:
        found.append({TRUE: "true", FALSE: "false"}.get(boolean, "boolean"))
    return found


def _fields(fields: Fields, depth: int) -> str:
    if depth >= DEEPEST_SHOWN:
        return "{…}"
    shown = [
        f"{name}{'' if found.required else '?'}: {describe(found.type, depth + 1)}"
        for name, found in [*fields.named.items()][:MOST_SHOWN]
    ]
    if fields.rest.kinds or len(fields.named) > MOST_SHOWN:
        rest = "" if fields.rest == ANY or not fields.rest.kinds else f": {describe(fields.rest, depth + 1)}"
        shown.append(f"…{rest}")
    return f"{{{', '.join(shown)}}}"


def _nested(type: Type, depth: int) -> str:
    return "…" if depth >= DEEPEST_SHOWN else describe(type, depth + 1) if type.kinds else ""
