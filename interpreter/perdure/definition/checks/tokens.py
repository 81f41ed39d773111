"""Finding the characters of one key in the text of a path such as `steps.flight["price"][0]`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_KEY: Final = re.compile(r"\s*(?:\.\s*(\w+)|\[\s*(?:'([^']*)'|\"([^\"]*)\"|(-?\d+))\s*\])")


def span(text: str, start: int, root: str, keys: Sequence[str | int]) -> tuple[int, int]:
    """Where the last of the keys stands, or the root where there is none or it is written in another way."""
    end = start + len(root)
    whole = (start, end)
    for key in keys:
        found = _KEY.match(text, end)
        if found is None or found.lastindex is None or found[found.lastindex] != str(key):
            return whole
        end = found.end()
        whole = found.span(found.lastindex)
    return whole
