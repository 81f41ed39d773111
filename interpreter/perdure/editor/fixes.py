"""What an author can do about a problem with one choice: take the word that was meant, or have it ignored.

Goes by the diagnostics that were told; what cannot be mended by such a change offers nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from perdure.definition.diagnostics import Diagnostic
from perdure.definition.lint import may_be_silenced
from perdure.definition.rules import RULES
from perdure.editor.analysis import Analysis
from perdure.editor.answers import Edit, Fix
from perdure.editor.text import Text

WIDEST: Final = 120
"""Columns up to which a comment goes behind what stands in its line, instead of above it."""

_MEANT: Final = re.compile(r'did you mean "([^"…]+)"\?')
_INSTEAD: Final = re.compile(r"write (steps\[[\"'][^\"']+[\"']\]|[a-z]+\(\))")
_IGNORED: Final = re.compile(r"#[ \t]*perdure:[ \t]*ignore\[([^\]]*)\]")
REASON: Final = "say why"


def fixes(path: Path, text: Text, found: Sequence[Diagnostic]) -> list[Fix]:
    """The changes that may help against problems of a file, those that mend something first."""
    offered = [fix for one in found for fix in (*_mended(path, text, one), *_removed(path, text, one))]
    offered += [fix for one in found for fix in _silenced(path, text, one)]
    return list({(fix.title, fix.edits[0].start): fix for fix in offered}.values())


def _mended(path: Path, text: Text, problem: Diagnostic) -> Iterator[Fix]:
    """The word that the hint offers, in place of the one that is wrong."""
    hint = problem.hint or ""
    meant = _MEANT.search(hint) or _INSTEAD.search(hint)
    if meant is None:
        return
    start, end = text.stretch(problem.place)
    written = text.body[start:end]
    if "\n" in written or not written:
        return
    if written[0] in "\"'" and written[-1] == written[0] and len(written) > 1:
        start, end, written = start + 1, end - 1, written[1:-1]
    word = meant[1]
    around = text.body[max(0, text.line_around(start)[0]) : start]
    if '"' in word and '"' in around:
        word = word.replace('"', "'")
    if word != written:
        yield Fix(f"Change to {word}", [Edit(path, start, end, word)], problem.code, prefers=True)


def _removed(path: Path, text: Text, problem: Diagnostic) -> Iterator[Fix]:
    """Takes away a comment that ignores nothing."""
    if problem.code != "WF901":
        return
    start, end = text.stretch(problem.place)
    first, last = text.line_around(start)
    comment = next(
        (one for one in _IGNORED.finditer(text.body, first, last) if one.start() <= start <= one.end()), None
    )
    if comment is None:
        return
    words = [word for word in re.split(r"[\s,]+", comment[1].strip()) if word and word != text.body[start:end]]
    if words:
        yield Fix("Remove the code", [Edit(path, *comment.span(1), ", ".join(words))], problem.code, prefers=True)
        return
    begin = first + len(text.body[first : comment.start()].rstrip())
    alone = begin == first
    following = next((row for row in text.rows if row > last), len(text.body))
    yield Fix("Remove the comment", [Edit(path, begin, following if alone else last, "")], problem.code, prefers=True)


def _silenced(path: Path, text: Text, problem: Diagnostic) -> Iterator[Fix]:
    """A comment that ignores the problem here, whose reason is still to be written."""
    if not may_be_silenced(RULES[problem.code]) or problem.code == "WF901" or path.suffix == ".json":
        return
    start, end = text.line_around(text.stretch(problem.place)[0])
    scalars = Analysis(path, text.body).source.marks.scalars()
    if any(first < start < last or first < end < last for first, last in scalars):
        return  # the line is part of a longer text, where no comment can stand
    title = f"Ignore {problem.code} here"
    line = text.body[start:end]
    there = _IGNORED.search(line)
    if there is not None:
        at = start + there.end(1)
        yield Fix(title, [Edit(path, at, at, f"{', ' if there[1].strip() else ''}{problem.code}")], problem.code)
        return
    comment = f"# perdure: ignore[{problem.code}] {REASON}"
    if "#" not in line and len(line) + len(comment) + 2 <= WIDEST:
        yield Fix(title, [Edit(path, end, end, f"  {comment}")], problem.code)
        return
    indent = line[: len(line) - len(line.lstrip())]
    yield Fix(title, [Edit(path, start, start, f"{indent}{comment}\n")], problem.code)
