"""What it takes to start a run: its input, id and labels checked, and its first messages.

Functions only; `Engine.start` calls them in their order and talks to the store.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import uuid4

from perdure.core import State
from perdure.core import labels as labels_of
from perdure.core.lifecycle import TRANSITIONS
from perdure.definition import Definition
from perdure.errors import ExpressionError, InvalidInput, PerdureError
from perdure.schemas import check_value
from perdure.stores.store import NewLetter
from perdure.values import JSON, check, decode, encode


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
            letters.append(NewLetter(run, kind, id, at, encode({kind: name, "data": data})))
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
        return uuid4().hex[:16]
    if not isinstance(id, str) or not id or len(id) > 200 or not id.isprintable():
        raise InvalidInput("a run id is a printable text of 1 to 200 characters")
    return id


def check_statuses(statuses: object) -> None:
    """Raise InvalidInput for what is not a list of statuses."""
    if statuses is None:
        return
    if isinstance(statuses, str) or not isinstance(statuses, Collection):
        raise InvalidInput(f"statuses are a list, such as ['running'], not {statuses!r}")
    for status in statuses:
        if status not in [*TRANSITIONS]:  # a list: what is asked for may have no hash
            raise InvalidInput(f"{status!r} is no status of a run; there are {', '.join(TRANSITIONS)}")


def own_labels(definition: Definition, state: State) -> dict[str, str]:
    """The labels that the definition gives the run. Raises InvalidInput."""
    try:
        return labels_of(definition.program, state)
    except ExpressionError as problem:
        raise InvalidInput(f"the labels cannot be made from this input: {problem}") from None


def texts(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels as they are kept."""
    return {str(name): str(value) for name, value in labels.items()}


def refuse_later(later: Mapping[str, Any]) -> None:
    """Arguments whose feature is still to come; unknown ones are a slip."""
    known = {"version", "delay", "at", "reuse", "conflict"}
    for name in later:
        if name in known:
            raise PerdureError(f"start({name}=…) is not supported yet")
        raise TypeError(f"start() got an unexpected argument {name!r}")
