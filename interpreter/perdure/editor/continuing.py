"""How an expression can go on: fields of what is known, steps that have run before, filters, tests and functions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from perdure.definition.marks import Path
from perdure.editor.analysis import Analysis
from perdure.editor.answers import Proposal
from perdure.editor.cursor import Typing
from perdure.editor.expressions import begun
from perdure.editor.names import Scope
from perdure.editor.shapes import leaves, shape_at
from perdure.expressions import FILTERS, FUNCTIONS, TESTS

BARE: Final = frozenset(("condition", "expression", "collection"))
"""Values that are expressions without braces."""

_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*")
_WORD: Final = re.compile(r"\w*")
_IN_TEXT: Final = re.compile(r"[\w-]*")
_CONSTANTS: Final = ("true", "false", "none")


def is_bare(analysis: Analysis, path: Path) -> bool:
    """Whether the value at a path is an expression without braces."""
    shape = shape_at(analysis.language, analysis.source.value, path)
    return any(leaf.name in BARE for leaf in leaves(analysis.language, shape))


def continued(analysis: Analysis, typing: Typing, before: str, index: int) -> Iterator[Proposal]:
    """What could follow on the part of an expression that stands before the index."""
    start = begun(before)
    if start is None:
        return
    behind = (_IN_TEXT if start.sort == "subscript" else _WORD).match(typing.behind)
    end = index + (0 if behind is None else len(behind[0]))
    first = index - len(start.word)
    scope = Scope(analysis, typing.path)
    match start.sort:
        case "member" | "subscript":
            quote = "'" if typing.style == '"' else '"'
            for rank, (name, about) in enumerate(scope.members(start.root, start.keys).items()):
                sort = "step" if start.root == "steps" and not start.keys else "field"
                if start.sort == "subscript" or _IDENTIFIER.fullmatch(name):
                    yield Proposal(name, name, first, end, sort, about, rank=rank)  # type: ignore[arg-type]
                elif quote not in name:
                    insert = f"[{quote}{name}{quote}]"
                    yield Proposal(name, insert, index - start.cut, end, sort, about, rank=rank)  # type: ignore[arg-type]
        case "filter":
            for name, one in FILTERS.items():
                yield Proposal(name, name, first, end, "filter", one.summary, one.signature)
        case "test":
            for name, one in TESTS.items():
                if name.isidentifier():
                    yield Proposal(name, name, first, end, "filter", one.summary, one.signature)
        case "name":
            for rank, (name, about) in enumerate(scope.roots.items()):
                yield Proposal(name, name, first, end, "name", about, rank=rank)
            for name, builtin in FUNCTIONS.items():
                yield Proposal(name, f"{name}()", first, end, "function", builtin.summary, builtin.signature, 50)
            for name in _CONSTANTS:
                yield Proposal(name, name, first, end, "value", rank=60)
