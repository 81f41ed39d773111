"""What inference finds wrong in an expression, at the very characters.

Codes are those of the rules; `sure` says that evaluating the expression comes to the fault and fails.
"""

from __future__ import annotations

from perdure.definition.rules import Severity
from perdure.definition.types.lattice import Type
from perdure.expressions.access import Key
from perdure.record import record


@record
class Fault:
    """A problem of the last of the `keys` behind the `word` at an offset of the expression, or of the word itself.

    `before` when the word is the last of its like before the offset; `known` are the words that may have been meant.
    """

    code: str
    message: str
    severity: Severity | None
    offset: int
    word: str
    keys: tuple[Key, ...] = ()
    hint: str | None = None
    known: tuple[str, ...] = ()
    sure: bool = False
    before: bool = False


@record
class Seen:
    """The type of a path that an expression reads, for those who want to show it."""

    offset: int
    root: str
    keys: tuple[Key, ...]
    type: Type
