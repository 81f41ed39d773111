"""The files that `validate` looks at, and what is found in each.

Knows nothing of how findings are picked and shown.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perdure.cli.definitions import FOLDER, TEST_SUFFIXES, definition_files, is_definition_name, top_key
from perdure.cli.exits import NotFound

if TYPE_CHECKING:
    from perdure.definition import Diagnostic, Document
    from perdure.definition.files import Fetch
    from perdure.definition.source import Source

STDIN = "-"


@dataclass(slots=True)
class Checked:
    """A file with what is to be said about it, rules that are off included; `sources` holds it and its imports by
    path, the file itself first."""

    path: str
    sources: Mapping[str, Source]
    diagnostics: list[Diagnostic]
    document: Document | None = None

    @property
    def main(self) -> Source:
        return next(iter(self.sources.values()))


def usual_paths() -> Sequence[str]:
    """What is looked at when nothing is named."""
    return (FOLDER if Path(FOLDER).is_dir() else ".",)


def files_of(paths: Sequence[str]) -> list[str]:
    """The files to check in order, each once; `-` stays."""
    found: dict[str, None] = {}
    for given in paths or usual_paths():
        path = Path(given)
        if given == STDIN:
            found[given] = None
        elif path.is_dir():
            found.update(dict.fromkeys(str(file) for file in definition_files(path)))
        elif not path.exists():
            raise NotFound(f"there is no file {given}")
        elif is_definition_name(path) or not path.name.endswith(TEST_SUFFIXES):
            found[given] = None
    return list(found)


def check_file(path: str, catalogue: Any, fetch: Fetch | None = None) -> Checked:
    """One file, or standard input, with its imports; `fetch` gets files as an editor has them."""
    from perdure.definition import examine

    if path == STDIN:
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape") if _binary() else sys.stdin.read()
        inspection = examine(text if "\n" in text else f"{text}\n", catalogue=catalogue, file="<stdin>")
    elif top_key(Path(path), fetch) == "fragments":
        return _check_fragments(path, fetch)
    else:
        inspection = examine(Path(path), catalogue=catalogue, fetch=fetch)
    found = [*inspection.diagnostics, *inspection.quiet]
    checked = Checked(path, inspection.sources, found, inspection.document)
    checked.diagnostics += _untested(checked)
    return checked


def check_together(checked: Sequence[Checked]) -> None:
    """What is wrong with several files at once, added to what was found in each."""
    from perdure.definition.checks.cycles import check_cycles
    from perdure.definition.suppression import silence

    by_file = {one.main.file: one for one in checked if one.document is not None}
    for source, found in check_cycles((one.document, one.main) for one in by_file.values() if one.document):
        by_file[source.file].diagnostics += silence(source, [found])


def _check_fragments(path: str, fetch: Fetch | None) -> Checked:
    """A file that others import: its shape is checked on its own, its steps with each file that uses them."""
    from perdure.definition.files import content
    from perdure.definition.reader import read
    from perdure.definition.shape import check_shape
    from perdure.definition.suppression import suppress

    source = read((fetch or content)(Path(path)), file=path)
    found = list(source.diagnostics)
    if not any(diagnostic.severity == "error" for diagnostic in found):
        found += check_shape(source, fragments_only=True)
    return Checked(path, {path: source}, suppress(source, found))


def _untested(checked: Checked) -> list[Diagnostic]:
    from perdure.definition.suppression import silence

    path = Path(checked.path)
    if checked.path == STDIN or any(path.with_suffix(suffix).exists() for suffix in TEST_SUFFIXES):
        return []
    name = f"{path.stem}{TEST_SUFFIXES[0]}"
    problem = checked.main.report("WF904", f"there is no {name} beside it", ("workflow",), f"add {name}")
    return silence(checked.main, [problem])


def _binary() -> bool:
    return hasattr(sys.stdin, "buffer")
