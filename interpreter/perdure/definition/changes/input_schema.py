"""Whether callers of one input schema get along with another: what the old one accepted, the new one must accept.

Decides the common keywords and says of the others that it cannot tell; never says that a change is harmless unless it
is.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from perdure.values import JSON, canonical

SILENT: Final = frozenset(("title", "description", "default", "examples", "$comment", "deprecated", "$schema", "$id"))
"""Keywords that accept and refuse nothing."""
_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOOKED_INTO: Final = {
    "type", "required", "properties", "additionalProperties", "enum", "const", "items", *_LOWER, *_UPPER, *SILENT,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """`breaking` when input that was accepted is refused now; else `unknown` when that cannot be told."""

    where: str
    reason: str
    breaking: bool = True


def judge(old: JSON, new: JSON, where: str = "input") -> Iterator[Verdict]:
    """Why input of the old schema may not fit the new one; nothing where all of it does. No schema accepts all."""
    if new is None or new is True or canonical(old) == canonical(new):
        return
    before: Mapping[str, Any] = old if isinstance(old, dict) else {}
    if new is False:
        yield Verdict(where, "nothing is accepted any more")
        return
    yield from _types(before, new, where)
    yield from _required(before, new, where)
    yield from _properties(before, new, where)
    yield from _values(before, new, where)
    yield from _bounds(before, new, where)
    yield from _others(before, new, where)


def _types(old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[Verdict]:
    if "type" not in new:
        return
    after = _listed(new["type"])
    before = _listed(old["type"]) if "type" in old else None
    if before is None:
        yield Verdict(where, f"must be {' or '.join(after)} now; any type was accepted")
        return
    lost = [name for name in before if name not in after and not (name == "integer" and "number" in after)]
    if lost:
        yield Verdict(where, f"is not accepted any more as {' or '.join(lost)}; it must be {' or '.join(after)}")


def _required(old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[Verdict]:
    for name in new.get("required", ()):
        if name not in old.get("required", ()):
            yield Verdict(f"{where}.{name}", "is required now")


def _properties(old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[Verdict]:
    before, after = old.get("properties", {}), new.get("properties", {})
    closed = new.get("additionalProperties") is False
    for name, schema in after.items():
        if name in before:
            yield from judge(before[name], schema, f"{where}.{name}")
        elif old.get("additionalProperties") is not False:
            for found in judge(True, schema, f"{where}.{name}"):
                yield Verdict(found.where, f"{found.reason}; it was not described before", breaking=False)
    if closed:
        for name in before:
            if name not in after:
                yield Verdict(f"{where}.{name}", "is not accepted any more")
        if old.get("additionalProperties") is not False:
            yield Verdict(where, "refuses what it does not describe now")
    if isinstance(new.get("items"), dict | bool):
        yield from judge(old.get("items", True), new["items"], f"{where}[]")


def _values(old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[Verdict]:
    after = new.get("enum", [new["const"]] if "const" in new else None)
    if after is None:
        return
    before = old.get("enum", [old["const"]] if "const" in old else None)
    if before is None:
        yield Verdict(where, f"must be one of {after} now")
        return
    kept = set(map(canonical, after))
    lost = [value for value in before if canonical(value) not in kept]
    if lost:
        yield Verdict(where, f"is not accepted any more as {', '.join(map(str, lost))}")


def _bounds(old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[Verdict]:
    for words, tighter in ((_LOWER, operator.gt), (_UPPER, operator.lt)):
        for word in words:
            if word in new and (word not in old or tighter(new[word], old[word])):
                yield Verdict(where, f"{word} is {new[word]} now; it was {old.get(word, 'not bounded')}")


def _others(old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[Verdict]:
    """Keywords that are not looked into."""
    for word in new:
        extra = word == "additionalProperties" and isinstance(new[word], dict)
        if (word not in _LOOKED_INTO or extra) and new[word] != old.get(word):
            yield Verdict(where, f"{word} has changed", breaking=False)


def _listed(types: JSON) -> list[str]:
    return [types] if isinstance(types, str) else list(types)
