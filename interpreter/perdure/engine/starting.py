"""What it takes to start a run: its input, id, labels and time checked, and its first messages.

Functions only; `Starter` calls them in their order and talks to the store.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from os import urandom
from typing import Final
from uuid import uuid4

from perdure.core import State
from perdure.core import labels as labels_of
from perdure.core.events import RunStarted
from perdure.core.ids import refuse_id
from perdure.definition import Definition
from perdure.errors import ExpressionError, InvalidInput
from perdure.schemas import check_value
from perdure.stores.store import NewLetter
from perdure.values import (
    JSON,
    LONGEST,
    SECOND,
    check,
    decode,
    digest,
    encode,
    format_duration,
    parse_duration,
    parse_time,
    to_microseconds,
)

REUSE: Final = ("attach", "allow", "allow_failed", "reject")
"""What a start does about a run that has its id and has ended."""
CONFLICT: Final = ("attach", "reject", "terminate")
"""What a start does about a run that has its id and has not."""


def first_letters(
    run: str, at: int, signal: tuple[str, JSON] | None, update: tuple[str, JSON] | None
) -> list[NewLetter]:
    """The messages a run is started with."""
    letters = []
    for kind, message in (("signal", signal), ("update", update)):
        if message is not None:
            if not isinstance(message, tuple | list) or len(message) != 2 or not _is_name(message[0]):
                raise InvalidInput(f"the {kind} a run is started with is a pair of name and data")
            name, data = message
            check_json(data, f"the {kind}'s data")
            id = f"~{uuid4().hex}" if kind == "signal" else uuid4().hex
            letters.append(NewLetter(run, kind, id, at, encode({kind: name, "data": data}), patient=True))
    return letters


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != ""


def check_json(value: JSON, what: str) -> None:
    """Raise InvalidInput, which says `what` it is, for a value that is not JSON."""
    try:
        check(value)
    except ValueError as problem:
        raise InvalidInput(f"{what} is not JSON: {problem}") from None


def checked_input(definition: Definition, input: JSON) -> JSON:
    """A copy of the input, which fits the definition. Raises InvalidInput."""
    value = {} if input is None else input
    check_json(value, "the input")
    if not isinstance(value, dict):
        raise InvalidInput("the input is a mapping from names to values")
    schema = definition.program.input_schema
    problems = [] if schema is None else check_value(schema, value)
    if problems:
        raise InvalidInput(f"the input does not fit: {'; '.join(problems)}", problems=problems)
    return decode(encode(value))  # the caller may go on changing its own


def checked_id(id: str | None) -> str:
    """The run's id, a new one where none is given. Raises InvalidInput."""
    if id is None:
        return urandom(8).hex()
    problem = refuse_id(id)
    if problem is not None:
        raise InvalidInput(problem)
    return id


def begins_at(delay: object, at: object, now: int) -> int | None:
    """When a run is to begin; None for at once. Raises InvalidInput."""
    if delay is not None and at is not None:
        raise InvalidInput("a run is started with a delay or at a time, not both")
    span = _span(delay) if at is None else _moment(at) - now
    if span > LONGEST:
        raise InvalidInput(f"a run begins within a hundred years, not after {format_duration(span)}")
    return now + span if span > 0 else None


def _span(delay: object) -> int:
    if delay is None:
        return 0
    try:
        return span_of(delay)
    except ValueError as problem:
        raise InvalidInput(f"the delay: {problem}") from None


def span_of(value: object) -> int:
    """Microseconds of a duration as Python programs give it: a text, seconds, or a timedelta. Raises ValueError."""
    if isinstance(value, timedelta):
        span = value // timedelta(microseconds=1)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise ValueError(f"a duration is not {value}")
        span = round(value * SECOND)
    else:
        return parse_duration(value)
    if span < 0:
        raise ValueError(f"a duration cannot be negative: {value}")
    return span


def _moment(at: object) -> int:
    if isinstance(at, datetime) and at.tzinfo is not None:
        return to_microseconds(at)
    if isinstance(at, datetime):
        raise InvalidInput(f"the time has no timezone: {at.isoformat()}")
    try:
        return parse_time(at)
    except (ValueError, OverflowError) as problem:
        raise InvalidInput(f"at: {problem}") from None


def check_policies(reuse: object, conflict: object) -> None:
    """Raise InvalidInput for what is none of the ways to deal with a run that has the id."""
    for name, given, known in (("reuse", reuse, REUSE), ("conflict", conflict, CONFLICT)):
        if given not in [*known]:  # a list: what is given may have no hash
            raise InvalidInput(f"{name} is {', '.join(known[:-1])} or {known[-1]}, not {given!r}")


def first_input(started: RunStarted) -> str:
    """The digest of the input that a run, or the first of those that went on as it, was started with."""
    return started.first_input or digest(started.input)


def own_labels(definition: Definition, state: State) -> dict[str, str]:
    """The labels that the definition gives the run. Raises InvalidInput."""
    try:
        return labels_of(definition.program, state)
    except ExpressionError as problem:
        raise InvalidInput(f"the labels cannot be made from this input: {problem}") from None


def texts(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels as they are kept."""
    return {str(name): str(value) for name, value in labels.items()}
