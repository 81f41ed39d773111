"""Fragments and imports: each use finds its fragment and fits it, none uses itself, none is left over."""

from __future__ import annotations

from typing import Any

from perdure.definition.checks.arguments import Call, check_arguments
from perdure.definition.checks.findings import Findings
from perdure.definition.checks.spaces import Placed, Space, Spaces
from perdure.definition.checks.types import Types
from perdure.definition.diagnostics import quoted
from perdure.definition.models import Path


def check_fragments(spaces: Spaces, types: Types, findings: Findings) -> None:
    """All uses, and what nothing uses."""
    for space in spaces.all:
        for placed, used in space.uses:
            if used is None:
                _report_unknown(placed, spaces, findings)
                continue
            name = placed.step.keys["use"]
            call = Call(f"the fragment {name}", used.keys.get("input") or {}, "WF411", "WF411", "WF411")
            given = placed.step.keys.get("with") or {}
            check_arguments(call, given, space.file, placed.path, "use", types, findings)
    _check_recursion(spaces, findings)
    _check_unused(spaces, findings)


def _report_unknown(placed: Placed, spaces: Spaces, findings: Findings) -> None:
    file, name = placed.space.file, placed.step.keys["use"]
    path = (*placed.path, "use")
    keys = _document(spaces, file)
    *aliases, last = name.split(".")
    for alias in aliases:
        imports: dict[str, str] = keys.get("imports") or {}
        if alias not in imports:
            hint = findings.suggestion(alias, imports.keys())
            findings.add("WF403", f"there is no import {quoted(alias)}", placed.space.file, path, hint)
            return
        found = spaces.library.imports.get((file, alias))
        if found is None or found not in spaces.library.documents:
            return  # the file could not be read, which is told at the import
        file, keys = found, spaces.library.documents[found]
    known = keys.get("fragments") or {}
    hint = findings.suggestion(last, known.keys())
    if hint is None and not aliases:
        hint = _elsewhere(last, file, keys, spaces)
    where = f" in {quoted('.'.join(aliases))}" if aliases else ""
    findings.add("WF403", f"there is no fragment {quoted(last)}{where}", placed.space.file, path, hint)


def _elsewhere(name: str, file: str, keys: Any, spaces: Spaces) -> str | None:
    """The import that has a fragment of this name."""
    for alias in keys.get("imports") or ():
        found = spaces.library.imports.get((file, alias))
        if found is not None and name in (spaces.library.documents.get(found, {}).get("fragments") or ()):
            return f"did you mean {quoted(f'{alias}.{name}')}?"
    return None


def _check_recursion(spaces: Spaces, findings: Findings) -> None:
    """Each circle once, at the use that closes it, from a walk through the uses in depth."""
    done: set[int] = set()
    for start in spaces.fragments.values():
        trail: list[Space] = []
        waiting: list[tuple[Space, Placed | None]] = [(start, None)]
        while waiting:
            space, by = waiting.pop()
            if by is None and trail and space is trail[-1]:
                done.add(id(trail.pop()))
                continue
            if space in trail:
                assert by is not None
                chain = [*trail[trail.index(space) :], space]
                message = f"endless: {' → '.join(str(inner.name) for inner in chain)}"
                findings.add("WF404", message, by.space.file, (*by.path, "use"))
            elif id(space) not in done:
                trail.append(space)
                waiting.append((space, None))
                waiting.extend((used, placed) for placed, used in space.uses if used is not None)


def _check_unused(spaces: Spaces, findings: Findings) -> None:
    used = {id(inner) for space in spaces.all for _, inner in space.uses if inner is not None and inner is not space}
    main = spaces.main.file
    for (file, name), space in spaces.fragments.items():
        if file == main and id(space) not in used:
            path: Path = ("fragments", name)
            findings.add("WF413", f"nothing uses the fragment {quoted(name)}", file, path, key=True)
    through = _passed_through(spaces)
    for file in {space.file for space in spaces.all} | {main}:
        for alias in _document(spaces, file).get("imports") or ():
            if (file, alias) not in through:
                findings.add("WF413", f"nothing uses the import {quoted(alias)}", file, ("imports", alias), key=True)


def _passed_through(spaces: Spaces) -> set[tuple[str, str]]:
    """The imports, by file and alias, that uses such as `mail.greet` or `mail.texts.greet` go through."""
    found: set[tuple[str, str]] = set()
    for space in spaces.all:
        for placed, _ in space.uses:
            file: str | None = space.file
            for alias in placed.step.keys["use"].split(".")[:-1]:
                if file is not None:
                    found.add((file, alias))
                    file = spaces.library.imports.get((file, alias))
    return found


def _document(spaces: Spaces, file: str) -> Any:
    if file == spaces.main.file:
        return spaces.document.keys
    return spaces.library.documents.get(file, {})
