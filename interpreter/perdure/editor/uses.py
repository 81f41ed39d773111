"""Where a step is used, and what has to change for it to have another id.

Finds every `steps.id` of its scope, rollbacks to it, and what tests of the definition say about it. A new id is only
offered when the definition has no more errors with it than before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from perdure.definition.checks.spaces import Space
from perdure.definition.checks.written import Written, written
from perdure.definition.leaves import ID
from perdure.definition.load import inspect
from perdure.definition.marks import Path as Trail
from perdure.definition.marks import at
from perdure.definition.source import Source
from perdure.editor.analysis import TEST_SUFFIXES, Analysis
from perdure.editor.answers import Edit, Refusal, Target
from perdure.editor.continuing import is_bare
from perdure.editor.cursor import offset_in, spotted, written_at
from perdure.editor.expressions import holes, name_at, names
from perdure.editor.names import Scope
from perdure.values import DEEPEST, JSON

_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*")
_SUBJECT: Final = frozenset(("step", "answer"))
_LISTS: Final = frozenset(("order", "undone", "not_undone"))


@dataclass(frozen=True, slots=True)
class Use:
    """A stretch in which a step's id is written; a `member` stands behind a dot that may have to become a bracket."""

    target: Target
    form: Literal["declared", "plain", "member", "subscript"]
    quote: str = '"'


@dataclass(frozen=True, slots=True)
class Meant:
    """A step that is meant somewhere: its id, in the scope it belongs to, and where it was pointed at."""

    analysis: Analysis
    space: Space
    id: str
    start: int
    end: int


def step_at(analysis: Analysis, index: int) -> Meant | None:
    """The step whose id stands at an index, where it is given or used."""
    found = spotted(analysis.source, index)
    if found is None or found.role != "value" or analysis.is_tests:
        return None
    value = at(analysis.source.value, found.path)
    scope = Scope(analysis, found.path)
    if not isinstance(value, str) or scope.placed is None:
        return None
    start, end = found.start, found.end
    inside = tuple(found.path[len(scope.placed.path) :])
    if inside in (("id",), ("rollback", "to")):
        id, quoted = value, bool(found.spot.style)
        start, end = start + quoted, end - quoted
    else:
        name = name_at(value, offset_in(analysis.source, found.spot, index), bare=is_bare(analysis, found.path))
        if name is None or name.root != "steps" or not name.keys or name.role != "name":
            return None
        key, first, last = name.keys[0]
        id = str(key)
        start = written_at(analysis.source, found.spot, first)
        end = written_at(analysis.source, found.spot, last - 1) + 1
    return Meant(analysis, scope.placed.space, id, start, end) if id in scope.placed.space.ids else None


def uses(meant: Meant) -> list[Use]:
    """Every place at which the step is written, where it is declared first."""
    analysis, space = meant.analysis, meant.space
    source, file = analysis.source_of(space), analysis.file_of(space)
    found = [_plain(source, file, (*placed.path, "id"), "declared") for placed in space.ids.get(meant.id, ())]
    for placed in space.placed:
        for one in written(placed):
            found += _in_texts(source, file, (*placed.path, *one.path), one, meant.id)
        if placed.parent is not None and at(placed.step.keys, ("rollback", "to")) == meant.id:
            found.append(_plain(source, file, (*placed.path, "rollback", "to"), "plain"))
    if space.name is None:
        defaults = at(source.value, ("defaults",))
        if defaults is not None:
            found += _in_texts(source, file, ("defaults",), Written("template", defaults, (), "before", {}), meant.id)
        found += _in_tests(analysis, meant.id)
    unique = {(one.target.file, one.target.start): one for one in reversed(found)}
    return list(reversed(unique.values()))


def rename(meant: Meant, new: str) -> list[Edit] | Refusal:
    """The changes that give a step another id; a Refusal where that cannot be done safely."""
    analysis, space = meant.analysis, meant.space
    problem = next(iter(ID.check(new)), None)
    if problem is not None:
        return Refusal(f'"{new[:40]}" is no id: use letters, digits, _ and -, starting with a letter or _')
    if new != meant.id and new in space.ids:
        return Refusal(f'there is a step "{new}" already')
    if len(space.ids[meant.id]) > 1:
        return Refusal(f'two steps are called "{meant.id}": it cannot be told which one is meant')
    if analysis.source is not analysis.strict:
        return Refusal("the file cannot be read as it stands; mend it first")
    edits = [_edit(one, new) for one in uses(meant)]
    if any(edit is None for edit in edits):
        return Refusal("the id is written in a way that cannot be changed safely")
    whole = [edit for edit in edits if edit is not None]
    return whole if _holds(analysis, whole) else Refusal("the definition would have errors with this id")


