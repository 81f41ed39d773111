"""The keys of steps in their usual order, with the comments that belong to them.

Finds the steps along the table of the language, wherever they stand. What names, refers or keeps is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from perdure.definition.grammar import ByType, Items, Key, Record, Ref, Shape, Table, Tagged
from perdure.definition.language import DEFINITION, SHAPES, STEP
from perdure.formatting.layout import Collection, Entry, Layout, Scalar, Value

KINDS: Final = tuple(kind for kind in STEP.kinds if kind != "steps")

ORDER: Final = (
    "id", "summary", "description", "if",
    *KINDS,
    "with", "as", "concurrency", "join", "tolerate", "rest", "on_error", "detach", "on_parent_close",
    "queue", "priority", "timeout", "retry", "lock", "cache", "compensate",
    "steps", "catch", "finally", "output",
)  # fmt: skip
"""First what a step is, then what it does, then how, then what is inside and what comes of it."""

_PLACES: Final = {key: place for place, key in enumerate(ORDER)}
_IGNORE: Final = re.compile(r"#[ \t]*perdure:[ \t]*ignore\[")


def arrange(layout: Layout) -> None:
    """Puts the keys of every step of a definition, or of a file of fragments, in order."""
    root = layout.root.value
    if not isinstance(root, Collection) or not (root.get("workflow") or root.get("fragments")):
        return
    waiting: list[tuple[Shape, Entry]] = [(DEFINITION, layout.root)]
    while waiting:
        shape, holder = waiting.pop()
        if isinstance(shape, Ref):
            shape = SHAPES[shape.name]
        if isinstance(holder.value, Collection):
            waiting.extend(_inside(shape, holder.value))
            if shape is STEP:
                _sort(holder)


def is_step(keys: Iterable[str]) -> bool:
    """Whether a mapping with these keys may be a step, whose keys have no order of their own."""
    return all(key in _PLACES for key in keys)


def _inside(shape: Shape, found: Collection) -> list[tuple[Shape, Entry]]:
    """The entries of a collection with the shapes they have."""
    if isinstance(shape, ByType):
        chosen = shape.shapes.get("object" if found.mapping else "array")
        return [] if chosen is None else _inside(SHAPES[chosen.name] if isinstance(chosen, Ref) else chosen, found)
    match shape:
        case Items(item=item) if not found.mapping:
            return [(item, entry) for entry in found.entries]
        case Table(value=value) if found.mapping:
            return [(value, entry) for entry in found.entries]
        case Record(keys=keys) if found.mapping:
            return [(keys[entry.name].shape, entry) for entry in found.entries if entry.name in keys]
        case Tagged() if found.mapping:
            known = _keys_of(shape, found)
            return [(known[entry.name].shape, entry) for entry in found.entries if entry.name in known]
    return []


def _keys_of(shape: Tagged, found: Collection) -> dict[str, Key]:
    """The keys of all kinds the mapping might be, so that nothing depends on it being right."""
    known: dict[str, Key] = {}
    for kind in shape.kinds:
        entry = found.get(kind)
        if entry is not None:
            is_list = isinstance(entry.value, Collection) and not entry.value.mapping
            known = {**shape.keys_of(kind, [] if is_list else True), **known}
    return known


def _sort(holder: Entry) -> None:
    step = holder.value
    assert isinstance(step, Collection)
    if not is_step(entry.name for entry in step.entries) or _is_bound(step):
        return
    first = step.entries[0] if step.entries else None
    step.entries.sort(key=lambda entry: _PLACES[entry.name])
    if first is None or step.entries[0] is first:
        return
    if holder.key is None:
        _leave_ignoring(holder, first)


def _leave_ignoring(holder: Entry, first: Entry) -> None:
    """Comments that silence a finding in the line below them stay above that line."""
    kept = list(holder.above)
    while kept and _IGNORE.match(kept[-1]):
        first.above.insert(0, kept.pop())
    holder.above = kept


def _is_bound(value: Value) -> bool:
    """Whether something inside depends on where it stands: an anchor, an alias, or blank lines that are kept."""
    waiting: list[Value] = [value]
    while waiting:
        found = waiting.pop()
        if found.anchor:
            return True
        if isinstance(found, Scalar):
            if found.style == "*" or found.keeps:
                return True
            continue
        for entry in found.entries:
            waiting.append(entry.value)
            if entry.key is not None:
                waiting.append(entry.key)
    return False
