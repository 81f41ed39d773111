"""Where the thing under the pointer is written: steps, fragments, files, variables, fields, activities.

One function for each sort of name. What is used where is the business of `uses`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from perdure.definition.checks.spaces import Placed, Space
from perdure.definition.marks import Path as Trail
from perdure.definition.marks import at
from perdure.definition.source import Source
from perdure.editor.analysis import Analysis
from perdure.editor.answers import Target
from perdure.editor.continuing import is_bare
from perdure.editor.cursor import Spotted, offset_in, spotted
from perdure.editor.expressions import Name, name_at
from perdure.editor.names import Scope

MOST: Final = 100


def targets(analysis: Analysis, index: int) -> list[Target]:
    """Where that which stands at an index is written; none where it is not known."""
    found = spotted(analysis.source, index)
    if found is None or found.role == "nothing":
        return []
    if found.role == "key":
        return list(_of_key(analysis, found))[:MOST]
    value = at(analysis.source.value, found.path)
    if not isinstance(value, str):
        return []
    offset = offset_in(analysis.source, found.spot, index)
    name = name_at(value, offset, bare=is_bare(analysis, found.path))
    if name is not None:
        return list(_of_name(analysis, found, name, offset))[:MOST]
    return list(_of_value(analysis, found.path, value))[:MOST]


def of_step(analysis: Analysis, placed: Placed) -> Target:
    """The id of a step, or the step itself where it has none."""
    path = (*placed.path, "id") if placed.step.id is not None else placed.path
    return _at(analysis, placed.space, path)


def _of_key(analysis: Analysis, found: Spotted) -> Iterator[Target]:
    """An argument leads to the field of the fragment's or the child's input."""
    path = found.path
    if analysis.is_tests and path[-2:-1] == ("steps",) and "expect" in path:
        yield from _in_subject(analysis, str(path[-1]))
    if path[-2:-1] != ("with",):
        return
    keys = at(analysis.source.value, path[:-2])
    keys = keys if isinstance(keys, dict) else {}
    field = ("input", "properties", path[-1])
    if isinstance(name := keys.get("use"), str) and (space := analysis.fragments.get(name)) is not None:
        if at(space.keys, field) is not None:
            yield _at(analysis, space, (*space.prefix, *field), key=True)
    elif isinstance(name := keys.get("workflow"), str):
        child = analysis.child(name)
        if child is not None and at(child.source.value, field) is not None:
            yield _key_of(child.path, child.source, field)


def _of_value(analysis: Analysis, path: Trail, value: str) -> Iterator[Target]:
    match path[-1] if path else None:
        case "activity":
            home = analysis.surroundings.homes.get(value)
            if home is not None:
                yield Target(home.file, line=home.line)
        case "use":
            space = analysis.fragments.get(value)
            if space is not None:
                yield _at(analysis, space, space.prefix, key=True)
        case "workflow" if len(path) > 1:
            child = analysis.child(value)
            if child is not None:
                yield _key_of(child.path, child.source, ("workflow",))
        case "to" if path[-2:-1] == ("rollback",):
            step = Scope(analysis, path).step(value)
            if step is not None:
                yield of_step(analysis, step)
        case "test" if analysis.is_tests and analysis.subject is not None:
            yield Target(analysis.subject.path)
        case "step" | "answer" if analysis.is_tests:
            yield from _in_subject(analysis, value)
        case _ if len(path) == 2 and path[0] == "imports":
            imported = analysis.beside(value)
            if imported is not None:
                yield Target(imported.path)
        case int() if analysis.is_tests and len(path) > 1 and path[-2] in ("order", "undone", "not_undone"):
            yield from _in_subject(analysis, value)


def _in_subject(analysis: Analysis, name: str) -> Iterator[Target]:
    """The steps of the definition under test that a name may mean."""
    subject = analysis.subject
    if subject is None or subject.spaces is None:
        return
    for space in subject.spaces.all:
        for placed in space.ids.get(name.rpartition("/")[2].partition("[")[0], ()):
            yield of_step(subject, placed)


def _of_name(analysis: Analysis, found: Spotted, name: Name, offset: int) -> Iterator[Target]:
    scope, keys = Scope(analysis, found.path), name.until(offset)
    if name.role != "name" or scope.placed is None:
        return
    if name.root in scope.bound:
        yield from _binding(analysis, scope.placed, name.root)
    elif name.root == "steps" and keys:
        yield from (of_step(analysis, one) for one in scope.placed.space.ids.get(str(keys[0]), ()))
    elif name.root == "vars" and keys:
        yield from _variable(analysis, str(keys[0]))
    elif name.root == "input":
        space = scope.placed.space
        field = ["input"]
        for key in keys:
            deeper = [*field, "items"] if isinstance(key, int) else [*field, "properties", str(key)]
            if at(space.keys, tuple(deeper)) is None:
                break
            field = deeper
        if at(space.keys, tuple(field)) is not None:
            yield _at(analysis, space, (*space.prefix, *field), key=True)


def _binding(analysis: Analysis, placed: Placed, name: str) -> Iterator[Target]:
    """The loop, arm or receive that binds a name, from the inside out."""
    here: Placed | None = placed
    while here is not None and here.parent is not None:
        keys = here.step.keys
        if keys.get("as") == name:
            yield _at(analysis, here.space, (*here.path, "as"))
            return
        if name == "item" and "foreach" in keys and "as" not in keys:
            yield _at(analysis, here.space, (*here.path, "foreach"), key=True)
            return
        if name == "state" and "receive" in keys and isinstance(keys["receive"], dict) and "state" in keys["receive"]:
            yield _at(analysis, here.space, (*here.path, "receive", "state"), key=True)
            return
        owner = here.within
        if owner is not None and owner.role == "catch" and owner.owner.get("as") == name:
            yield _at(analysis, here.space, (*here.space.prefix, *owner.path[:-1], "as"))
            return
        here = here.parent


def _variable(analysis: Analysis, name: str) -> Iterator[Target]:
    """Where a variable is given a value: first where it begins, then each step that sets it."""
    if analysis.spaces is None:
        return
    main = analysis.spaces.main
    if name in (main.keys.get("vars") or ()):
        yield _at(analysis, main, ("vars", name), key=True)
    for space in analysis.spaces.all:
        for placed in space.steps():
            if placed.step.kind == "set" and name in placed.step.keys["set"]:
                yield _at(analysis, space, (*placed.path, "set", name), key=True)


def _at(analysis: Analysis, space: Space, path: Trail, *, key: bool = False) -> Target:
    return _target(analysis.file_of(space), analysis.source_of(space), path, key=key)


def _key_of(file: Path, source: Source, path: Trail) -> Target:
    return _target(file, source, path, key=True)


def _target(file: Path, source: Source, path: Trail, *, key: bool) -> Target:
    spot = source.marks.spot(path, key=key)
    return Target(file, spot.start[2], spot.end[2])
