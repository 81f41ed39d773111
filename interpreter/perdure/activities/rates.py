"""How often an activity may be called: `rate="10/s"`, so many starts in any window of that length."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from perdure.values import parse_duration

MOST: Final = 100_000
"""Starts in one window: each is remembered as long as the window lasts."""
_RATE: Final = re.compile(r"\s*([0-9]{1,9})\s*/\s*([0-9.]*)\s*(ms|s|m|h|d)\s*")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `starts` in any `span` of microseconds."""

    starts: int
    span: int


def parse_rate(text: object) -> Rate:
    """A rate such as `10/s`, `100/m` or `5/10s`. Raises ValueError."""
    found = _RATE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f'a rate is written "10/s", "100/m" or "5/10s", not {text!r}')
    starts = int(found[1])
    span = parse_duration(f"{found[2] or 1}{found[3]}")
    if not 1 <= starts <= MOST:
        raise ValueError(f"a rate allows 1 to {MOST:,} starts, not {starts:,}")
    if span < 1:
        raise ValueError(f"the rate {text!r} has no span")
    return Rate(starts, span)
