"""Comments that silence diagnostics: `# perdure: ignore[WF503] reason`, on the line or on the line above.

Warnings and advice can be silenced, and errors about activities (another machine may have them); any
other error would leave a definition that cannot run.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final

from perdure.definition.diagnostics import Diagnostic, Place, in_order, quoted, report
from perdure.definition.folding import BREAK
from perdure.definition.rules import RULES
from perdure.definition.source import Source
from perdure.record import record

_COMMENT: Final = re.compile(r"(?:(?<=\s)|(?<![^\n\r]))#[ \t]*perdure:[ \t]*ignore\[([^\]\n\r]{0,500})\]")
_WORD: Final = re.compile(r"[^\s,]+")


_EXPLORED: Final = ("WF415", "WF416", "WF417", "WF418", "WF419")
BESIDE: Final = frozenset(
    word for code in ("WF421", "WF801", "WF802", "WF803", "WF904", *_EXPLORED) for word in (code, RULES[code].name)
)
"""Rules that look beside the definition, only where `validate` is asked to, and those of `explore`: a comment for them
is never unused."""


@record
class Suppression:
    """One code or name in an ignore comment; `lines` are those it holds for."""

    word: str
    lines: tuple[int, ...]
    place: Place


def suppressions(source: Source) -> list[Suppression]:
    """The ignore comments of a document, one entry for each code; text inside scalars is no comment."""
    if "perdure:" not in source.text:  # as in most: looking for the comment takes far longer
        return []
    hits = list(_COMMENT.finditer(source.text))
    if not hits:
        return []
    starts = [0, *(found.end() for found in BREAK.finditer(source.text))]
    covered = sorted(source.marks.scalars())
    following = _following(source.lines)
    found: list[Suppression] = []
    for hit in hits:
        if _is_inside(hit.start(), covered):
            continue
        row = bisect_right(starts, hit.start()) - 1
        line = source.above + row + 1
        alone = not source.text[starts[row] : hit.start()].strip()
        lines = (line, following[line]) if alone else (line,)
        for word in _WORD.finditer(source.text, hit.start(1), hit.end(1)):
            column = word.start() - starts[row] + 1
            place = Place(source.file, line, column, line, column + len(word[0]))
            found.append(Suppression(word[0], lines, place))
    return found


def suppress(source: Source, diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics that remain, with a WF901 for each suppression that silenced nothing; in order.

    Takes all diagnostics of the document at once: a suppression is unused when none of them needs it.
    """
    given = list(diagnostics)
    silenced = set()
    for entry, meant in _meant(source, given):
        fitting = [id(diagnostic) for diagnostic in meant if _may_be_silenced(diagnostic)]
        silenced.update(fitting)
        if not fitting and entry.word not in BESIDE:
            why = "is an error, which cannot be ignored" if meant else "has nothing to ignore here"
            given.append(report("WF901", f"{quoted(entry.word)} {why}", entry.place, "remove the comment"))
    return in_order(diagnostic for diagnostic in given if id(diagnostic) not in silenced)


def silence(source: Source, diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """What remains of findings that were made beside a definition, such as those of rules in `BESIDE`."""
    given = list(diagnostics)
    silenced = {id(diagnostic) for _, meant in _meant(source, given) for diagnostic in meant}
    return [diagnostic for diagnostic in given if id(diagnostic) not in silenced]


def _meant(source: Source, given: Iterable[Diagnostic]) -> Iterator[tuple[Suppression, list[Diagnostic]]]:
    """Each ignore comment with the diagnostics it speaks of."""
    by_line: dict[int, list[Diagnostic]] = {}
    for diagnostic in given:
        if diagnostic.place.file == source.file:
            by_line.setdefault(diagnostic.place.line, []).append(diagnostic)
    for entry in suppressions(source):
        yield (
            entry,
            [
                diagnostic
                for line in entry.lines
                for diagnostic in by_line.get(line, ())
                if entry.word in (diagnostic.code, diagnostic.name)
            ],
        )


def _may_be_silenced(found: Diagnostic) -> bool:
    return found.severity != "error" or found.code.startswith("WF6")


def _is_inside(index: int, covered: list[tuple[int, int]]) -> bool:
    """Whether an index lies in one of the stretches, which are in order and do not overlap."""
    at = bisect_right(covered, (index, index)) - 1
    return at >= 0 and covered[at][0] < index < covered[at][1]


def _following(lines: list[str]) -> list[int]:
    """For each line number, the next line behind it that is neither empty nor only a comment, else itself."""
    found = list(range(len(lines) + 1))
    following = 0
    for number in range(len(lines), 0, -1):
        found[number] = following or number
        content = lines[number - 1].lstrip()
        if content and not content.startswith("#"):
            following = number
    return found
