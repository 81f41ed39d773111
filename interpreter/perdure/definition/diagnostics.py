"""A diagnostic: one problem of a definition, with its code, its place and what to do about it.

Made only through `report`, which takes name and severity from the rules. Knows neither YAML nor how a
diagnostic is shown in colour (see `render`) or silenced (see `suppression`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from perdure.definition.rules import RULES, Severity
from perdure.errors import InternalError

LONGEST_MESSAGE: Final = 200
"""Characters of a message; house style asks for 80, this only stops names of hostile length."""

_LINE_BREAKS: Final = re.compile(r"\s*[\r\n\x85\u2028\u2029]\s*")
_UNSHOWABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A stretch of a file; lines and columns count from 1, the end is the first position behind it."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that belongs to a problem, such as the first of two equal ids."""

    place: Place
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem at one place."""

    code: str
    name: str
    message: str
    place: Place
    severity: Severity = "error"
    hint: str | None = None
    related: tuple[Related, ...] = ()

    def __str__(self) -> str:
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.place}: {self.code} {self.name}: {self.message}{hint}"


def report(
    code: str,
    message: str,
    place: Place,
    hint: str | None = None,
    *,
    severity: Severity | None = None,
    related: Iterable[Related] = (),
) -> Diagnostic:
    """A diagnostic of a registered rule; InternalError for a code that no rule has."""
    rule = RULES.get(code)
    if rule is None:
        raise InternalError(f"no rule has the code {code}")
    return Diagnostic(
        code,
        rule.name,
        _plain(message, LONGEST_MESSAGE),
        place,
        severity or rule.severity,
        None if hint is None else _plain(hint, LONGEST_MESSAGE),
        tuple(related),
    )


def quoted(word: object, longest: int = 40) -> str:
    """A word of the author's in double quotes, shortened and without characters that disturb a terminal."""
    return f'"{_plain(str(word), longest)}"'


def nearest(word: str, candidates: Iterable[str], most: int | None = None) -> str | None:
    """The candidate that a mistyped word most probably means, if one is near enough: `most` edits away, or a third of
    its letters."""
    return None if not word or len(word) > 60 else _nearest(word, tuple(candidates), most or max(1, len(word) // 3))


@lru_cache(maxsize=2_048)
def _nearest(word: str, candidates: tuple[str, ...], most: int) -> str | None:
    """The same, remembered: one document is looked at several times, by its repair too."""
    folded: dict[str, str] = {}
    for candidate in candidates:
        folded.setdefault(_fold(candidate), candidate)
    best = min(((_distance(_fold(word), near), near) for near in folded), default=None)
    return folded[best[1]] if best is not None and best[0] <= most else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """The hint that offers the nearest candidate, or none."""
    near = nearest(word, candidates)
    return None if near is None else f"did you mean {quoted(near)}?"


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each problem once, by place; what several passes or aliases found twice counts once."""
    unique = {(found.code, found.place, found.message): found for found in diagnostics}
    return sorted(unique.values(), key=lambda found: (found.place, found.code, found.message))


def _fold(word: str) -> str:
    return word.lower().replace("-", "_")


def _plain(text: str, longest: int) -> str:
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    if text.isascii() and text.isprintable():  # as nearly all are
        return text
    text = _LINE_BREAKS.sub(" ", text)
    return _UNSHOWABLE.sub("�", text)


def _distance(one: str, other: str) -> int:
    """Edits between two words; swapping two neighbours is one edit (Damerau 1964, restricted form)."""
    if abs(len(one) - len(other)) > len(one) // 3 + 1:
        return len(one) + len(other)
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, right in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
