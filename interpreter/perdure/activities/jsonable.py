"""What an activity hands over becomes JSON: checked, of bounded size, and the caller's own copy.

Plain JSON takes the short way; models, dataclasses, times, enumerations and sets are converted by pydantic's
compiled serialiser. Knows nothing of activities or their annotations.
"""

from __future__ import annotations

import inspect
import math
from typing import Final

from perdure.values import JSON, check, decode, encode

WIDEST_CHARACTER: Final = 6
"""Bytes that one character of a text takes in JSON at most (`\\u0000`)."""


def as_json(value: object, limit: int) -> JSON:
    """A copy of the value as JSON of at most `limit` bytes; ValueError where it is none or larger."""
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int or kind is float or (kind is str and len(value) * WIDEST_CHARACTER <= limit):  # type: ignore[arg-type]
        return check(value)
    text = encode(_checked(value))
    if len(text) > limit:
        raise ValueError(f"the value takes {len(text)} bytes as JSON; {limit} are allowed")
    return decode(text)


def refuse_generator(value: object) -> None:
    """ValueError for a generator: it may have no end."""
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        raise ValueError("the value is a generator, which JSON cannot hold; return a list")


def refuse_not_finite(value: object) -> None:
    """ValueError where NaN or an infinity is in nested containers."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, float) and not math.isfinite(one):
            raise ValueError(f"the value holds {one}, which JSON cannot hold")
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list | tuple | set | frozenset):
            waiting.extend(one)


def isolated(value: JSON) -> JSON:
    """A copy of a JSON value whose lists and mappings may be changed without anyone else noticing."""
    return decode(encode(value)) if isinstance(value, list | dict) else value


def clipped(text: str, limit: int) -> str:
    """The text without halves of surrogate pairs, cut after `limit` characters."""
    sound = text.encode("utf-8", "replace").decode("utf-8")
    return sound if len(sound) <= limit else sound[: limit - 1] + "…"


def as_json_or_text(value: object, limit: int) -> JSON:
    """The value as JSON, what JSON cannot hold as its text; never fails."""
    from pydantic_core import to_jsonable_python

    try:
        return as_json(to_jsonable_python(value, by_alias=True, fallback=shown), limit)
    except Exception:
        return clipped(shown(value), min(limit, 4096))


def shown(value: object) -> str:
    """`str(value)`, also of objects whose `__str__` fails."""
    try:
        return str(value)
    except Exception as problem:
        return f"<{type(value).__name__} whose text cannot be had: {type(problem).__name__}>"


def _checked(value: object) -> JSON:
    if type(value) is str:
        return check(value)
    try:
        return check(value)
    except ValueError:
        return check(_converted(value))


def _converted(value: object) -> object:
    from pydantic_core import to_jsonable_python

    refuse_generator(value)
    try:
        return to_jsonable_python(value, by_alias=True)
    except ValueError:
        raise
    except Exception as problem:
        raise ValueError(f"{type(problem).__name__} while turning the value into JSON: {shown(problem)}") from None