def _edit(use: Use, new: str) -> Edit | None:
    target = use.target
    if use.form == "member" and not _IDENTIFIER.fullmatch(new):
        return Edit(target.file, target.start - 1, target.end, f"[{use.quote}{new}{use.quote}]")
    return Edit(target.file, target.start, target.end, new)


def _holds(analysis: Analysis, edits: list[Edit]) -> bool:
    """Whether the definition has no errors with the changes that it did not have without them."""
    surroundings = analysis.surroundings
    changed = apply(analysis.text, [edit for edit in edits if edit.file == analysis.path])

    def errors(text: str) -> Counter[str]:
        def fetch(path: Path) -> bytes | str:
            return text if path == analysis.path else surroundings.fetch(path)

        found = inspect(analysis.path, catalogue=surroundings.catalogue or None, fetch=fetch)
        return Counter(one.code for one in found.diagnostics if one.severity == "error")

    return not errors(changed) - errors(analysis.text)


def apply(text: str, edits: list[Edit]) -> str:
    """A text with changes that do not overlap."""
    for edit in sorted(edits, key=lambda one: -one.start):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _plain(source: Source, file: Path, path: Trail, form: Literal["declared", "plain"]) -> Use:
    spot = source.marks.spot(path)
    quoted = spot.style in ("'", '"') and spot.end[2] - spot.start[2] > 1
    return Use(Target(file, spot.start[2] + quoted, spot.end[2] - quoted), form)


def _in_texts(source: Source, file: Path, path: Trail, place: Written, id: str) -> Iterator[Use]:
    """The places in the texts of a value at which the step is read."""
    for here, text in _texts(place.value, path):
        if id not in text:
            continue
        spot = source.marks.spot(here)
        stretches = list(holes(text))
        if not stretches and place.form != "template":
            stretches = [(0, len(text))]
        for start, end in stretches:
            for name in names(text, start, end):
                if name.root != "steps" or name.role != "name" or not name.keys or name.keys[0][0] != id:
                    continue
                _, first, last = name.keys[0]
                begins = written_at(source, spot, first)
                member = text[name.end : first].strip() == "."
                form: Literal["member", "subscript"] = "member" if member else "subscript"
                target = Target(file, begins, written_at(source, spot, last - 1) + 1)
                yield Use(target, form, "'" if spot.style == '"' else '"')


def _texts(value: JSON, path: Trail) -> Iterator[tuple[tuple[str | int, ...], str]]:
    waiting: list[tuple[tuple[str | int, ...], JSON]] = [(tuple(path), value)]
    while waiting:
        here, part = waiting.pop()
        if isinstance(part, str):
            yield here, part
        elif isinstance(part, dict | list) and len(here) - len(path) < DEEPEST:
            items = part.items() if isinstance(part, dict) else enumerate(part)
            waiting.extend([((*here, key), item) for key, item in items])


def _in_tests(analysis: Analysis, id: str) -> Iterator[Use]:
    """What the tests beside the definition say about the step."""
    for suffix in TEST_SUFFIXES:
        tests = analysis.beside(analysis.path.with_suffix(suffix).name)
        subject = None if tests is None else tests.subject
        if tests is None or subject is None or subject.path.resolve() != analysis.path.resolve():
            continue
        for path, text in _texts(tests.source.value, ()):
            lists = len(path) > 1 and path[-2] in _LISTS and isinstance(path[-1], int)
            if path and (path[-1] in _SUBJECT or lists):
                yield from _segments(tests, path, text, id, key=False)
        for path in _expected(tests.source.value):
            yield from _segments(tests, path, str(path[-1]), id, key=True)


def _expected(value: JSON) -> Iterator[tuple[str | int, ...]]:
    """The paths of what is expected of single steps."""
    waiting: list[tuple[tuple[str | int, ...], JSON]] = [((), value)]
    while waiting:
        here, part = waiting.pop()
        if not isinstance(part, dict | list) or len(here) > DEEPEST:
            continue
        if here[-2:] == ("expect", "steps") and isinstance(part, dict):
            yield from ((*here, key) for key in part)
        items = part.items() if isinstance(part, dict) else enumerate(part)
        waiting.extend([((*here, key), item) for key, item in items])


def _segments(tests: Analysis, path: Trail, text: str, id: str, *, key: bool) -> Iterator[Use]:
    """The parts of an address that are the id."""
    spot = tests.source.marks.spot(path, key=key)
    if spot.style not in ("", "'", '"') or "\\" in tests.text[spot.start[2] : spot.end[2]]:
        return
    quoted = tests.text[spot.start[2] : spot.start[2] + 1] in ("'", '"')
    at = spot.start[2] + quoted
    for segment in text.split("/"):
        if segment.partition("[")[0] == id:
            yield Use(Target(tests.path, at, at + len(id)), "plain")
        at += len(segment) + 1
