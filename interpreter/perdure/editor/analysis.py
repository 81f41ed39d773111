"""What is known of one file at one moment: its tree, its language, its steps in their scopes, the files it uses.

Made anew for each text, lazily. Where the reader refuses the text the tolerant one takes its place, and what is wrong
with the shape is left out as the checks do it; so there is an answer for a text that is half written, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

from perdure.definition.checks.names import variables
from perdure.definition.checks.spaces import Placed, Space, Spaces, read_spaces
from perdure.definition.checks.typing import Typing
from perdure.definition.checks.written import Written, written
from perdure.definition.files import SUFFIXES, Files
from perdure.definition.marks import Path as Trail
from perdure.definition.marks import at
from perdure.definition.models import Document, Library, Origin, Step
from perdure.definition.reader import LARGEST, read
from perdure.definition.repair import repaired
from perdure.definition.shape import faults
from perdure.definition.source import Source
from perdure.editor.shapes import Language
from perdure.editor.surroundings import DEFINITIONS, FRAGMENTS, Surroundings
from perdure.editor.tolerant import read_anyhow
from perdure.values import JSON

_PAIR: Final = re.compile(r"\\u[dD][89abAB]")
"""Half of a character, as JSON escapes it: the reader spells it anew, and its indexes are not those of the text."""
TEST_SUFFIXES: Final = (".test.yaml", ".test.yml", ".test.json")


@dataclass(frozen=True)
class Analysis:
    """A file as it stands in the editor. `source` may be given; else it is read from `text`."""

    path: Path
    text: str
    surroundings: Surroundings = field(default_factory=Surroundings)
    given: Source | None = None

    @cached_property
    def strict(self) -> Source:
        """The text as a definition is read; its value is None where it is refused."""
        return read(self.text, file=str(self.path))

    @cached_property
    def source(self) -> Source:
        """The tree of the text, whatever it holds."""
        if self.given is not None:
            return self.given
        if len(self.text) > LARGEST:
            return read("", file=str(self.path))
        anyhow = self.strict.value is None or _PAIR.search(self.text) is not None
        return read_anyhow(self.text, str(self.path)) if anyhow else self.strict

    @property
    def is_tests(self) -> bool:
        return self.path.name.endswith(TEST_SUFFIXES)

    @cached_property
    def language(self) -> Language:
        """The table of keys that the file goes by."""
        if self.is_tests and self.surroundings.tests is not None:
            return self.surroundings.tests
        value = self.source.value
        if isinstance(value, dict) and "fragments" in value and not ({"workflow", "steps"} & value.keys()):
            return FRAGMENTS
        return DEFINITIONS

    @cached_property
    def subject(self) -> Analysis | None:
        """The definition that a file of tests is about."""
        named = at(self.source.value, ("test",))
        return self.beside(named) if self.is_tests and isinstance(named, str) else None

    def beside(self, name: str) -> Analysis | None:
        """Another file, by its path from this one; None where it cannot be read."""
        try:
            path = Path(self.path.parent / name)
            content = self.surroundings.fetch(path)
        except (OSError, ValueError):
            return None
        text = content if isinstance(content, str) else content.decode("utf-8", "replace")
        return Analysis(path, text.removeprefix("\ufeff"), self.surroundings)

    @cached_property
    def files(self) -> Files:
        """The file with those that it imports."""
        return Files.of_source(self.source, self.path, self.surroundings.fetch)

    @cached_property
    def spaces(self) -> Spaces | None:
        """The steps in their scopes; None where too little of the file holds."""
        try:
            return None if self.is_tests else self._spaces()
        except (RecursionError, KeyError, TypeError, AttributeError, StopIteration, ValueError, IndexError):
            return None  # what repair let pass: the file says nothing about its steps then

    @cached_property
    def typing(self) -> Typing | None:
        """The types of what its expressions read."""
        return None if self.spaces is None else Typing(self.spaces, self.surroundings.catalogue)

    def _spaces(self) -> Spaces | None:
        documents: dict[str, Any] = {}
        for name, source in self.files.sources.items():
            alone = name != self.files.main or self.language is FRAGMENTS
            mended = _mended(source, partial(faults, fragments_only=alone))
            if mended is not None and isinstance(mended.value, dict):
                documents[name] = mended.value
        main = self.files.main
        if main not in documents:
            return None
        documents[main] = {"steps": [], **documents[main]}
        origin = Origin(main, documents[main])
        root = Step(origin, (), documents[main], "steps", "", shared=False)
        return read_spaces(Document(origin, documents[main], root), Library(documents, self.files.imports))

    def placed(self, path: Trail) -> Placed | None:
        """The innermost step around a path of this file; the document itself, or a fragment, outside of steps."""
        best: Placed | None = None
        for space in self.spaces.all if self.spaces is not None else ():
            if space.file == self.files.main:
                for one in space.placed:
                    here = one.path
                    if tuple(path[: len(here)]) == here and (best is None or len(here) > len(best.path)):
                        best = one
        return best

    def reading(self, placed: Placed, path: Trail) -> Written | None:
        """The place of an expression of a step that a path leads into."""
        inside = tuple(path[len(placed.path) :])
        try:
            return next((one for one in written(placed) if inside[: len(one.path)] == one.path), None)
        except (KeyError, TypeError, AttributeError):
            return None

    @cached_property
    def variables(self) -> set[str]:
        return set() if self.spaces is None else variables(self.spaces)

    def source_of(self, space: Space) -> Source:
        """The file in which a space is written."""
        return self.files.sources[space.file]

    def file_of(self, space: Space) -> Path:
        return self.path if space.file == self.files.main else self.path.parent / space.file

    @cached_property
    def fragments(self) -> Mapping[str, Space]:
        """The fragments that a `use` of this file can name."""
        found: dict[str, Space] = {}
        for space in self.spaces.fragments.values() if self.spaces is not None else ():
            if space.file == self.files.main:
                found[str(space.name)] = space
            for (importer, alias), file in self.files.imports.items():
                if importer == self.files.main and file == space.file:
                    found[f"{alias}.{space.name}"] = space
        return found

    def child(self, name: str) -> Analysis | None:
        """The definition of a workflow that is run as a child: beside this file, else in the project."""
        if not name or "/" in name:
            return None
        for suffix in SUFFIXES:
            found = self.beside(f"{name}{suffix}")
            if found is not None:
                return found
        known = self.surroundings.workflows.get(name)
        return None if known is None else self.beside(str(known))


def _mended(source: Source, wrong: Callable[[Source], list[tuple[str | int, ...]]]) -> Source | None:
    """The source without its faults, or with nothing but what the scopes are made of."""
    if not isinstance(source.value, dict):
        return None
    mended = repaired(source, wrong)
    if mended is None:
        kept = {key: value for key, value in source.value.items() if key in ("steps", "fragments", "vars", "input")}
        mended = repaired(Source(source.file, source.text, _whole(kept), source.marks), wrong)
    return mended


def _whole(document: dict[str, JSON]) -> dict[str, JSON]:
    """The parts without which nothing can be said, of the right type; a list of steps holds mappings only."""
    kept: dict[str, JSON] = {"workflow": "unnamed"}
    for key, value in document.items():
        if key == "steps" and isinstance(value, list) and value:
            kept[key] = [step if isinstance(step, dict) else {"set": {"_": None}} for step in value]
        elif key != "steps" and isinstance(value, dict):
            kept[key] = value
    return kept if "steps" in kept else {**kept, "steps": [{"set": {"_": None}}]}
