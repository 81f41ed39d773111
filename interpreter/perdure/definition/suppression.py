"""Comments that silence diagnostics: `# perdure: ignore[WF503] reason`, on the line or on the line above.

Warnings and advice can be silenced, and errors about activities (another machine may have them); any
other error would leave a definition that cannot run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from perdure.definition.diagnostics import Diagnostic, Place, in_order, quoted, report
from perdure.definition.folding import BREAK
from perdure.definition.source import Source

_COMMENT: Final = re.compile(r"(?:(?<=\s)|(?<![^\n\r]))#[ \t]*perdure:[ \t]*ignore\[([^\]\n\r]{0,500})\]")
_SEPARATOR: Final = re.compile(r"[\s,]+")


@dataclass(frozen=True, slots=True)
class Suppression:
    """One code or name in an ignore comment; `lines` are those it holds for."""

    word: str
    lines: tuple[int, ...]
    place: Place


def suppressions(source: Source) -> list[Suppression]:
    """The ignore comments of a document, one entry for each code; text inside scalars is no comment."""
    found: list[Suppression] = []
    hits = list(_COMMENT.finditer(source.text))
    if not hits:
        return found
    covered = source.marks.scalars()
    for hit in hits:
        if any(first <= hit.start() < last for first, last in covered):
            continue
        breaks = [end.end() for end in BREAK.finditer(source.text, 0, hit.start())]
        line, start = source.above + len(breaks) + 1, breaks[-1] if breaks else 0
        lines = _lines(source, line, source.text[start : hit.start()])
        for word in filter(None, _SEPARATOR.split(hit[1])):
            column = hit.start(1) + hit[1].index(word) - start + 1
            found.append(Suppression(word, lines, Place(source.file, line, column, line, column + len(word))))
    return found


def suppress(source: Source, diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics that remain, with a WF901 for each suppression that silenced nothing; in order.

    Takes all diagnostics of the document at once: a suppression is unused when none of them needs it.
    """
    remaining = list(diagnostics)
    unused: list[Diagnostic] = []
    for entry in suppressions(source):
        meant = [found for found in remaining if _is_meant(entry, found, source.file)]
        silenced = [found for found in meant if _may_be_silenced(found)]
        if not silenced:
            why = "is an error, which cannot be ignored" if meant else "has nothing to ignore here"
            unused.append(report("WF901", f"{quoted(entry.word)} {why}", entry.place, "remove the comment"))
        remaining = [found for found in remaining if found not in silenced]
    return in_order([*remaining, *unused])


def _is_meant(entry: Suppression, found: Diagnostic, file: str) -> bool:
    return (
        entry.word in (found.code, found.name)
        and found.place.file == file
        and found.place.line in entry.lines
    )


def _may_be_silenced(found: Diagnostic) -> bool:
    return found.severity != "error" or found.code.startswith("WF6")


def _lines(source: Source, line: int, before: str) -> tuple[int, ...]:
    """The comment's own line; for a comment alone on its line, the next line that is not a comment too."""
    if before.strip():
        return (line,)
    lines = source.lines
    for number in range(line, len(lines)):
        content = lines[number].strip()
        if content and not content.startswith("#"):
            return (number + 1,)
    return (line,)
