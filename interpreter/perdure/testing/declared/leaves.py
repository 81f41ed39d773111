"""The single values of a file of tests that definitions do not have: spans, moments, matchers, names of steps.

What a definition may leave to an expression is written out here; only `matrix` is filled in, before this check.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any, Final

from perdure.definition import leaves as plain
from perdure.definition.grammar import Fault, Leaf, called
from perdure.definition.leaves import COUNT, DURATION, TEXT, TIME, ZONE, is_template
from perdure.testing.matching import matcher_faults
from perdure.values import JSON, parse_duration, parse_time


def _literal(leaf: Leaf) -> Leaf:
    """The same leaf without expressions."""

    def check(value: JSON) -> Iterable[Fault]:
        if is_template(value):
            hint = "expressions are filled in only in a case with a `matrix`"
            return (Fault("WF210", "must be written out, without {{ }}", hint),)
        return leaf.check(value)

    return Leaf(leaf.name, check, leaf.schema)


def filled_in(leaf: Leaf) -> Leaf:
    """The same leaf, for whose value an editor also takes an expression over the `matrix`."""
    return Leaf(leaf.name, leaf.check, {"if": {"type": "string", "pattern": r"\{\{"}, "else": leaf.schema})


def word(name: str, *words: str) -> Leaf:
    """One of a few words."""
    return filled_in(plain.word(name, *words))


def _matcher(value: JSON) -> Iterable[Fault]:
    return (Fault("WF230", problem, None, path) for path, problem in matcher_faults(value))


def _elapsed(value: JSON) -> Iterable[Fault]:
    if isinstance(value, dict):
        return _matcher(value)
    return SPAN.check(value)


def _moment(value: JSON) -> Iterable[Fault]:
    """A span after the start, or a point in time."""
    if value == 0 and not isinstance(value, bool):
        return ()
    if not isinstance(value, str):
        return (Fault("WF203", f"must be a duration or a time, not {called(value)}"),)
    for read in (parse_duration, lambda text: parse_time(text, UTC)):
        try:
            read(value)
        except (ValueError, OverflowError):
            continue
        return ()
    return (Fault("WF206", f"is no duration and no time: {value[:40]!r}", "write 2h30m or an ISO 8601 time"),)


def _times(value: JSON) -> Iterable[Fault]:
    if isinstance(value, dict):
        return _matcher(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return (Fault("WF212", f"must be a whole number from 0, or a matcher, not {str(value)[:20]}"),)
    return ()


SPAN: Final = _literal(DURATION)
START: Final = _literal(TIME)
PLACE: Final = _literal(ZONE)
NUMBER: Final = _literal(COUNT)
NAME: Final = Leaf("step_name", TEXT.check, TEXT.schema)
MATCH: Final = Leaf("match", _matcher, {"description": "a value, matched as a subset, or a matcher"})
_SPAN_SCHEMA: Final[dict[str, Any]] = {"type": ["string", "integer", "object"]}
ELAPSED: Final = Leaf("elapsed", _elapsed, {**_SPAN_SCHEMA, "description": "a duration, or a matcher of one"})
MOMENT: Final = Leaf(
    "moment", _moment, {"type": ["string", "integer"], "description": "a span after the start, or a time"}
)
TIMES: Final = filled_in(
    Leaf("times", _times, {"type": ["integer", "object"], "description": "a number, or a matcher of one"})
)
SWITCH: Final = filled_in(plain.SWITCH)
DOTTED: Final = filled_in(plain.DOTTED)
SIGNAL: Final = filled_in(plain.SIGNAL)
ERROR_TYPE: Final = filled_in(plain.ERROR_TYPE)
