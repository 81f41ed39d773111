"""The files of one definition: the main one and, by way of `imports`, those whose fragments it uses.

Each is named by its path relative to the main file; diagnostics show the path as the author would type it. Imports
stay among YAML and JSON files, and a definition given as a text has none.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from perdure.definition.diagnostics import Diagnostic
from perdure.definition.reader import LARGEST, read
from perdure.definition.source import Source

MOST_FILES: Final = 100
SUFFIXES: Final = (".yaml", ".yml", ".json")

Fetch = Callable[[Path], bytes | str]
"""Gets the content of a file, from the disk or as an editor has it; raises OSError."""


@dataclass(slots=True)
class Files:
    """Sources by name; `imports` gives the file behind (importing file, alias)."""

    main: str
    sources: dict[str, Source] = field(default_factory=dict)
    imports: dict[tuple[str, str], str] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    @classmethod
    def of_text(cls, text: str, file: str) -> Files:
        files = cls("main.yaml", {"main.yaml": read(text, file=file)})
        files._follow(None)
        return files

    @classmethod
    def of_path(cls, path: Path, fetch: Fetch | None = None) -> Files:
        """Raises OSError where the main file cannot be read; an import that cannot is a diagnostic."""
        return cls.of_source(read((fetch or content)(path), file=str(path)), path, fetch)

    @classmethod
    def of_source(cls, source: Source, path: Path, fetch: Fetch | None = None) -> Files:
        """The same of a main file that has been read already; `fetch` gets the others."""
        files, get = cls(path.name, {path.name: source}), fetch or content
        files._follow(lambda name: read(get(path.parent / name), file=str(path.parent / name)))
        return files

    @classmethod
    def of_bundle(cls, main: str, texts: Mapping[str, str]) -> Files:
        files = cls(main, {main: read(texts[main], file=main)})
        files._follow(lambda name: read(texts[name], file=name))
        return files

    def _follow(self, fetch: Callable[[str], Source] | None) -> None:
        waiting = [self.main]
        while waiting:
            importer = waiting.pop()
            document = self.sources[importer].value
            imports = document.get("imports") if isinstance(document, dict) else None
            for alias, path in imports.items() if isinstance(imports, dict) else ():
                if isinstance(path, str):
                    name = posixpath.normpath(posixpath.join(posixpath.dirname(importer), path))
                    if name not in self.sources and not self._fetch(fetch, importer, alias, path, name):
                        continue
                    if (importer, alias) not in self.imports:
                        self.imports[importer, alias] = name
                        waiting.append(name)

    def _fetch(self, fetch: Callable[[str], Source] | None, importer: str, alias: str, path: str, name: str) -> bool:
        problem = None
        if fetch is None:
            problem = "a definition given as a text has no files beside it"
        elif posixpath.isabs(path) or not path.endswith(SUFFIXES):
            problem = "an import is a relative path of a .yaml, .yml or .json file"
        elif len(self.sources) >= MOST_FILES:
            problem = f"a definition imports at most {MOST_FILES} files"
        else:
            try:
                self.sources[name] = fetch(name)
            except (OSError, KeyError) as wrong:
                problem = f"{path} cannot be read: {getattr(wrong, 'strerror', None) or 'not found'}"
        if problem is not None:
            self.diagnostics.append(self.sources[importer].report("WF220", problem, ("imports", alias)))
        return problem is None


def content(path: Path) -> bytes:
    """A file's content on the disk, as far as one that is not too large goes."""
    with path.open("rb") as file:
        return file.read(LARGEST + 1)
