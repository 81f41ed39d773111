"""YAML text as a stream of parser events, and the parser's complaints in an author's words.

PyYAML's C parser where it is built in, its Python one elsewhere; neither recurses, whatever the depth.
Knows nothing of values: the reader builds them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import yaml
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from perdure.definition.folding import BREAK


class PythonParser(Reader, Scanner, Parser):
    """PyYAML's own parser without the composer and constructor that loaders put on top."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


FAST: Final[Callable[[str], Any]] = getattr(getattr(yaml, "cyaml", None), "CParser", PythonParser)
"""The parser in use; `yaml.cyaml` is absent where PyYAML was built without libyaml."""

# What may stand before a value that starts a line, a list item, a key's value or an item in [ ].
_BRACES: Final = re.compile(r"""(?:[^'"#]*?[-:,\[?]\s+|[^'"#]*\[|\s*)(\{\{)""")

_IS_FELT_LATER: Final = re.compile("found unexpected end of stream|could not find expected ':'")
"""Complaints whose reason stands where the parser began to look, not where it gave up."""

_LINE_OF_KEY: Final = re.compile(r"\s*(?:- +)*[\w.-]+\s*")
"""What stands before the colon of a key that begins a line."""

_QUOTE_INSIDE: Final = re.compile(r"""(["'])(?:(?!\1).)*\{\{(?:(?!\1|\}\}).)*\1\s*$""")
"""A text that ends within its {{ }}: the expression holds the quote that the text is in."""

_COMPLAINTS: Final = (
    (
        "mapping values are not allowed",
        "a colon makes a second key here",
        "put quotes around a text that holds ': '",
    ),
    ("found unexpected end of stream", "a quote is never closed", None),
    ("found character that cannot start", "a character that cannot start a value", "put the value in quotes"),
    ("found character '", "a character that cannot start a value", "put the value in quotes"),
    ("did not find expected key", "a key is expected here", "check the indentation, and quotes around texts"),
    ("expected <block end>", "this line does not fit the ones above it", "check the indentation"),
    ("did not find expected '-'", "a list item '- ' is expected here", "check the indentation"),
    (
        "could not find expected ':'",
        "a ':' is expected behind this key",
        "check for a missing colon or quote",
    ),
    ("did not find expected ',' or ']'", "a list in [ ] is not closed", "a ',' or ']' is missing"),
    ("did not find expected ',' or '}'", "a mapping in { } is not closed", "a ',' or '}' is missing"),
    ("expected ',' or ']'", "a list in [ ] is not closed", "a ',' or ']' is missing"),
    ("expected ',' or '}'", "a mapping in { } is not closed", "a ',' or '}' is missing"),
    ("undefined tag handle", "a tag with an unknown handle", "tags are refused; put the value in quotes"),
    (
        "while scanning an anchor",
        "an anchor or alias without a name",
        "put quotes around a text that starts with & or *",
    ),
    (
        "unknown escape character",
        "an unknown escape in double quotes",
        "write \\\\ for a backslash, or use single quotes",
    ),
    ("invalid Unicode character escape", "an escape of a character that does not exist", None),
)
"""What the parsers say (both of them), and what we say: message and hint."""


def stream(text: str) -> Callable[[], Any]:
    """A function that gives the next event at each call, or raises yaml.YAMLError."""
    parser = FAST(text)
    next_event: Callable[[], Any] = parser.get_event
    return next_event


def complaint(problem: yaml.YAMLError, text: str) -> tuple[str, str | None, int, int]:
    """Message, hint, 0-based line and column of what the parser could not read."""
    told = f"{getattr(problem, 'problem', None) or problem}"
    context = f"{getattr(problem, 'context', None) or ''}"
    mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
    message, hint = f"not YAML: {told.splitlines()[0][:60]}" if told else "not YAML", None
    for fragment, known, advice in _COMPLAINTS:
        if fragment in told or fragment in context:
            message, hint = known, advice
            break
    if _IS_FELT_LATER.match(told) and getattr(problem, "context_mark", None):
        mark = problem.context_mark  # type: ignore[attr-defined]
    if mark is None:
        return message, hint, 0, 0
    if text[mark.index : mark.index + 1] == "\t" and "character" in message:
        message, hint = "a tab cannot be used to indent", "use spaces"
    lines = BREAK.split(text)
    if mark.line >= len(lines):  # libyaml puts the end of a text on a line of its own
        return message, hint, len(lines) - 1, len(lines[-1])
    message, hint = _reason(told, lines[mark.line][: min(mark.column, 2000)]) or (message, hint)
    return message, hint, mark.line, mark.column


def _reason(told: str, before: str) -> tuple[str, str] | None:
    """What an author most likely did, by what stands in the line before the place of a complaint."""
    if told.startswith("mapping values") and _LINE_OF_KEY.fullmatch(before):
        return "this line is indented deeper than the one above it allows", "indent it like the keys beside it"
    inside = _QUOTE_INSIDE.search(before)
    if inside is None:
        return None
    quote, other = inside[1], "'" if inside[1] == '"' else '"'
    return f"the {quote} before this is inside {{{{ }}}}, but ends the text", f"write {other} inside the expression"


def open_braces(text: str, line: int) -> int | None:
    """The column of a value in a 0-based line that starts with `{{` outside quotes, if there is one."""
    found = _BRACES.match(BREAK.split(text)[line][:2000])
    return None if found is None else found.start(1)
