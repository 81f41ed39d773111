"""How often an activity may be called: `rate="10/s"`, so many starts in any window of that length."""

from __future__ import annotations

import re
from typing import Final

from perdure.record import record
from perdure.values import format_duration, parse_duration

MOST: Final = 100_000
"""Starts in one window: each is remembered as long as the window lasts."""
ONE: Final = ("1ms", "1s", "1m", "1h", "1d")
"""Spans that are written without their number."""
_RATE: Final = re.compile(r"\s*([0-9]{1,9})\s*/\s*([0-9.]*)\s*(ms|s|m|h|d)\s*")


@record
class Rate:
    """At most `starts` in any `span` of microseconds."""

    starts: int
    span: int

    def __str__(self) -> str:
        """As it is written: `10/s`, `5/10s`."""
        span = format_duration(self.span)
        return f"{self.starts}/{span[1:] if span in ONE else span}"


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
