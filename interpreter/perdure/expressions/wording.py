"""How refusals read: short, lower case, naming what there is and what may have been meant.

Does not know the syntax; everything that refuses something words it here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Final

from perdure.errors import ExpressionError
from perdure.values import JSON

LONGEST_MESSAGE: Final = 80
_SHOWN: Final = 200
"""Names looked at for a suggestion: enough for people, little enough for a mapping of a million keys."""

_KINDS: Final[dict[type, str]] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a mapping",
}
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


def refusal(message: str, *, offset: int | None = None, hint: str | None = None) -> ExpressionError:
    """The error to raise, its message cut to one line of 80 characters."""
    line = " ".join(message.split())
    if len(line) > LONGEST_MESSAGE:
        line = line[: LONGEST_MESSAGE - 1] + "…"
    return ExpressionError(line, offset=offset, hint=hint)


def kind(value: JSON) -> str:
    """What a value is, with its article: `a text`, `null`."""
    found = _KINDS.get(type(value))
    if found is not None:
        return found
    for base, name in ((Mapping, "a mapping"), (str, "a text"), (list, "a list")):
        if isinstance(value, base):
            return name
    return f"a {type(value).__name__}"


def listing(names: Iterable[object]) -> str:
    """The first few names, separated by commas; `nothing` when there are none."""
    shown = [clipped(str(name)) for name in islice(names, 9)]
    return ", ".join(shown[:8]) + (", …" if len(shown) > 8 else "") if shown else "nothing"


def clipped(text: str) -> str:
    """The text itself, or its beginning when it is long."""
    return text if len(text) <= 40 else text[:39] + "…"


def suggestion(word: str, words: Iterable[object]) -> str | None:
    """`did you mean "price"?`, when one of the words is near."""
    candidates = [name for name in islice(words, _SHOWN) if isinstance(name, str) and len(name) <= 64]
    near = get_close_matches(word[:64], candidates, n=1)
    return f'did you mean "{near[0]}"?' if near else None


def spelled(root: str, keys: Iterable[str | int]) -> str:
    """A path as an author writes it: `steps.flight.legs[0]`."""
    return root + "".join(
        f".{key}" if isinstance(key, str) and _PLAIN_KEY.fullmatch(key) else f"[{_quoted(key)}]" for key in keys
    )


def _quoted(key: str | int) -> str:
    return f'"{clipped(key)}"' if isinstance(key, str) else str(key)
