"""The shape check: a document walked along the table of the language; every problem once, at its place.

Total: any JSON value may come in. Says nothing about names, references and expressions (see `checks`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final, TypeAlias

from perdure.definition.diagnostics import Diagnostic, did_you_mean, in_order, nearest, quoted
from perdure.definition.grammar import (
    ByType,
    Fault,
    Items,
    Keys,
    Leaf,
    Record,
    Ref,
    Shape,
    Table,
    Tagged,
    called,
    type_of,
)
from perdure.definition.language import DEFINITION, LIBRARY, SHAPES
from perdure.definition.source import Source
from perdure.values import DEEPEST, JSON
from perdure.values import check as check_plain

Path = tuple[str | int, ...]
Trail: TypeAlias = "tuple[Trail, str | int] | None"
"""A path as the walk carries it, last part outside: going one deeper costs the same at any depth."""

MOST_PROBLEMS: Final = 1_000
"""Problems told about one document; only a hostile one has more."""

_WORD: Final = re.compile(r"[\w.*-]{1,60}")
"""A text that can stand in [ ] as it is."""

MOST_WORDS: Final = 22
"""Keys named in one hint."""


def check_shape(source: Source, *, fragments_only: bool = False) -> list[Diagnostic]:
    """All problems of shape, in order; an imported file holds fragments and imports only.

    What the reader has already reported as an error is not reported again.
    """
    if source.value is None and source.diagnostics:
        return []
    walk = _Walk(source)
    with suppress(_EnoughError):
        walk.document(LIBRARY if fragments_only else DEFINITION, source.value)
        if not fragments_only and isinstance(source.value, dict):
            walk.version()
    return walk.told()


def check_document(source: Source, shape: Shape, shapes: Mapping[str, Shape]) -> list[Diagnostic]:
    """The same for a document of another table, whose shapes that refer to themselves are `shapes`."""
    if source.value is None and source.diagnostics:
        return []
    walk = _Walk(source, shapes)
    with suppress(_EnoughError):
        walk.document(shape, source.value)
    return walk.told()


def faults(source: Source, *, fragments_only: bool = False) -> list[Path]:
    """The paths of all problems of shape, those that the reader has reported among them."""
    walk = _Walk(source)
    with suppress(_EnoughError):
        walk.document(LIBRARY if fragments_only else DEFINITION, source.value)
    return walk.paths


class _EnoughError(Exception):
    """`MOST_PROBLEMS` have been found."""


class _Walk:
    def __init__(self, source: Source, shapes: Mapping[str, Shape] = SHAPES) -> None:
        self.source = source
        self.shapes = shapes
        self.found: list[Diagnostic] = []
        self.paths: list[Path] = []
        self.waiting: list[tuple[Shape, JSON, Trail]] = []
        self.known: dict[tuple[int, str, type], tuple[Keys, dict[str, str]]] = {}

    def told(self) -> list[Diagnostic]:
        """What was found, in order, without what the reader has said already."""
        known = {found.place for found in self.source.diagnostics if found.severity == "error"}
        return in_order(found for found in self.found if found.place not in known)

    def document(self, shape: Shape, value: JSON) -> None:
        """Checks a whole document; a list of what is left to do stands in for recursion, whatever the depth."""
        self.shape(shape, value, None)
        while self.waiting:
            left = len(self.waiting) - 1
            self.one(*self.waiting.pop())
            self.waiting[left:] = reversed(self.waiting[left:])

    def shape(self, shape: Shape, value: JSON, path: Trail) -> None:
        """Puts one value down to be checked against one shape; the walk keeps the order of the document."""
        self.waiting.append((shape, value, path))

    def one(self, shape: Shape, value: JSON, path: Trail) -> None:
        match shape:
            case Leaf():
                self.leaf(shape, value, path)
            case Ref():
                self.shape(self.shapes[shape.name], value, path)
            case ByType():
                inner = shape.shapes.get(type_of(value))
                if inner is None:
                    self.wrong_type(shape.says, value, path)
                else:
                    self.shape(inner, value, path)
            case Items():
                self.items(shape, value, path)
            case Table():
                self.table(shape, value, path)
            case Record():
                self.record(shape, value, path)
            case Tagged():
                self.tagged(shape, value, path)

    def leaf(self, shape: Leaf, value: JSON, path: Trail) -> None:
        if isinstance(value, dict | list):
            try:
                check_plain(value)
            except ValueError:
                self.note("WF113", f"{_subject(_flat(path))} is nested more than {DEEPEST} deep", path)
                return
        self.faults(shape.check(value), path)

    def items(self, shape: Items, value: JSON, path: Trail) -> None:
        if not isinstance(value, list):
            one = f"write [{value}]" if isinstance(value, str) and _WORD.fullmatch(value) else None
            self.wrong_type("a list", value, path, one or "start each item with '- '")
            return
        if len(value) < shape.least:
            self.note("WF213", f"{_subject(_flat(path))} is empty", path, key=True)
        for index, item in enumerate(value):
            self.shape(shape.item, item, (path, index))

    def table(self, shape: Table, value: JSON, path: Trail) -> None:
        if not isinstance(value, dict):
            self.wrong_type("a mapping", value, path)
            return
        if len(value) < shape.least:
            self.note("WF213", f"{_subject(_flat(path))} is empty", path, key=True)
        for key, item in value.items():
            if shape.key is not None:
                self.faults(shape.key.check(key), (path, key), key=True)
            self.shape(shape.value, item, (path, key))

    def record(self, shape: Record, value: JSON, path: Trail) -> None:
        if not isinstance(value, dict):
            known = list(shape.keys)
            more = ", …" if len(known) > MOST_WORDS else ""
            self.wrong_type("a mapping", value, path, f"its keys are {', '.join(known[:MOST_WORDS])}{more}")
            return
        self.keys(shape.keys, shape.elsewhere, value, path)
        together = [key for key in value if key in shape.exclusive]
        if len(together) > 1:
            message = f"{quoted(together[1])} excludes {quoted(together[0])}"
            self.note("WF217", message, (path, together[1]), key=True)

    def keys(self, keys: Keys, elsewhere: Mapping[str, str], value: dict[str, JSON], path: Trail) -> None:
        slips = set()
        for key, item in value.items():
            known = keys.get(key)
            if known is not None:
                self.shape(known.shape, item, (path, key))
            else:
                slips.add(nearest(key, keys))
                self.unknown(key, keys, elsewhere, path)
        for key, wanted in keys.items():
            if wanted.required and key not in value and key not in slips:
                self.missing(wanted.code, key, keys, path)

    def unknown(self, key: str, keys: Iterable[str], elsewhere: Mapping[str, str], path: Trail) -> None:
        where = (path, key)
        if key in elsewhere:
            self.note("WF216", f"{quoted(key)} belongs to {elsewhere[key]}", where, key=True)
        else:
            words = [*keys]
            more = ", …" if len(words) > MOST_WORDS else ""
            hint = did_you_mean(key, words) or f"known here: {', '.join(words[:MOST_WORDS])}{more}"
            self.note("WF201", f"the key {quoted(key)} is not known here", where, hint, key=True)

    def missing(self, code: str, key: str, keys: Keys, path: Trail) -> None:
        hint = f"add `{key}:`" + (f", {keys[key].about}" if keys[key].about else "")
        self.note(code, f"{_subject(_flat(path))} needs {quoted(key)}", path, hint, key=True)

    def tagged(self, shape: Tagged, value: JSON, path: Trail) -> None:
        if not isinstance(value, dict):
            self.wrong_type("a mapping", value, path)
            return
        present = self.kinds(shape, value)
        if not present:
            self.no_kind(shape, value, path)
        elif len(present) > 1:
            self.two_kinds(shape, present, value, path)
        else:
            kind = present[0]
            self.keys(*self.beside(shape, kind, value[kind]), value, path)
            check = shape.kinds[kind].check
            if check is not None:
                self.faults(check(value), path)

    def kinds(self, shape: Tagged, value: Mapping[str, JSON]) -> list[str]:
        """The kinds a mapping has, as written; `steps` beside `foreach` is an ordinary key and none."""
        present = [key for key in value if key in shape.kinds]
        if len(present) < 2:
            return present
        return [key for key in present if not set(shape.hosts(key)) & set(present)]

    def beside(self, shape: Tagged, kind: str, value: JSON) -> tuple[Keys, dict[str, str]]:
        """The keys that a kind has, and where others belong; looked up for each mapping, and always the same."""
        case = (id(shape), kind, type(value))
        found = self.known.get(case)
        if found is None:
            allowed = shape.keys_of(kind, value).items()
            keys = dict(sorted(allowed, key=lambda entry: entry[0] in shape.shared))  # hints name these last
            found = self.known[case] = (keys, self.strangers(shape, kind))
        return found

    def strangers(self, shape: Tagged, kind: str) -> dict[str, str]:
        """Where keys belong that stand beside other kinds only."""
        found = dict(shape.elsewhere)
        for name, other in shape.kinds.items():
            if name != kind:
                for key in other.beside:
                    found.setdefault(key, f"{quoted(name)}")
        return found

    def known_only(self, keys: Keys, value: dict[str, JSON], path: Trail) -> None:
        """The keys that are certain; unknown ones may belong to any kind."""
        for key, item in value.items():
            if key in keys:
                self.shape(keys[key].shape, item, (path, key))

    def no_kind(self, shape: Tagged, value: dict[str, JSON], path: Trail) -> None:
        beside = [key for kind in shape.kinds.values() for key in kind.beside]
        named = dict.fromkeys((*shape.kinds, *shape.shared, *beside))
        unknown = [key for key in value if key not in named]
        may_be_kinds = [key for key in unknown if (near := nearest(key, named)) is None or near in shape.kinds]
        if not may_be_kinds:
            words = list(shape.kinds)
            hint = f"add one of {', '.join(words)}"
            self.note("WF204", f"{_subject(_flat(path))} says nothing to do", self.head(value, path), hint, key=True)
        for key in unknown:
            self.unknown(key, named, shape.elsewhere, path)
        self.known_only(shape.shared, value, path)

    def two_kinds(self, shape: Tagged, present: list[str], value: dict[str, JSON], path: Trail) -> None:
        message = f"{_subject(_flat(path))} is {quoted(present[0])} and {quoted(present[1])} at once"
        code, hint = ("WF205", "make two steps of it") if shape.name == "step" else ("WF217", "keep one of them")
        self.note(code, message, (path, present[1]), hint, key=True)
        keys = {
            **shape.keys_of(present[1], value[present[1]]),
            **shape.keys_of(present[0], value[present[0]]),
        }
        for kind in present[2:]:
            keys.update(shape.keys_of(kind, value[kind]))
        elsewhere = self.strangers(shape, present[0])
        for key, item in value.items():
            if key in keys:
                self.shape(keys[key].shape, item, (path, key))
            else:
                self.unknown(key, keys, elsewhere, path)

    def head(self, value: Mapping[str, JSON], path: Trail) -> Trail:
        """Where to point for a mapping as a whole: its first key."""
        first = next(iter(value), None)
        return path if first is None else (path, first)

    def version(self) -> None:
        """`version: 1.10` is the number 1.1, which is hardly what was meant."""
        version = self.source.value.get("version")
        spelling = self.source.marks.spelling(("version",))
        if isinstance(version, float) and spelling and spelling != str(version):
            message = f"version {spelling[:20]} is read as the number {version}"
            self.note("WF104", message, (None, "version"), "put it in quotes")

    def faults(self, faults: Iterable[Fault], path: Trail, *, key: bool = False) -> None:
        for fault in faults:
            where = path
            for part in fault.path:
                where = (where, part)
            message = fault.message if fault.whole else f"{_subject(_flat(where))} {fault.message}"
            self.note(fault.code, message, where, fault.hint, key=key)

    def wrong_type(self, says: str, value: JSON, path: Trail, hint: str | None = None) -> None:
        at_key = value is None and path is not None
        self.note("WF203", f"{_subject(_flat(path))} must be {says}, not {called(value)}", path, hint, key=at_key)

    def note(self, code: str, message: str, path: Trail, hint: str | None = None, *, key: bool = False) -> None:
        if len(self.found) >= MOST_PROBLEMS:
            raise _EnoughError
        where = _flat(path)
        self.paths.append(where)
        self.found.append(self.source.report(code, message, where, hint, key=key))


def _flat(trail: Trail) -> Path:
    parts: list[str | int] = []
    while trail is not None:
        trail, part = trail
        parts.append(part)
    return tuple(reversed(parts))


def _subject(path: Path) -> str:
    """What a path leads to, in an author's words: a key in quotes, or an item of a list."""
    if not path:
        return "the document"
    last = path[-1]
    if isinstance(last, str):
        return quoted(last)
    owner = next((part for part in reversed(path) if isinstance(part, str)), None)
    if owner in ("steps", "finally"):
        return f"step {last + 1}"
    return f"item {last + 1}" + (f" of {quoted(owner)}" if owner is not None else "")
