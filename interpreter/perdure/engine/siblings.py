"""Definitions beside a definition: children that nobody has deployed are looked for in the parent's folder.

A child called `kid` is in `kid.yaml`, `kid.yml` or `kid.json`, if that file defines a workflow of this name. Knows
files, not stores: whether a child is known already, the caller says.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from perdure.definition import Definition, load
from perdure.definition.load import Catalogue
from perdure.program import Program

SUFFIXES: Final = (".yaml", ".yml", ".json")
MOST: Final = 100
"""Definitions that one start brings along."""


async def siblings(
    definition: Definition, known: Callable[[str], Awaitable[bool]], catalogue: Callable[[], Catalogue | None]
) -> list[Definition]:
    """The definitions that this one's children need, and theirs, as far as they are not known and lie beside it.

    A child that is not found is left for the run to fail on. Raises DefinitionError for a file that does not hold.
    """
    if not definition.program.children:
        return []
    folder = _folder(definition.program)
    found: dict[str, Definition] = {}
    asked = {definition.name}
    waiting = list(definition.program.children)
    while folder is not None and waiting and len(found) < MOST:
        name = waiting.pop(0)
        if name in asked:
            continue
        asked.add(name)
        path = None if await known(name) else _file_of(name, folder)
        if path is not None:
            sibling = load(path, catalogue=catalogue())
            if sibling.name == name:
                found[name] = sibling
                waiting.extend(sibling.program.children)
    return list(found.values())


def _folder(program: Program) -> Path | None:
    """Where the definition's file lies; None for one that was given as a text."""
    file = Path(program.positions[""].file)
    return file.parent if file.is_file() else None


def _file_of(name: str, folder: Path) -> Path | None:
    if name != Path(name).name:
        return None
    paths = (folder / f"{name}{suffix}" for suffix in SUFFIXES)
    return next((path for path in paths if path.is_file()), None)
