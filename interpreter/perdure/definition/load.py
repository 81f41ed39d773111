"""The front door: a file, or a text, becomes a checked definition with its program.

The first walk of the code starts here: `reader` (text → tree with marks) → `shape` (keys and types) → `models` (tree
of steps) → `checks` (names and references) → `compiler` (program). Everything wrong is told at once, as diagnostics.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from perdure.definition.checks import check
from perdure.definition.diagnostics import Diagnostic, Place, in_order, report
from perdure.definition.files import Fetch, Files
from perdure.definition.models import Document, Library, TooManySteps, read_document
from perdure.definition.repair import repaired
from perdure.definition.shape import check_shape, faults
from perdure.definition.source import Source
from perdure.definition.suppression import suppress
from perdure.errors import DefinitionError, InternalError
from perdure.program import Position, Program
from perdure.values import decode, encode

Catalogue = Mapping[str, Mapping[str, Any]]
"""Activities by name: {arguments: JSON Schema, result: JSON Schema, summary, deprecated}."""

_DEEP: Final = 50_000
"""Python frames that the deepest definition needs: thousands of blocks inside each other, some frames each. Since
Python 3.11 calls between Python functions take no C stack."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition that holds. `bundle` is its text with its imports, as stores keep it; `digest` names the content;
    `diagnostics` are warnings."""

    name: str
    version: str | None
    digest: str
    program: Program
    bundle: bytes
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is to be said about a definition; `definition` is None where it has errors. `document` is the tree of its
    steps, also of one with errors as far as it could be read. `quiet` is what rules found that are off."""

    definition: Definition | None
    diagnostics: list[Diagnostic]
    sources: dict[str, Source] = field(default_factory=dict)
    document: Document | None = None
    quiet: list[Diagnostic] = field(default_factory=list)


def load(path_or_text: str | Path, *, catalogue: Catalogue | None = None) -> Definition:
    """A definition from a file or a text. Raises DefinitionError with all its diagnostics, and
    FileNotFoundError (or another OSError) where the file cannot be read.

    A text has a line break or a NUL, or begins with a brace; everything else is a path. With a `catalogue` calls of
    activities are checked against it.
    """
    inspection = inspect(path_or_text, catalogue=catalogue)
    if inspection.definition is None:
        raise DefinitionError(inspection.diagnostics)
    return inspection.definition


def inspect(
    path_or_text: str | Path,
    *,
    catalogue: Catalogue | None = None,
    file: str = "<text>",
    fetch: Fetch | None = None,
) -> Inspection:
    """All that can be said about a definition; nothing about its content is raised. `file` names a text, `fetch` gets
    files from elsewhere than the disk."""
    return _compiled(*_examined(_files(path_or_text, file, fetch), catalogue))


def examine(
    path_or_text: str | Path,
    *,
    catalogue: Catalogue | None = None,
    file: str = "<text>",
    fetch: Fetch | None = None,
) -> Inspection:
    """As `inspect`, for those who only want to hear what is wrong: `definition` is always None."""
    return _examined(_files(path_or_text, file, fetch), catalogue)[1]


def _files(path_or_text: str | Path, file: str, fetch: Fetch | None) -> Files:
    text = str(path_or_text)
    if "\0" in text or (isinstance(path_or_text, str) and ("\n" in text or text.lstrip().startswith("{"))):
        return Files.of_text(text, file)
    return Files.of_path(Path(path_or_text), fetch)


def load_bundle(bundle: bytes) -> Definition:
    """A definition as a store kept it. Raises DefinitionError where this release reads it differently."""
    inspection = inspect_bundle(bundle)
    if inspection.definition is None:
        raise DefinitionError(inspection.diagnostics)
    return inspection.definition


def inspect_bundle(bundle: bytes) -> Inspection:
    """All that can be said about a definition as a store kept it."""
    stored = decode(bundle)
    return _compiled(*_examined(Files.of_bundle(stored["main"], stored["files"]), None))


@contextlib.contextmanager
def _deep_recursion() -> Iterator[None]:
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(max(usual, _DEEP))
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)


def _examined(files: Files, catalogue: Catalogue | None) -> tuple[Files, Inspection]:
    with _deep_recursion():
        return files, _concluded(files, *_checked(files, catalogue))


def _checked(files: Files, catalogue: Catalogue | None) -> tuple[Document | None, list[Diagnostic]]:
    found = [diagnostic for source in files.sources.values() for diagnostic in source.diagnostics]
    found.extend(files.diagnostics)
    for name, source in files.sources.items():
        found.extend(check_shape(source, fragments_only=name != files.main))
    document = None
    sources = _checkable(files, found)
    if sources is not None:
        library = Library({name: source.value for name, source in sources.items()}, files.imports)
        try:
            document = read_document(files.main, sources[files.main].value, library)
        except TooManySteps:
            found.append(report("WF404", "fragments grow beyond 50,000 steps", _first(files)))
        else:
            found.extend(check(document, sources, library, catalogue, whole=sources is files.sources))
    return document, found


def _checkable(files: Files, found: list[Diagnostic]) -> dict[str, Source] | None:
    """The sources as the checks can take them: as they are, or without what is wrong with their shape."""
    if not _errors(found):
        return files.sources
    if files.diagnostics or any(source.value is None for source in files.sources.values()):
        return None
    sources = {}
    for name, source in files.sources.items():
        mended = repaired(source, partial(faults, fragments_only=name != files.main))
        if mended is None:
            return None
        sources[name] = mended
    return sources


def _concluded(files: Files, document: Document | None, found: list[Diagnostic]) -> Inspection:
    for source in files.sources.values():
        found = suppress(source, found)
    diagnostics = in_order(one for one in found if one.severity != "off")
    quiet = in_order(one for one in found if one.severity == "off")
    sources = {source.file: source for source in files.sources.values()}
    if document is None and not diagnostics:
        raise InternalError("a definition without a document has no diagnostics")
    return Inspection(None, diagnostics, sources, document, quiet)


def _compiled(files: Files, inspection: Inspection) -> Inspection:
    """An inspection with the definition, where there are no errors."""
    document, diagnostics = inspection.document, inspection.diagnostics
    if document is None or _errors(diagnostics):
        return inspection
    from perdure.definition.compiler import compile_document  # with all classes of nodes, which checks do without

    digest = _digest(files)
    with _deep_recursion():
        program = compile_document(document, digest, lambda file, path: _position(files.sources[file], path))
    bundle = encode({"main": files.main, "files": {name: source.text for name, source in files.sources.items()}})
    definition = Definition(program.name, program.version, digest, program, bundle, tuple(diagnostics))
    return replace(inspection, definition=definition)


def _digest(files: Files) -> str:
    """Names the content: the text of the definition and, by their paths, of what it imports."""
    from hashlib import sha256

    content = sha256()
    for name in sorted(files.sources, key=lambda name: (name != files.main, name)):
        for part in ("" if name == files.main else name, files.sources[name].text):
            encoded = part.encode()
            content.update(len(encoded).to_bytes(8, "big") + encoded)
    return content.hexdigest()


def _position(source: Source, path: tuple[str | int, ...]) -> Position:
    place = source.place(path)
    return Position(place.file, place.line, place.column)


def _errors(found: list[Diagnostic]) -> bool:
    return any(diagnostic.severity == "error" for diagnostic in found)


def _first(files: Files) -> Place:
    return files.sources[files.main].place(())
