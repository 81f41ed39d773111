"""The values that travel through workflows: JSON, durations, points in time, digests.

Durations and times are whole microseconds (`int`), times since the Unix epoch in UTC: a file keeps
them exactly and two processes compare them without rounding. Knows nothing of workflows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

JSON = Any
"""null, boolean, integer, finite float, text, list of JSON or mapping from text to JSON."""

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY
LONGEST: Final = 36_525 * DAY
"""A hundred years: a longer duration is refused as a slip of the pen."""

DEEPEST: Final = 100
"""Containers inside containers a value may have."""

WIDEST: Final = 4_096
"""Bits an integer may have: far beyond any real number, far below what slows arithmetic down."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_UNITS: Final = {
    "us": 1, "ms": 1_000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK,
}  # fmt: skip
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s|m|h|d|w)")
_ISO: Final = re.compile(
    r"P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)
_ISO_UNITS: Final = (WEEK, DAY, HOUR, MINUTE, SECOND)


def encode(value: JSON) -> bytes:
    """JSON text of a value that `check` accepts; integers are exact."""
    return _to_json(value)


def decode(text: bytes | str) -> JSON:
    """The value of a JSON text; NaN and infinities are refused with ValueError."""
    return _from_json(text, allow_inf_nan=False)


def canonical(value: JSON) -> bytes:
    """JSON text that is equal for equal values, whatever the order of keys."""
    return _to_json(_sorted(value))


def digest(value: JSON) -> str:
    """Sixty-four hexadecimal digits (SHA-256) that name a value by its content."""
    from hashlib import sha256

    return sha256(canonical(value)).hexdigest()


def check(value: object) -> JSON:
    """The value itself, or ValueError saying where it is not JSON: a foreign type, NaN, a key that is no text."""
    _check(value, "", 0)
    return value


def parse_duration(text: object) -> int:
    """Microseconds of `90s`, `1h30m`, `300ms`, `0.3s`, `3d` or ISO 8601 (`PT0.3S`, `P1DT2H`).

    Raises ValueError: negative, longer than a hundred years, months or years (their length varies),
    or a bare number (its unit would be a guess; only 0 needs none).
    """
    if text == 0 and not isinstance(text, bool):
        return 0
    if not isinstance(text, str):
        raise ValueError(f"a duration is a text such as 90s or 1h30m, not {text!r}")
    source = text.strip()
    if source.startswith("-"):
        raise ValueError(f"a duration cannot be negative: {source}")
    total = _iso_duration(source) if source[:1] in "Pp" and source else _short_duration(source)
    if total > LONGEST:
        raise ValueError(f"a duration is at most a hundred years: {source}")
    return total


def format_duration(span: int) -> str:
    """The short form, largest unit first: `1h30m`, `250ms`, `0s`."""
    if span == 0:
        return "0s"
    parts = []
    for unit in ("d", "h", "m", "s", "ms", "us"):
        count, span = divmod(span, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def parse_time(text: object, zone: tzinfo | None = None) -> int:
    """Microseconds since the epoch of an ISO 8601 time with offset; without one it is read in `zone`.

    Raises ValueError. In a clock fold the first of the two moments counts; a moment inside a gap is moved
    forward by the gap (PEP 495).
    """
    if not isinstance(text, str):
        raise ValueError(f"a time is an ISO 8601 text such as 2026-03-01T09:00:00+01:00, not {text!r}")
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"not an ISO 8601 time: {text}") from None
    if moment.tzinfo is None:
        if zone is None:
            raise ValueError(f"the time has no offset, and no timezone is given: {text}")
        moment = moment.replace(tzinfo=zone)
    return to_microseconds(moment)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since the epoch of an aware datetime, exactly."""
    since = moment.astimezone(UTC) - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def to_datetime(at: int, zone: tzinfo = UTC) -> datetime:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone)


def format_time(at: int) -> str:
    """ISO 8601 in UTC with a `Z`; fractions only where there are any."""
    return to_datetime(at).isoformat().replace("+00:00", "Z")


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _first_to_json(value: JSON) -> bytes:
    _import_json()
    return _to_json(value)


def _first_from_json(text: bytes | str, *, allow_inf_nan: bool) -> JSON:
    _import_json()
    return _from_json(text, allow_inf_nan=allow_inf_nan)


def _import_json() -> None:
    """Puts pydantic-core in its place at the first use: its import takes 13 ms, and much of what checks a definition
    has no JSON to read or write."""
    global _to_json, _from_json
    from pydantic_core import from_json, to_json

    _to_json, _from_json = to_json, from_json


_to_json: Callable[[JSON], bytes] = _first_to_json
_from_json: Callable[..., JSON] = _first_from_json


def _iso_duration(source: str) -> int:
    match = _ISO.fullmatch(source.upper())
    if match is None or not any(match.groups()):
        raise ValueError(f"not a duration: {source} (ISO 8601 with weeks, days, hours, minutes, seconds)")
    return sum(_scaled(number, unit) for number, unit in zip(match.groups(), _ISO_UNITS, strict=True) if number)


def _short_duration(source: str) -> int:
    position, total, last = 0, 0, math.inf
    while position < len(source):
        match = _PART.match(source, position)
        if match is None or _UNITS[match[2]] >= last:
            break
        last = _UNITS[match[2]]
        total += _scaled(match[1], _UNITS[match[2]])
        position = match.end()
    if not source or position < len(source):
        raise ValueError(f"not a duration: {source!r} (write 90s, 5m, 1h30m, 3d or ISO 8601)")
    return total


def _scaled(number: str, unit: int) -> int:
    if len(number) > 20:
        raise ValueError(f"a duration is at most a hundred years: {number[:20]}…")
    return round(float(number) * unit) if "." in number else int(number) * unit


def _sorted(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    return value


def _check(value: object, place: str, depth: int) -> None:
    if value is None or value is True or value is False:
        return
    kind = type(value)
    if kind is str:
        if not value.isascii() and _SURROGATE.search(value):  # type: ignore[attr-defined, call-overload]
            raise ValueError(f"{place or 'the value'} holds half a surrogate pair, which is no text")
        return
    if kind is int:
        if value.bit_length() > WIDEST:  # type: ignore[attr-defined]
            raise ValueError(f"{place or 'the value'} is an integer of more than {WIDEST} bits")
        return
    if kind is float:
        if not math.isfinite(value):  # type: ignore[arg-type]
            raise ValueError(f"{place or 'the value'} is {value}, which JSON cannot hold")
        return
    if depth >= DEEPEST:
        raise ValueError(f"{place or 'the value'} is nested more than {DEEPEST} deep")
    if kind is list:
        for index, item in enumerate(value):  # type: ignore[arg-type, var-annotated]
            _check(item, f"{place}[{index}]", depth + 1)
        return
    if kind is dict:
        for key, item in value.items():  # type: ignore[attr-defined]
            if type(key) is not str:
                raise ValueError(f"{place or 'the value'} has the key {key!r}, which is no text")
            _check(item, f"{place}.{key}" if place else key, depth + 1)
        return
    raise ValueError(f"{place or 'the value'} is of the Python type {kind.__name__}, which JSON cannot hold")
