"""The functions an expression may call by name.

Those that differ from call to call ask the ambient world, which keeps its answers. Does not know clocks.
"""

from __future__ import annotations

import functools
from typing import Final

from perdure.expressions.builtin import Table, enter
from perdure.expressions.scope import Scope
from perdure.expressions.wording import clipped, kind, refusal
from perdure.values import JSON, SECOND, format_time, parse_duration

LONGEST_RANGE: Final = 10_000
LONGEST_SPAN: Final = 64
"""Characters of a text that is read as a duration or a time."""

FUNCTIONS: Final[Table] = {}
_function = functools.partial(enter, FUNCTIONS, given=1)


@_function(signature="now()", recorded=True, types="-> text")
def now(scope: Scope) -> JSON:
    """The current time as an ISO 8601 text in UTC."""
    return format_time(scope.ambient.now())


@_function(signature="today()", recorded=True, types="-> text")
def today(scope: Scope) -> JSON:
    """The current date in UTC as an ISO 8601 text."""
    return format_time(scope.ambient.now())[:10]


@_function(signature="uuid()", recorded=True, types="-> text")
def uuid(scope: Scope) -> JSON:
    """A new UUID as a text."""
    return scope.ambient.uuid()


@_function(signature="random()", recorded=True, types="-> number")
def random(scope: Scope) -> JSON:
    """A number of at least 0 and less than 1."""
    return scope.ambient.random()


@_function(
    "range", signature="range(stop) or range(start, stop, step=1)", types="integer, integer|null, integer -> [integer]"
)
def range_(scope: Scope, start: JSON, stop: JSON = None, step: JSON = 1) -> JSON:
    """The whole numbers from `start` (or 0) up to but without `stop`; at most 10,000."""
    if stop is None:
        start, stop = 0, start
    for bound in (start, stop, step):
        if type(bound) is not int:
            raise refusal(f"range needs whole numbers, not {kind(bound)}")
    if step == 0:
        raise refusal("the step of range cannot be 0")
    count = max(0, -((start - stop) // step))
    if count > LONGEST_RANGE:
        raise refusal(f"range gives at most {LONGEST_RANGE:,} numbers")
    scope.items(count)
    return list(range(start, stop, step))


@_function(types="text -> number")
def duration(scope: Scope, text: JSON) -> JSON:
    """The seconds of a duration such as `"1h30m"`, `"0.3s"` or `"P1DT2H"`."""
    if not isinstance(text, str):
        raise refusal(f'duration needs a text such as "1h30m", not {kind(text)}')
    try:
        return seconds(parse_duration(text[: LONGEST_SPAN + 1]))
    except ValueError as error:
        message = str(error) if len(str(error)) <= 80 else f'not a duration: "{clipped(text)}"'
        raise refusal(message, hint="write 90s, 5m, 1h30m, 3d or ISO 8601") from None


def seconds(microseconds: int) -> JSON:
    """Seconds, as a whole number where they are whole."""
    whole, rest = divmod(microseconds, SECOND)
    return whole if rest == 0 else microseconds / SECOND
