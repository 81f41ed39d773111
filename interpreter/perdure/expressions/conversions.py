"""The filters on single values: texts, numbers, times, JSON.

Each pays the scope before it makes a text. Does not know the syntax tree; those on
lists stand in `sequences`.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import Final

from perdure.expressions import operators
from perdure.expressions.builtin import Table, enter
from perdure.expressions.functions import LONGEST_SPAN, seconds
from perdure.expressions.scope import MOST_ITEMS, Scope
from perdure.expressions.wording import clipped, kind, refusal
from perdure.values import JSON, SECOND, WIDEST, format_time, parse_time

CONVERSIONS: Final[Table] = {}
_filter = functools.partial(enter, CONVERSIONS, given=2)

MOST_DIGITS: Final = 15
DEEPEST_INDENT: Final = 8
_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_DECIMAL: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
ABSENT: Final = object()
"""Stands for an argument that was not given, since null is a value."""


@_filter(types="text -> text")
def upper(scope: Scope, value: JSON) -> JSON:
    """The text in capitals."""
    return _cased(scope, "upper", value, str.upper)


@_filter(types="text -> text")
def lower(scope: Scope, value: JSON) -> JSON:
    """The text in small letters."""
    return _cased(scope, "lower", value, str.lower)


@_filter(types="text, text|null -> text")
def trim(scope: Scope, value: JSON, characters: JSON = None) -> JSON:
    """The text without white space, or the given characters, at both ends."""
    text = demand_text("trim", value)
    scope.text(len(text) + (len(demand_text("trim", characters)) if characters is not None else 0))
    return text.strip(characters)


@_filter(types="text, text, text, integer|null -> text")
def replace(scope: Scope, value: JSON, old: JSON, new: JSON, count: JSON = None) -> JSON:
    """The text with each `old`, or the first `count` of them, replaced by `new`."""
    text, old, new = (demand_text("replace", part) for part in (value, old, new))
    if not old:
        raise refusal("replace needs a text to look for")
    if count is not None and (type(count) is not int or count < 0):
        raise refusal("the count of replace is a whole number of at least 0")
    scope.scan(len(text))
    found = text.count(old)
    times = found if count is None else min(found, count)
    scope.text(len(text) + times * (len(new) - len(old)))
    return text.replace(old, new, times)


@_filter(types="text, text|null -> [text]")
def split(scope: Scope, value: JSON, separator: JSON = None) -> JSON:
    """The parts of a text between separators, or between white space."""
    text = demand_text("split", value)
    if separator == "":
        raise refusal("the separator of split cannot be empty", hint="write | list for the characters of a text")
    scope.scan(len(text))
    parts = text.split(None if separator is None else demand_text("split", separator), MOST_ITEMS)
    scope.items(len(parts))
    return parts


@_filter(types="any -> text")
def string(scope: Scope, value: JSON) -> JSON:
    """The value as it reads in text: texts bare, everything else as JSON."""
    return operators.render(scope, value)


@_filter(types="any, integer|null -> text")
def tojson(scope: Scope, value: JSON, indent: JSON = None) -> JSON:
    """The value as JSON text."""
    if indent is not None and (type(indent) is not int or not 0 <= indent <= DEEPEST_INDENT):
        raise refusal(f"the indent of tojson is a whole number from 0 to {DEEPEST_INDENT}")
    return operators.dump(scope, value, indent)


@_filter("int", signature="int(default=…)", types="text|number|boolean, any -> integer")
def int_(scope: Scope, value: JSON, default: JSON = ABSENT) -> JSON:
    """The whole number in a text or number, its fraction cut off; the default where there is none."""
    if type(value) is int:
        return value
    if type(value) is float and math.isfinite(value):
        return int(value)
    if type(value) is bool:
        return int(value)
    if isinstance(value, str) and len(value) <= WIDEST // 3:
        text = value.strip()
        if _WHOLE.fullmatch(text):
            return operators.bounded(int(text))
        if _DECIMAL.fullmatch(text) and math.isfinite(float(text)):
            return int(float(text))
    return _fallback("a whole number", value, default)


@_filter("float", signature="float(default=…)", types="text|number|boolean, any -> number")
def float_(scope: Scope, value: JSON, default: JSON = ABSENT) -> JSON:
    """The number in a text or number, with a fraction; the default where there is none."""
    try:
        if type(value) in operators.NUMBERS or type(value) is bool:
            return operators.bounded(float(value))
        if isinstance(value, str) and len(value) <= WIDEST // 3 and _DECIMAL.fullmatch(value.strip()):
            return operators.bounded(float(value))
    except OverflowError:
        raise refusal("the result is too large for a number") from None
    return _fallback("a number", value, default)


@_filter("round", types="number, integer, text -> number")
def round_(scope: Scope, value: JSON, precision: JSON = 0, method: JSON = "common") -> JSON:
    """The number to so many digits; whole without any. `method` is common (half to even), ceil or floor."""
    if type(value) not in operators.NUMBERS:
        raise refusal(f"round needs a number, not {kind(value)}")
    if type(precision) is not int or abs(precision) > MOST_DIGITS:
        raise refusal(f"round takes from -{MOST_DIGITS} to {MOST_DIGITS} digits")
    if method not in ("common", "ceil", "floor"):
        raise refusal("the method of round is common, ceil or floor")
    if type(value) is int and precision >= 0:
        return value
    try:
        return operators.bounded(_rounded(value, precision, method))
    except (OverflowError, ValueError):
        raise refusal("the result is too large for a number") from None


@_filter("abs", types="number -> number")
def abs_(scope: Scope, value: JSON) -> JSON:
    """The number without its sign."""
    if type(value) not in operators.NUMBERS:
        raise refusal(f"abs needs a number, not {kind(value)}")
    return abs(value)


@_filter(types="text -> number")
def timestamp(scope: Scope, value: JSON) -> JSON:
    """The seconds since 1970 of an ISO 8601 time with offset; a date alone is its midnight in UTC."""
    text = demand_text("timestamp", value)[: LONGEST_SPAN + 1].strip()
    try:
        return seconds(parse_time(f"{text}T00:00:00Z" if len(text) == len("2026-03-01") else text))
    except (ValueError, OverflowError) as error:
        message = str(error) if str(error).startswith("the time has no offset") else "not an ISO 8601 time"
        raise refusal(f"{message.split(',')[0]}: {clipped(text)}", hint="write 2026-03-01T09:00:00+01:00") from None


@_filter(types="number -> text")
def isotime(scope: Scope, value: JSON) -> JSON:
    """The ISO 8601 text in UTC of seconds since 1970."""
    if type(value) not in operators.NUMBERS:
        raise refusal(f"isotime needs a number of seconds, not {kind(value)}")
    try:
        return format_time(round(value * SECOND))
    except (OverflowError, ValueError):
        raise refusal("the time lies outside the years 1 to 9999") from None


def demand_text(name: str, value: JSON) -> str:
    """The text, or a refusal that names the filter."""
    if isinstance(value, str):
        return value
    raise refusal(f"{name} needs a text, not {kind(value)}", hint="write | string to make a text")


def demand_list(scope: Scope, name: str, value: JSON) -> list[JSON]:
    """The list, paid for, or a refusal that names the filter."""
    if not isinstance(value, list):
        hint = "write | items, | keys or | values for a mapping" if kind(value) == "a mapping" else None
        raise refusal(f"{name} needs a list, not {kind(value)}", hint=hint)
    scope.items(len(value))
    return value


def _cased(scope: Scope, name: str, value: JSON, change: Callable[[str], str]) -> JSON:
    text = demand_text(name, value)
    scope.text(len(text))
    changed = change(text)
    scope.text(len(changed))  # a few letters have a longer other case
    return changed


def _rounded(value: JSON, precision: int, method: str) -> JSON:
    if method == "common":
        return round(value, precision) if precision else round(value)
    whole = math.ceil if method == "ceil" else math.floor
    if precision <= 0:
        unit = 10**-precision
        return whole(value / unit) * unit if type(value) is float else (value + _up(unit, method)) // unit * unit
    scaled: float = value * 10**precision
    return whole(scaled) / 10**precision if math.isfinite(scaled) else value


def _up(unit: int, method: str) -> int:
    return unit - 1 if method == "ceil" else 0


def _fallback(wanted: str, value: JSON, default: JSON) -> JSON:
    if default is not ABSENT:
        return default
    shown = f'"{clipped(value)}"' if isinstance(value, str) else kind(value)
    raise refusal(f"{shown} is not {wanted}", hint="give a default, as in | int(0)")
