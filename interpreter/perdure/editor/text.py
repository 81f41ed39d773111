"""A text as an editor counts it: lines from 0, columns in the units that were agreed on, UTF-16 without agreement.

Everything else in this package counts indexes into the text; here the two meet. Knows nothing of YAML, except which
characters its reader counts as the end of a line, where an editor does not.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

from perdure.definition.diagnostics import Place
from perdure.definition.folding import BREAK

Units = Literal["utf-8", "utf-16", "utf-32"]

_LINE_END: Final = re.compile(r"\r\n|\n|\r")
"""What the protocol counts as the end of a line; YAML's reader knows more."""


@dataclass(frozen=True)
class Text:
    """The characters of a document, with the two ways of counting them. A byte order mark counts in the editor only."""

    whole: str
    units: Units = "utf-16"
    body: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "body", self.whole.removeprefix("\ufeff"))

    @property
    def skipped(self) -> int:
        """Characters before the body."""
        return len(self.whole) - len(self.body)

    @cached_property
    def starts(self) -> list[int]:
        """Where the editor's lines begin in the whole text."""
        return [0, *(found.end() for found in _LINE_END.finditer(self.whole))]

    @cached_property
    def rows(self) -> list[int]:
        """Where the reader's lines begin in the body."""
        return [0, *(found.end() for found in BREAK.finditer(self.body))]

    def index(self, line: int, character: int) -> int:
        """The index into the body of a position; one beyond the end of its line or of the text is the end."""
        if line < 0 or line >= len(self.starts):
            return 0 if line < 0 else len(self.body)
        start = self.starts[line]
        end = self.starts[line + 1] if line + 1 < len(self.starts) else len(self.whole)
        content = self.whole[start:end].rstrip("\r\n")
        return max(0, start + self._characters(content, max(0, character)) - self.skipped)

    def position(self, index: int) -> tuple[int, int]:
        """Line and column of an index into the body."""
        at = min(max(index, 0), len(self.body)) + self.skipped
        line = bisect_right(self.starts, at) - 1
        return line, self._width(self.whole[self.starts[line] : at])

    def stretch(self, place: Place) -> tuple[int, int]:
        """The indexes of a diagnostic's place."""
        start = self.at(place.line, place.column)
        return start, max(start, self.at(place.end_line, place.end_column))

    def at(self, line: int, column: int) -> int:
        """The index of a line and column of the reader's, which count from 1."""
        if not 0 < line <= len(self.rows):
            return 0 if line < 1 else len(self.body)
        return min(self.rows[line - 1] + max(column - 1, 0), len(self.body))

    def line_around(self, index: int) -> tuple[int, int]:
        """Start and end of the reader's line that holds an index, its end left out."""
        row = bisect_right(self.rows, index) - 1
        start = self.rows[row]
        end = self.rows[row + 1] if row + 1 < len(self.rows) else len(self.body)
        return start, start + len(BREAK.sub("", self.body[start:end]))

    def _characters(self, line: str, units: int) -> int:
        """How many characters of a line fill so many units; half a character counts as none."""
        if self.units == "utf-32" or line.isascii():
            return min(units, len(line))
        filled = 0
        for count, letter in enumerate(line):
            filled += self._width(letter)
            if filled > units:
                return count
        return len(line)

    def _width(self, text: str) -> int:
        if self.units == "utf-32" or text.isascii():
            return len(text)
        if self.units == "utf-8":
            return len(text.encode("utf-8", "surrogatepass"))
        return len(text) + sum(letter > "\uffff" for letter in text)
