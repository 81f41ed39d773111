"""How a document can go on at an index: keys, values, and what stands inside expressions.

Sets a mark at the index, reads the text anyhow, and asks the table of the language, the scopes and the project what
fits there. `proposals` has what is known by name; expressions stand in `continuing`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from perdure.definition.grammar import ByType, Items, Key, Leaf, Record, Ref, Shape, Table, Tagged
from perdure.definition.marks import Path as Trail
from perdure.definition.marks import at
from perdure.definition.rules import RULES
from perdure.editor.analysis import Analysis
from perdure.editor.answers import Proposal
from perdure.editor.continuing import continued, is_bare
from perdure.editor.cursor import Typing, comment_before, typing_at
from perdure.editor.expressions import stretch_around
from perdure.editor.known import Offer, keys_known, values_known
from perdure.editor.shapes import keys_for, leaves, list_item, shape_at
from perdure.editor.surroundings import Surroundings
from perdure.editor.text import Text

MOST: Final = 1_000
"""Proposals in one answer."""

_IGNORE: Final = re.compile(r"#\s*perdure:\s*ignore\[(?P<given>[^\]]*?)(?P<word>[\w-]*)\Z")
_WORD_BEFORE: Final = re.compile(r"[^\s\"',{}\[\]]*\Z")
_WORD_BEHIND: Final = re.compile(r"[^\s\"',:{}\[\]]*")
_COLON: Final = re.compile(r"[\"']?\s*:")
_PLAIN: Final = re.compile(r"[A-Za-z_./@*][\w./@* -]*\Z")


def complete(path: Path, text: str, index: int, surroundings: Surroundings) -> list[Proposal]:
    """What could be written at an index, the most likely first; empty where nothing is known."""
    typing = typing_at(text, index, str(path))
    if typing is None:
        return _codes(text, index)
    analysis = Analysis(path, typing.source.text, surroundings, typing.source)
    found = sorted(_proposals(analysis, typing, text, index), key=lambda one: one.rank)
    unique = {(one.label, one.insert): one for one in reversed(found)}
    return list(reversed(unique.values()))[:MOST]


def _proposals(analysis: Analysis, typing: Typing, text: str, index: int) -> Iterator[Proposal]:
    if typing.role == "key":
        named = _COLON.match(text, typing.end) is not None
        yield from _keys(analysis, typing.path[:-1], "", text, index, colon=not named)
        return
    written = typing.before + typing.behind
    around = stretch_around(written, len(typing.before), bare=is_bare(analysis, typing.path))
    if around is not None:
        yield from continued(analysis, typing, typing.before[around[0] :], index)
        return
    if typing.alone and not typing.style:
        dash = _lacks_dash(typing)
        yield from _keys(analysis, typing.path, "- " if dash else "", text, index)
        item = list_item(analysis.language, shape_at(analysis.language, analysis.source.value, typing.path))
        if item is not None and typing.before + typing.behind == "":
            for name, key in keys_for(analysis.language, item, None).items():
                yield _key(name, key, "- ", index, index, colon=True)
    yield from _values(analysis, typing, text, index)


def _keys(
    analysis: Analysis, owner: Trail, dash: str, text: str, index: int, *, colon: bool = True
) -> Iterator[Proposal]:
    """The keys that the mapping at a path could have."""
    start, end = _word(text, index)
    value = at(analysis.source.value, owner)
    for offer in keys_known(analysis, owner, value):
        insert = offer.word + (": " if colon else "")
        yield Proposal(offer.word, dash + insert, start, end, offer.sort, offer.about, offer.detail, offer.rank)
    shape = shape_at(analysis.language, analysis.source.value, owner)
    for rank, (name, key) in enumerate(keys_for(analysis.language, shape, value).items(), 10):
        yield replace(_key(name, key, dash, start, end, colon=colon), rank=rank - 10 * key.required)


def _key(name: str, key: Key, dash: str, start: int, end: int, *, colon: bool) -> Proposal:
    insert = name + ((":" if _only_below(key.shape) else ": ") if colon else "")
    detail = "required" if key.required else ""
    return Proposal(f"{dash}{name}", dash + insert, start, end, "key", key.about, detail)


def _only_below(shape: Shape) -> bool:
    """Whether a value always begins in the next line."""
    match shape:
        case Items() | Table() | Record() | Tagged():
            return True
        case Ref():
            return True
        case ByType():
            return all(_only_below(one) for one in shape.shapes.values())
    return False


def _values(analysis: Analysis, typing: Typing, text: str, index: int) -> Iterator[Proposal]:
    start, end = _word(text, index)
    shape = shape_at(analysis.language, analysis.source.value, typing.path)
    for offer in (*values_known(analysis, typing.path), *_words(analysis, shape)):
        insert = offer.word if typing.style or _PLAIN.match(offer.word) or not offer.quoted else f'"{offer.word}"'
        yield Proposal(
            offer.word, insert, start, end, offer.sort, offer.about, offer.detail, offer.rank, offer.deprecated
        )


def _words(analysis: Analysis, shape: Shape | None) -> Iterator[Offer]:
    """The words that a single value can be."""
    for leaf in leaves(analysis.language, shape):
        yield from (Offer(word, "value", quoted=False) for word in _choices(leaf))


def _choices(leaf: Leaf) -> Iterator[str]:
    waiting = [leaf.schema]
    while waiting:
        schema = waiting.pop()
        yield from (str(one) for one in schema.get("enum", ()) if isinstance(one, str))
        if schema.get("type") == "boolean" or schema.get("const") is True:
            yield from ("true", "false") if "const" not in schema else ("true",)
        waiting.extend(schema[key] for key in ("then", "else") if isinstance(schema.get(key), dict))
    if leaf.name in ("zone", "place"):
        from zoneinfo import available_timezones

        yield from sorted(available_timezones())


def _word(text: str, index: int) -> tuple[int, int]:
    """The word around an index, which a proposal replaces."""
    before = _WORD_BEFORE.search(text[max(0, index - 200) : index])
    behind = _WORD_BEHIND.match(text, index)
    length = 0 if before is None else len(before[0])
    return index - length, index if behind is None else behind.end()


def _lacks_dash(typing: Typing) -> bool:
    """Whether an item of a list is begun without its dash."""
    if not typing.path or not isinstance(typing.path[-1], int):
        return False
    line = typing.source.text[typing.source.text.rfind("\n", 0, typing.start) + 1 : typing.start]
    return "-" not in line and typing.source.marks.spelling(typing.path[:-1])[:1] != "["


def _codes(text: str, index: int) -> list[Proposal]:
    """The codes of rules, inside a comment that ignores some."""
    start, _ = Text(text).line_around(index)
    comment = comment_before(text[start:index])
    found = None if comment is None else _IGNORE.search(comment)
    if found is None:
        return []
    begin = index - len(found["word"])
    return [
        Proposal(rule.code, rule.code, begin, index, "value", rule.summary, rule.name)
        for rule in RULES.values()
        if rule.severity != "error" or rule.code.startswith("WF6")
    ]
