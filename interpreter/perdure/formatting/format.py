"""One document from text to text; what would not be the same document afterwards is refused, and a reason given.

The proof is the reader's: both texts are read, and their trees compared.
"""

from __future__ import annotations

from typing import Final

import yaml

from perdure.definition.folding import BREAK
from perdure.definition.reader import read
from perdure.definition.source import Source
from perdure.errors import PerdureError
from perdure.formatting.layout import BLANK, Collection, Entry, Layout, Value
from perdure.formatting.order import arrange, is_step
from perdure.formatting.parse import DEEPEST, TooDeepError, parse
from perdure.formatting.write import write
from perdure.values import JSON

_ODD_BREAKS: Final = "\x85\u2028\u2029"


class UnformattableError(PerdureError):
    """The file cannot be formatted."""


def formatted(source: Source) -> str:
    """The text of a file that was read without errors, formatted; UnformattableError where that cannot be done safely.

    Lines end as the first one does. A byte order mark is not kept.
    """
    text = source.text
    if any(sign in text for sign in _ODD_BREAKS):
        raise UnformattableError(f"{source.file}: a line ends with U+0085, U+2028 or U+2029; write it as an escape")
    layout = _parsed(source.file, text)
    told = sorted(_comments(layout))
    arrange(layout)
    found = write(layout)
    _compare(source, told, found)
    first = BREAK.search(text)
    return found if first is None or first[0] == "\n" else found.replace("\n", first[0])


def _parsed(file: str, text: str) -> Layout:
    try:
        return parse(text)
    except TooDeepError:
        raise UnformattableError(f"{file}: values are nested more than {DEEPEST} deep") from None
    except yaml.YAMLError:
        raise UnformattableError(f"{file}: it is JSON that is no YAML") from None


def _compare(source: Source, told: list[str], found: str) -> None:
    """Whether the new text says the same with the same comments."""
    again = read(found, file=source.file)
    errors = [diagnostic for diagnostic in again.diagnostics if diagnostic.severity == "error"]
    if errors:
        raise UnformattableError(f"{source.file}: it would be refused afterwards: {errors[0].message}")
    if not is_same(source.value, again.value) or sorted(_comments(_parsed(source.file, found))) != told:
        raise UnformattableError(f"{source.file}: it would not be the same afterwards; it was left as it is")


def is_same(first: JSON, second: JSON) -> bool:
    """Whether two values are equal, of one type, with their keys in the same order; that of a step's keys is free."""
    waiting: list[tuple[JSON, JSON]] = [(first, second)]
    while waiting:
        one, other = waiting.pop()
        if type(one) is not type(other):
            return False
        if isinstance(one, dict) and isinstance(other, dict):
            if list(one) != list(other) and not (one.keys() == other.keys() and is_step(one)):
                return False
            waiting.extend((one[key], other[key]) for key in one)
        elif isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            waiting.extend(zip(one, other, strict=True))
        elif one != other:
            return False
    return True


def _comments(layout: Layout) -> list[str]:
    """Every comment of a document."""
    found = [line for line in layout.preface if line]
    waiting: list[Entry] = [layout.root]
    while waiting:
        entry = waiting.pop()
        found += [line for line in entry.above if line != BLANK]
        found += [comment.text for comment in entry.beside]
        value: Value = entry.value
        if isinstance(value, Collection):
            found += [line for line in value.foot if line != BLANK]
            waiting.extend(value.entries)
    return found
