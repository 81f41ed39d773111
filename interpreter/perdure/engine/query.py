"""The language of `Engine.runs` and `--query`: which runs are meant, as a text, becomes a condition stores understand.

    workflow = 'order' and (status in (failed, cancelled) or labels.customer = 'ann') and started > -1d

`parse` is the door; what does not read is refused with its place. Knows the columns of a run, and no store.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from difflib import get_close_matches
from typing import Final, NoReturn

from perdure.core.lifecycle import TRANSITIONS
from perdure.errors import InvalidQuery
from perdure.stores.conditions import OPERATORS, Compare, Condition, Every, Label, Not, Some
from perdure.values import parse_duration, parse_time

COLUMNS: Final = {
    "id": "id",
    "workflow": "workflow",
    "version": "version",
    "digest": "digest",
    "status": "status",
    "parent": "parent",
    "started": "created_at",
    "closed": "closed_at",
}
"""What can be asked for, and the column it is; besides, there is `labels.NAME`."""
TIMES: Final = ("created_at", "closed_at")
UNORDERED: Final = ("status", "digest")
WORDS: Final = ("and", "or", "not", "in", "null")
LABELS: Final = "labels."
LONGEST: Final = 10_000
"""Characters of a query."""
MOST: Final = 200
"""Comparisons of a query, each value of an `in` counted."""
DEEPEST: Final = 16
"""Brackets and `not` inside each other; SQLite's parser gives up at some thirty."""
EARLIEST: Final = -(1 << 62)
"""Before every time there is."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_TOKEN: Final = re.compile(
    r"""(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")|(?P<sign>!=|<=|>=|[=<>(),])|(?P<bare>[^\s'"(),=!<>]+)"""
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a query: `kind` is text, sign, bare or end; `value` is what a text stands for, or the piece itself."""

    kind: str
    value: str
    at: int

    @property
    def word(self) -> str:
        """The keyword it is; empty for everything else."""
        word = self.value.lower()
        return word if self.kind == "bare" and word in WORDS else ""

    def is_sign(self, *signs: str) -> bool:
        return self.kind == "sign" and self.value in signs


def parse(query: str, now: int) -> Condition | None:
    """The condition a query stands for; None where it is empty. Times such as -1d count from `now`.

    Raises InvalidQuery with the place of what does not read.
    """
    if not isinstance(query, str):
        raise InvalidQuery(f"a query is a text, not {query!r}")
    if len(query) > LONGEST:
        raise InvalidQuery(f"the query has more than {LONGEST:,} characters")
    half = _SURROGATE.search(query)
    if half is not None:
        _refuse(query, half.start(), "half a surrogate pair is no text")
    tokens = _tokens(query)
    if len(tokens) == 1:
        return None
    return _Parser(query, tokens, now).whole()


def _tokens(query: str) -> list[Token]:
    tokens, at = [], 0
    while at < len(query):
        if query[at].isspace():
            at += 1
            continue
        found = _TOKEN.match(query, at)
        if found is None:
            quote = query[at] in "'\""
            _refuse(query, at, "this text has no end" if quote else f"{query[at]} means nothing here", _hint(query[at]))
        kind, value = str(found.lastgroup), found[0]
        tokens.append(Token(kind, value[1:-1].replace(value[0] * 2, value[0]) if kind == "text" else value, at))
        at = found.end()
    return [*tokens, Token("end", "", len(query))]


def _hint(sign: str) -> str:
    return "write != for unequal" if sign == "!" else ""


def _refuse(query: str, at: int, problem: str, hint: str = "") -> NoReturn:
    """Say what is wrong, and show where."""
    first = max(0, at - 60)
    shown = "".join(sign if sign.isprintable() else " " for sign in query[first : at + 40])
    told = f"the query does not read, at character {at + 1}: {problem}" + (f"; {hint}" if hint else "")
    raise InvalidQuery(f"{told}\n  {shown}\n  {' ' * (at - first)}^", offset=at, hint=hint or None)


