"""A document with faults of shape, made whole enough for the checks, so that all problems are told in one pass.

What is wrong is left out; a step that cannot do without it becomes a stand-in that keeps the ids and variables of what
stood there, so that nobody is told that they are missing. Paths stay as they were. Nothing repaired is ever run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any, Final

from perdure.definition.marks import at
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
        copy = _Copy(source.value)
        if not all(_mend(copy, path, attempt, numbers) for path in wrong):
            return None
        source = replace(source, value=copy.document)
    return None if faults(source) else source


def _mend(copy: _Copy, path: Path, attempt: int, numbers: Iterator[int]) -> bool:
    """Leaves out what is wrong at a path; False where that cannot be spared."""
    step = _step_around(copy.document, path)
    if step is None:
        whole = path if attempt == 0 and path and isinstance(path[-1], str) else path[:1]
        if not whole or (whole[0] in _NEEDED and len(whole) < 3):
            return False
        copy.drop(whole)
        return True
    inside = path[len(step) :]
    spare = bool(inside) and inside[0] != "id"
    if attempt == 0 and spare and isinstance(inside[-1], str) and inside[-1] not in KINDS:
        copy.drop(path)
    elif attempt == 1 and spare and inside[0] not in KINDS:
        copy.drop((*step, inside[0]))
    else:
        copy.put(step, _stand_in(at(copy.document, step), numbers))
    return True


class _Copy:
    """A document that may be changed: each mapping and list on the way to a change is copied once, however many follow,
    the others are those of the original.
    """

    def __init__(self, document: JSON) -> None:
        self.document = document
        self.own: dict[int, JSON] = {}

    def drop(self, path: Path) -> None:
        """Leaves out the key at a path, if there is one."""
        owner = at(self.document, path[:-1])
        if isinstance(owner, dict) and path[-1] in owner:
            del self.owner(path)[path[-1]]

    def put(self, path: Path, value: JSON) -> None:
        """Puts a value at a path where something stands."""
        self.owner(path)[path[-1]] = value

    def owner(self, path: Path) -> Any:
        """What holds the last part of a path, free to be changed."""
        above: Any = None
        here: Any = self.document
        for place, part in enumerate(path):
            if id(here) not in self.own:
                here = dict(here) if isinstance(here, dict) else list(here)
                self.own[id(here)] = here
                if place == 0:
                    self.document = here
                else:
                    above[path[place - 1]] = here
            above, here = here, here[part]
        return above


def _step_around(document: JSON, path: Path) -> Path | None:
    """The innermost step that a path leads into."""
    for end in range(len(path), 1, -1):
        last, list_key = path[end - 1], path[end - 2]
        in_list = isinstance(last, int) and (
            list_key in _LISTS or (end > 2 and path[end - 3] in _NAMED_LISTS and isinstance(list_key, str))
        )
        if (in_list or last == "compensate") and at(document, path[:end]) is not None:
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
