"""What the checks have found so far, and how they say it: at a path, at an exact token, with the nearest word.

Looking for the nearest word is the one slow thing about a wrong definition, so the hints have a budget.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from perdure.definition.diagnostics import Diagnostic, Place, Related, nearest, quoted, report
from perdure.definition.models import Path
from perdure.definition.rules import Severity
from perdure.definition.source import Source

MOST_COMPARISONS: Final = 100_000
"""Characters of words times candidates compared for hints in one check: half a second at most, and more hints than
anybody reads."""


class Findings:
    """The diagnostics of one check. `file` is always a name in the bundle."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.sources = sources
        self.found: list[Diagnostic] = []
        self._comparisons = MOST_COMPARISONS

    def add(
        self,
        code: str,
        message: str,
        file: str,
        path: Path,
        hint: str | None = None,
        *,
        key: bool = False,
        severity: Severity | None = None,
        related: Iterable[Related] = (),
    ) -> None:
        """A problem of the value at a path, or of its key."""
        source = self.sources[file]
        self.found.append(source.report(code, message, path, hint, key=key, severity=severity, related=related))

    def add_inside(
        self,
        code: str,
        message: str,
        file: str,
        path: Path,
        span: tuple[int, int],
        hint: str | None = None,
        *,
        severity: Severity | None = None,
    ) -> None:
        """A problem of some characters of a text value."""
        place = self.sources[file].inside_place(path, *span)
        self.found.append(report(code, message, place, hint, severity=severity))

    def place(self, file: str, path: Path, *, key: bool = False) -> Place:
        """Where a value stands, or its key."""
        source = self.sources[file]
        return source.key_place(path) if key else source.place(path)

    def nearest(self, word: str, candidates: Collection[str], most: int | None = None) -> str | None:
        """The candidate that was most probably meant, `most` edits away; none once the budget is spent."""
        self._comparisons -= len(candidates) * len(word)
        return None if self._comparisons < 0 else nearest(word, candidates, most)

    def suggestion(self, word: str, candidates: Collection[str]) -> str | None:
        """The hint that offers the nearest of the candidates, if one is near."""
        return suggested(self.nearest(word, candidates))


def suggested(word: str | None) -> str | None:
    """The hint that offers a word."""
    return None if word is None else f"did you mean {quoted(word)}?"