class _Parser:
    """Reads one query by recursive descent, a method for each rule of the language."""

    def __init__(self, query: str, tokens: list[Token], now: int) -> None:
        self._query = query
        self._tokens = tokens
        self._now = now
        self._next = 0
        self._depth = 0
        self._comparisons = 0

    def whole(self) -> Condition:
        condition = self._some()
        if self._token.kind != "end":
            self._fail(self._token, f"{self._shown(self._token)} comes unexpectedly", "join comparisons by and, or")
        return condition

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._token
        self._next += token.kind != "end"
        return token

    def _some(self) -> Condition:
        return self._joined("or", self._every, Some)

    def _every(self) -> Condition:
        return self._joined("and", self._one, Every)

    def _joined(
        self, word: str, part: Callable[[], Condition], join: Callable[[tuple[Condition, ...]], Condition]
    ) -> Condition:
        parts = [part()]
        while self._token.word == word:
            self._take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else join(tuple(parts))

    def _one(self) -> Condition:
        token = self._token
        negated = token.word == "not"
        if not negated and not token.is_sign("("):
            return self._comparison()
        self._take()
        self._depth += 1
        if self._depth > DEEPEST:
            self._fail(token, f"brackets and not stand more than {DEEPEST} inside each other")
        if negated:
            condition: Condition = Not(self._one())
        else:
            condition = self._some()
            self._expect(")", f"the bracket of character {token.at + 1} is not closed")
        self._depth -= 1
        return condition

    def _comparison(self) -> Condition:
        name = self._take()
        column, label = self._column(name)
        operator = self._take()
        if operator.word == "not" and self._token.word == "in":
            self._take()
            return Not(self._among(column, label))
        if operator.word == "in":
            return self._among(column, label)
        if operator.kind != "sign" or operator.value not in OPERATORS:
            self._fail(operator, f"{name.value} is to be compared: {' '.join(OPERATORS)} or in (…)")
        if column in UNORDERED and operator.value not in ("=", "!="):
            self._fail(operator, f"{name.value} is compared by = and != or in (…)")
        return self._compare(column, label, operator, self._take())

    def _among(self, column: str, label: bool) -> Condition:
        self._expect("(", "in takes values in brackets", "such as in ('a', 'b')")
        equal = Token("sign", "=", self._token.at)
        parts = [self._compare(column, label, equal, self._take())]
        while self._token.is_sign(","):
            self._take()
            parts.append(self._compare(column, label, equal, self._take()))
        self._expect(")", "the values of in end with a bracket", "separate them by commas")
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _expect(self, sign: str, problem: str, hint: str = "") -> None:
        token = self._take()
        if not token.is_sign(sign):
            self._fail(token, problem, hint)

    # -- names and values

    def _column(self, name: Token) -> tuple[str, bool]:
        """The column that a name stands for, or the label's name and that it is one."""
        if name.kind != "bare" or name.word:
            self._fail(name, f"the name of what to compare is expected, not {self._shown(name)}", self._names())
        if name.value.startswith(LABELS):
            return self._label(name), True
        if name.value not in COLUMNS:
            near = get_close_matches(name.value.lower(), [*COLUMNS, "labels"], n=1)
            hint = "did you mean labels.NAME?" if near == ["labels"] else f"did you mean {near[0]}?" if near else ""
            self._fail(name, f"runs have no {name.value[:60]}", hint or self._names())
        return COLUMNS[name.value], False

    def _label(self, name: Token) -> str:
        label = name.value.removeprefix(LABELS)
        quoted = self._token
        if not label and quoted.kind == "text" and quoted.at == name.at + len(LABELS):
            return self._take().value
        if not label:
            self._fail(name, "labels. is followed by the label's name", "such as labels.customer or labels.'my label'")
        return label

    def _compare(self, column: str, label: bool, operator: Token, value: Token) -> Condition:
        self._comparisons += 1
        if self._comparisons > MOST:
            self._fail(value, f"a query has at most {MOST} comparisons")
        if value.kind not in ("text", "bare") or value.word not in ("", "null"):
            self._fail(value, f"a value is expected, not {self._shown(value)}")
        if value.word == "null":
            return self._missing(column, label, operator)
        if label:
            return Label(column, operator.value, self._text(value))
        if column in TIMES:
            return Compare(column, operator.value, self._time(value))
        text = self._text(value)
        if column == "status" and text not in TRANSITIONS:
            near = get_close_matches(text.lower(), TRANSITIONS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(TRANSITIONS)}"
            self._fail(value, f"runs are never {text[:60]}", hint)
        if column == "digest" and len(text) < 64:
            beginning = Every((Compare(column, ">=", text), Compare(column, "<", f"{text}~")))
            return beginning if operator.value == "=" else Not(beginning)
        return Compare(column, operator.value, text)

    def _missing(self, column: str, label: bool, operator: Token) -> Condition:
        """Whether a run has something at all."""
        if operator.value not in ("=", "!="):
            self._fail(operator, "null is compared by = and !=")
        lowest = EARLIEST if column in TIMES else ""
        there = Label(column, ">=", "") if label else Compare(column, ">=", lowest)
        return Not(there) if operator.value == "=" else there

    def _text(self, value: Token) -> str:
        if value.kind == "bare" and (value.value in COLUMNS or value.value.startswith(LABELS)):
            self._fail(value, f"a value is expected, not the name {value.value}", f"a text is '{value.value}'")
        return value.value

    def _time(self, value: Token) -> int:
        text = value.value
        try:
            if text.startswith("-"):
                return self._now - parse_duration(text[1:])
            return self._now if text == "now" else parse_time(text, UTC)
        except (ValueError, OverflowError):
            hint = "such as 2026-03-01, 2026-03-01T09:00:00Z or, before now, -1d"
            self._fail(value, f"{self._shown(value)} is no time", hint)

    def _names(self) -> str:
        return f"there are {', '.join(COLUMNS)}, labels.NAME"

    @staticmethod
    def _shown(token: Token) -> str:
        return (
            "the end" if token.kind == "end" else token.value[:60] if token.kind != "text" else f"'{token.value[:60]}'"
        )

    def _fail(self, token: Token, problem: str, hint: str = "") -> NoReturn:
        _refuse(self._query, token.at, problem, hint)
