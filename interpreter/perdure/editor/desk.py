"""What lies open in the editor: the texts, what is wrong with each, and which of them read which.

Findings are kept by the file that was looked at, since a file that others import has problems only they can see. Knows
no protocol, and not how a file is checked: that is told by the bench.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from perdure.definition.diagnostics import Diagnostic, in_order
from perdure.definition.files import Fetch, content
from perdure.editor.analysis import Analysis
from perdure.editor.surroundings import Surroundings
from perdure.errors import PerdureError


class Bench(Protocol):
    """The project, as the desk needs it."""

    def surroundings(self, fetch: Fetch) -> Surroundings:
        """What is known now besides the files that are open."""
        ...

    def diagnose(self, path: Path, fetch: Fetch) -> list[Diagnostic]:
        """All that is to be shown about a file and those it imports; nothing where it is none of ours. Raises OSError
        where it cannot be read."""
        ...

    def formatted(self, path: Path, fetch: Fetch) -> str | None:
        """The text of a file in the one layout; None where it is none of ours, or is not read without errors. Raises
        PerdureError where that would make another file of it."""
        ...

    def settle(self, root: Path) -> None:
        """The editor works in this directory; called before anything else, at most once."""
        ...

    async def learn(self) -> str | None:
        """Looks at the activities and definitions that there are; gives what went wrong, in a sentence."""
        ...


class Desk:
    """The open files by path. `told` is called with a file and its findings when they may have changed."""

    def __init__(self, bench: Bench, told: Callable[[Path, list[Diagnostic]], None]) -> None:
        self.bench = bench
        self.told = told
        self.open: dict[Path, str] = {}
        self._found: dict[Path, dict[Path, list[Diagnostic]]] = {}
        self._read: dict[Path, set[Path]] = {}

    def put(self, path: Path, text: str) -> list[Path]:
        """A file is open with this text; gives the open files that are to be looked at anew."""
        self.open[path] = text
        return self.readers(path)

    def remove(self, path: Path) -> list[Path]:
        """A file is closed: what is on the disk counts again."""
        self.open.pop(path, None)
        self._read.pop(path, None)
        self._tell(path, {})
        return self.readers(path)

    def readers(self, path: Path) -> list[Path]:
        """The open files that depend on a file, itself among them."""
        return [one for one in self.open if one == path or path in self._read.get(one, ())]

    def fetch(self, path: Path) -> bytes | str:
        """The text of an open file, else the bytes on the disk."""
        text = self.open.get(plain(path))
        return content(path) if text is None else text

    def look(self, path: Path) -> None:
        """Looks at an open file anew, and tells what was found in it and in others."""
        if path not in self.open:
            return
        read: set[Path] = set()

        def fetch(file: Path) -> bytes | str:
            read.add(plain(file))
            return self.fetch(file)

        try:
            found = self.bench.diagnose(path, fetch)
        except (OSError, PerdureError):
            found = []
        self._read[path] = read
        by_file: dict[Path, list[Diagnostic]] = {path: []}
        for one in found:
            by_file.setdefault(plain(Path(one.place.file)), []).append(one)
        self._tell(path, by_file)

    def found(self, file: Path) -> list[Diagnostic]:
        """All that is wrong in a file, whoever has found it."""
        return in_order(one for by_file in self._found.values() for one in by_file.get(file, ()))

    def analysis(self, path: Path) -> Analysis:
        """A file with all that is known of it now."""
        text = self.open.get(path, "").removeprefix("\ufeff")
        return Analysis(path, text, self.bench.surroundings(self.fetch))

    def _tell(self, path: Path, by_file: dict[Path, list[Diagnostic]]) -> None:
        before = self._found.pop(path, {})
        if by_file:
            self._found[path] = by_file
        for file in dict.fromkeys((*before, *by_file)):
            self.told(file, self.found(file))


def plain(path: Path) -> Path:
    """A path as it is compared: absolute, without `..`; links stay."""
    return Path(os.path.normpath(path.absolute()))
