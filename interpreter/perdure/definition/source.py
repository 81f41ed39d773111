"""A file that has been read: its text, its value, where everything stands, and what is wrong with it.

Made by `reader`; `shape`, `checks` and `render` take it from here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from perdure.definition.diagnostics import Diagnostic, Place, Related, report
from perdure.definition.folding import BREAK
from perdure.definition.marks import Mark, Marks, Path
from perdure.definition.rules import Severity
from perdure.values import JSON


@dataclass(frozen=True)
class Source:
    """One document of one file; `value` is None where nothing could be read, and `diagnostics` says why.

    `text` is the document's own; in a file of several, `above` lines of the file stand above it.
    """

    file: str
    text: str
    value: JSON
    marks: Marks
    diagnostics: list[Diagnostic] = field(default_factory=list)
    above: int = 0

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends, line 1 of the file at index 0; those above the document are empty."""
        return [""] * self.above + BREAK.split(self.text)

    def place(self, path: Path = ()) -> Place:
        """The place of a value."""
        return self._place(self.marks.value(path))

    def key_place(self, path: Path) -> Place:
        """The place of a key."""
        return self._place(self.marks.key(path))

    def inside_place(self, path: Path, offset: int, end: int | None = None) -> Place:
        """The place of a text value's characters from `offset` up to `end`; of one without it."""
        first = self.marks.inside(path, offset)
        last = first if end is None or end <= offset else self.marks.inside(path, end - 1)
        return Place(self.file, first.line, first.column, last.end_line, last.end_column)

    def report(
        self,
        code: str,
        message: str,
        path: Path,
        hint: str | None = None,
        *,
        key: bool = False,
        severity: Severity | None = None,
        related: Iterable[Related] = (),
    ) -> Diagnostic:
        """A diagnostic at the value of a path, or at its key; it is returned, not kept."""
        place = self.key_place(path) if key else self.place(path)
        return report(code, message, place, hint, severity=severity, related=related)

    def _place(self, mark: Mark) -> Place:
        return Place(self.file, mark.line, mark.column, mark.end_line, mark.end_column)
