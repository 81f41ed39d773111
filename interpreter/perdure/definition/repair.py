"""A document with faults of shape, made whole enough for the checks, so that all problems are told in one pass.

What is wrong is left out; a step that cannot do without it becomes a stand-in that keeps the ids and variables of what
stood there, so that nobody is told that they are missing. Paths stay as they were. Nothing repaired is ever run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Final

from perdure.definition.models import KINDS, Path
from perdure.definition.source import Source
from perdure.values import JSON

Faults = Callable[[Source], list[Path]]
"""Where the shape of a source is wrong."""

ROUNDS: Final = 3
_LISTS: Final = ("steps", "finally", "else")
_NAMED_LISTS: Final = ("branches", "cases")
_NEEDED: Final = ("steps", "fragments", "imports", "vars")
"""Top-level keys without which the checks would only tell untruths."""


def repaired(source: Source, faults: Faults) -> Source | None:
    """The source without its faults; None where too little of it holds."""
    numbers = count()
    for attempt in range(ROUNDS):
        wrong = faults(source)
        if not wrong:
            return source
        value = source.value
        for path in wrong:
            value = _mended(value, path, attempt, numbers)
            if value is None:
                return None
        source = replace(source, value=value)
    return None if faults(source) else source


def _mended(document: JSON, path: Path, attempt: int, numbers: Iterator[int]) -> JSON:
    step = _step_around(document, path)
    if step is None:
        at = path if attempt == 0 and path and isinstance(path[-1], str) else path[:1]
        return None if not at or (at[0] in _NEEDED and len(at) < 3) else _without(document, at)
    inside = path[len(step) :]
    spare = bool(inside) and inside[0] != "id"
    if attempt == 0 and spare and isinstance(inside[-1], str) and inside[-1] not in KINDS:
        return _without(document, path)
    if attempt == 1 and spare and inside[0] not in KINDS:
        return _without(document, (*step, inside[0]))
    return _with(document, step, _stand_in(_at(document, step), numbers))


def _step_around(document: JSON, path: Path) -> Path | None:
    """The innermost step that a path leads into."""
    for end in range(len(path), 1, -1):
        last, list_key = path[end - 1], path[end - 2]
        in_list = isinstance(last, int) and (
            list_key in _LISTS or (end > 2 and path[end - 3] in _NAMED_LISTS and isinstance(list_key, str))
        )
        if (in_list or last == "compensate") and _at(document, path[:end]) is not None:
            return path[:end]
    return None


def _stand_in(step: JSON, numbers: Iterator[int]) -> JSON:
    """A step that does nothing and has the ids and variables of one that cannot be understood."""
    ids, names = _named_inside(step)
    own = step.get("id") if isinstance(step, dict) and isinstance(step.get("id"), str) else None
    assigned = {"set": dict.fromkeys([*names, f"_{next(numbers)}"])}
    kept = [{"id": id, "set": {f"_{next(numbers)}": None}} for id in ids if id != own]
    return {**({} if own is None else {"id": own}), "steps": [*kept, assigned]}


def _named_inside(value: JSON) -> tuple[list[str], list[str]]:
    """The ids and the variables set anywhere in a value."""
    ids: dict[str, None] = {}
    names: dict[str, None] = {}
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if isinstance(part.get("id"), str):
                ids[part["id"]] = None
            if isinstance(part.get("set"), dict):
                names.update(dict.fromkeys(part["set"]))
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return list(ids), list(names)


def _at(value: JSON, path: Path) -> JSON:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _without(document: JSON, path: Path) -> JSON:
    """A copy, as far as it differs, without the key at a path."""
    owner = _at(document, path[:-1])
    if not isinstance(owner, dict) or path[-1] not in owner:
        return document
    return _with(document, path[:-1], {key: item for key, item in owner.items() if key != path[-1]})


def _with(document: JSON, path: Path, value: JSON) -> JSON:
    """A copy, as far as it differs, with another value at a path."""
    for end in range(len(path) - 1, -1, -1):
        owner = _at(document, path[:end])
        copy = dict(owner) if isinstance(owner, dict) else list(owner)
        copy[path[end]] = value  # type: ignore[index]
        value = copy
    return value
