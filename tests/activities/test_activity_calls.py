"""Arguments in, result out: what is checked, converted, copied and refused."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import wraps
from typing import Annotated, Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from perdure.activities import ActivityFailure, Context, Registry, activity
from perdure.activities.jsonable import as_json, as_json_or_text

Make = Callable[..., Any]


class Colour(enum.Enum):
    RED = "red"


class Seat(BaseModel):
    row: int
    letter: str = Field(alias="on", default="A")


@dataclasses.dataclass
class Flight:
    code: str
    day: date


@activity("typed")
async def typed(flight: Flight, seats: list[Seat], price: Decimal, at: datetime, colour: Colour | None = None) -> Any:
    return {"flight": flight, "seats": seats, "price": price, "at": at, "colour": colour, "tuple": (1, {2})}


@activity("counted")
async def counted(count: Annotated[int, Field(gt=0)], **extra: float) -> dict[str, float]:
    return {"count": count, **extra}


@activity("echo")
async def echo(value: Any = "default") -> Any:
    return value


async def test_arguments_and_results_are_converted_by_their_annotations(registry: Make, attempt: Make) -> None:
    arguments = {
        "flight": {"code": "LH1", "day": "2026-05-01"}, "seats": [{"row": 3, "on": "F"}], "price": "12.50",
        "at": "2026-05-01T10:00:00Z", "colour": "red",
    }  # fmt: skip
    assert await registry(typed).call("typed", arguments, attempt()) == {
        "flight": {"code": "LH1", "day": "2026-05-01"},
        "seats": [{"row": 3, "on": "F"}],
        "price": "12.50",
        "at": "2026-05-01T10:00:00Z",
        "colour": "red",
        "tuple": [1, [2]],
    }


async def test_arguments_that_do_not_fit_are_listed_and_not_retried(registry: Make, attempt: Make) -> None:
    with pytest.raises(ActivityFailure) as failed:
        await registry(typed).call("typed", {"flight": {"code": "x"}, "seats": 3, "more": 1}, attempt())
    assert failed.value.retryable is False
    assert failed.value.error["type"] == "InvalidInput"
    assert failed.value.error["details"] == [
        "flight.day: Field required",
        "seats: Input should be a valid list",
        "price: this argument is required",
        "at: this argument is required",
        "more: there is no such parameter",
    ]


async def test_constraints_and_open_keywords_are_kept(registry: Make, attempt: Make) -> None:
    made = registry(counted)
    assert await made.call("counted", {"count": 1, "a": 2}, attempt()) == {"count": 1.0, "a": 2.0}
    for arguments in ({"count": 0}, {"count": 1, "a": "x"}, {}):
        with pytest.raises(ActivityFailure) as failed:
            await made.call("counted", arguments, attempt())
        assert failed.value.error["type"] == "InvalidInput"


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, "many"),
        (str, 1),
        (list[int], [1, "x"]),
        (Seat, {"on": "A"}),
        (None, 1),
        (bool, "perhaps"),
        (dict, [1]),
    ],
)
async def test_a_result_that_does_not_fit_is_invalid_output(
    registry: Make, attempt: Make, annotation: Any, value: Any
) -> None:
    async def give() -> Any:
        return value

    give.__annotations__["return"] = annotation
    with pytest.raises(ActivityFailure) as failed:
        await registry(activity("give")(give)).call("give", {}, attempt())
    assert (failed.value.error["type"], failed.value.retryable) == ("InvalidOutput", False)


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "value",
    [
        float("nan"), [float("inf")], Rude(), {"a": object()}, (x for x in "ab"), b"\xff", "\ud800",
        ["\udfff"], 1 << 5000, {1: object()}, lambda: None, [[[float("nan")]]],
    ],
)  # fmt: skip
@pytest.mark.parametrize("annotated", [False, True])
async def test_a_result_that_is_not_json_is_invalid_output(
    registry: Make, attempt: Make, value: Any, annotated: bool
) -> None:
    async def give() -> Any:
        return value

    give.__annotations__["return"] = list[Any] if annotated else Any
    with pytest.raises(ActivityFailure) as failed:
        await registry(activity("give")(give)).call("give", {}, attempt())
    assert (failed.value.error["type"], failed.value.retryable) == ("InvalidOutput", False)


async def test_a_result_that_contains_itself_is_invalid_output(registry: Make, attempt: Make) -> None:
    @activity("loop")
    async def loop() -> Any:
        value: list[Any] = []
        value.append(value)
        return value

    with pytest.raises(ActivityFailure) as failed:
        await registry(loop).call("loop", {}, attempt())
    assert failed.value.error["type"] == "InvalidOutput"


@pytest.mark.parametrize("value", ["é" * 60, ["x" * 120], {"k": list(range(60))}, "\x00" * 20])
async def test_a_result_beyond_the_limit_is_invalid_output(registry: Make, attempt: Make, value: Any) -> None:
    made = registry(echo, largest_result=100)
    with pytest.raises(ActivityFailure, match="100 are allowed"):
        await made.call("echo", {"value": value}, attempt())
    assert await made.call("echo", {"value": "x" * 98}, attempt()) == "x" * 98


async def test_what_an_activity_changes_is_its_own_copy(registry: Make, attempt: Make) -> None:
    kept: list[Any] = []

    @activity("greedy")
    async def greedy(items: list, more: Any) -> Any:  # type: ignore[type-arg]
        items.append("mine")
        more["x"].append("mine")
        kept.append("first")
        return kept

    made = registry(greedy)
    arguments = {"items": [1], "more": {"x": [2]}}
    first = await made.call("greedy", arguments, attempt())
    second = await made.call("greedy", arguments, attempt())
    assert arguments == {"items": [1], "more": {"x": [2]}}
    assert (first, second) == (["first"], ["first", "first"])


async def test_a_default_that_can_change_does_not_leak_between_calls(registry: Make, attempt: Make) -> None:
    @activity("collect")
    async def collect(item: int | str, into: list[Any] = []) -> Any:  # noqa: B006
        into.append(item)
        return into

    made = registry(collect)
    assert await made.call("collect", {"item": 1}, attempt()) == [1]
    assert await made.call("collect", {"item": 2}, attempt()) == [2]


async def test_parameter_names_that_pydantic_uses_itself_are_fine(registry: Make, attempt: Make) -> None:
    @activity("odd")
    async def odd(json: int, schema: str | None, copy: int = 1, model_config: int = 2, self: int = 3) -> Any:
        return [json, schema, copy, model_config, self]

    given_ = {"json": 1, "schema": "s", "self": 9, "model_config": 4}
    assert await registry(odd).call("odd", given_, attempt()) == [1, "s", 1, 4, 9]


async def test_an_alias_names_an_argument_that_python_cannot(registry: Make, attempt: Make) -> None:
    @activity("mail")
    async def mail(from_: Annotated[str, Field(alias="from")]) -> str:
        return from_

    made = registry(mail)
    assert await made.call("mail", {"from": "ana"}, attempt()) == "ana"
    assert made.describe("mail").arguments["required"] == ["from"]


async def test_a_plain_wrapper_of_a_coroutine_function_is_awaited(registry: Make, attempt: Make) -> None:
    def traced(function: Any) -> Any:
        @wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return inner

    @activity("wrapped")
    @traced
    async def wrapped(code: str) -> str:
        return code.upper()

    made = registry(wrapped)
    assert await made.call("wrapped", {"code": "lh"}, attempt()) == "LH"
    assert made.describe("wrapped").arguments["required"] == ["code"]


async def test_an_argument_that_is_no_json_is_invalid_input(registry: Make, attempt: Make) -> None:
    with pytest.raises(ActivityFailure) as failed:
        await registry(echo).call("echo", {"value": [object()]}, attempt())
    assert (failed.value.error["type"], failed.value.retryable) == ("InvalidInput", False)


async def test_an_unknown_activity_is_named_with_its_nearest(registry: Make, attempt: Make) -> None:
    with pytest.raises(ActivityFailure) as failed:
        await registry(typed).call("type", {}, attempt())
    assert failed.value.error == {
        "type": "UnknownActivity",
        "message": "no activity is called type; did you mean typed?",
        "details": None,
        "cause": None,
    }
    assert failed.value.retryable is False


async def test_annotations_without_a_validator_fail_the_call_and_the_description(registry: Make, attempt: Make) -> None:
    @activity("strange")
    async def strange(value: Rude) -> None: ...

    made = registry(strange)
    with pytest.raises(ActivityFailure) as failed:
        await made.call("strange", {"value": 1}, attempt())
    assert (failed.value.error["type"], failed.value.retryable) == ("ActivityFailed", False)
    with pytest.raises(Exception, match="annotations pydantic cannot check"):
        made.describe("strange")


def test_the_description_says_what_was_declared(registry: Make) -> None:
    @activity("flights.book", deprecated="use flights.reserve")
    async def book(code: str, seats: int = 1, *, note: str | None = None) -> Seat:
        """Book a flight.

        And a seat.
        """
        return Seat(row=seats)

    made: Registry = registry(book, builtin=False)
    arguments = {
        "type": "object",
        "properties": {
            "code": {"type": "string"},
            "seats": {"type": "integer", "default": 1},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        },
        "required": ["code"],
        "additionalProperties": False,
    }
    result = {
        "type": "object",
        "title": "Seat",
        "properties": {"row": {"type": "integer"}, "on": {"type": "string", "default": "A"}},
        "required": ["row"],
    }
    found = made.describe("flights.book")
    assert (found.summary, found.doc) == ("Book a flight.", "Book a flight.\n\nAnd a seat.")
    assert found.source == f"{__name__}:{book.__qualname__}"
    assert made.catalogue() == {
        "flights.book": {
            "arguments": arguments,
            "result": result,
            "summary": "Book a flight.",
            "deprecated": "use flights.reserve",
        }
    }
    assert "flights.book" in made
    assert "flights" not in made


def test_an_activity_without_annotations_takes_and_gives_anything(registry: Make) -> None:
    @activity("free")
    def free(a, b=object()):  # type: ignore[no-untyped-def]  # noqa: B008
        return a

    found = registry(free).describe("free")
    assert found.result == {}
    assert found.arguments == {
        "type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"], "additionalProperties": False,
    }  # fmt: skip


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON_VALUES)
def test_json_comes_through_unchanged_and_unshared(value: Any) -> None:
    copied = as_json(value, 1 << 20)
    assert repr(copied) == repr(value)
    assert copied is not value or not isinstance(value, list | dict)


@given(st.recursive(JSON_VALUES | st.binary() | st.dates() | st.sets(st.integers()), st.lists))
@settings(max_examples=50)
def test_anything_becomes_json_or_text(value: Any) -> None:
    found = as_json_or_text(value, 1 << 16)
    assert as_json(found, 1 << 16) == found


def test_texts_of_broken_objects_are_still_texts() -> None:
    assert as_json_or_text(Rude(), 100).startswith("<Rude whose text cannot be had")
    assert as_json_or_text({"id": UUID(int=1), "at": datetime(2026, 1, 1, tzinfo=UTC), "odd": {"k": Rude()}}, 999) == {
        "id": "00000000-0000-0000-0000-000000000001",
        "at": "2026-01-01T00:00:00Z",
        "odd": {"k": "<Rude whose text cannot be had: RuntimeError>"},
    }


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), JSON_VALUES))
@settings(max_examples=150)
async def test_the_short_way_and_pydantic_agree(arguments: dict[str, Any]) -> None:
    """Plain annotations skip pydantic where the type is exact; with pydantic the outcome must be the same."""

    @activity("short")
    async def short(a: str, b: dict = {}, c: float = 1.5) -> Any:  # type: ignore[type-arg]  # noqa: B006
        return [a, b, c]

    @activity("long")
    async def long(
        a: Annotated[str, Field()],
        b: Annotated[dict, Field()] = {},  # type: ignore[type-arg]  # noqa: B006
        c: Annotated[float, Field()] = 1.5,
    ) -> Any:
        return [a, b, c]

    made = Registry.load([short, long], entry_points=False, builtin=False)
    facts: Any = {"run_id": "r", "workflow": "w", "address": "a", "attempt": 1, "idempotency_key": "k"}
    outcomes = []
    for name in ("short", "long"):
        try:
            outcomes.append(repr(await made.call(name, arguments, Context(**facts))))
        except ActivityFailure as failure:
            outcomes.append(repr(failure.error["details"]))
    assert outcomes[0] == outcomes[1]
