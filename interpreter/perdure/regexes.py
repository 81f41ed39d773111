"""Regular expressions of JSON Schemas, whose authors and whose texts nobody vouches for.

They are matched in time that grows with the text and not faster (the Rust engine inside of pydantic-core). What that
costs is bounded before, by the size of the expression and of the text: a bound that is the same on every machine.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

LONGEST: Final = 1_000
"""Characters of an expression."""
MOST_WORK: Final = 20_000_000
"""Places of an expression times characters of a text; measured, the worst such pair takes about a second."""

_TOKEN: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d+(?:,\d*)?\}|.", re.DOTALL)
"""An escape, a class, a counted repetition, or any one character."""
_TWICE: Final = 2
"""What a repetition without an upper bound costs."""


class BadRegex(ValueError):
    """An expression that cannot be used, or not on a text as long as this one."""


def find(pattern: str, text: str) -> bool:
    """Whether the expression is found somewhere in the text; `^` and `$` tie it to the ends. Raises BadRegex."""
    from pydantic_core import ValidationError

    matcher, places = _compiled(pattern)
    if places * len(text) > MOST_WORK:
        raise BadRegex(f"a text of {len(text):,} characters is too long for the pattern {_shown(pattern)}")
    try:
        matcher.validate_python(text)
    except ValidationError:
        return False
    return True


def check_regex(pattern: str) -> None:
    """Raises BadRegex, which says what is wrong with an expression."""
    _compiled(pattern)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> tuple[SchemaValidator, int]:
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    if len(pattern) > LONGEST:
        raise BadRegex(f"a pattern has at most {LONGEST:,} characters")
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern)), _places(pattern)
    except SchemaError as problem:
        raise BadRegex(f"the pattern {_shown(pattern)}: {_reason(str(problem))}") from None


def _places(pattern: str) -> int:
    """How many places the expression has once its counted repetitions are written out: at least so many as the engine
    keeps track of at once."""
    groups: list[list[int]] = [[0]]
    for token in _TOKEN.findall(pattern):
        places = groups[-1]
        if token == "(":
            groups.append([0])
        elif token == ")" and len(groups) > 1:
            whole = sum(groups.pop())
            groups[-1].append(whole)
        elif token.startswith("{") and token.endswith("}"):
            least, comma, most = token[1:-1].partition(",")
            places[-1] *= max(1, int(most or least) + (_TWICE if comma and not most else 0))
        elif token in ("*", "+"):
            places[-1] *= _TWICE
        else:
            places.append(1)
    return max(1, sum(map(sum, groups)))


def _reason(told: str) -> str:
    """The engine's own reason: the last of its lines."""
    return told.strip().splitlines()[-1].strip().removeprefix("error: ").removeprefix("SchemaError: ")


def _shown(pattern: str) -> str:
    return repr(pattern if len(pattern) <= 60 else pattern[:59] + "…")
