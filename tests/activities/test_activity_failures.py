"""Whatever an activity raises becomes one structured error, or a cancellation."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest

from perdure.activities import ActivityError, ActivityFailure, activity
from perdure.values import check

Make = Callable[..., Any]


class DeclinedError(Exception):
    pass


class RudeError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def raising(error: BaseException | type[BaseException], threaded: bool) -> Any:
    if threaded:

        @activity("raise")
        def plain() -> None:
            raise error

        return plain

    @activity("raise")
    async def coroutine() -> None:
        raise error

    return coroutine


async def failure(registry: Make, attempt: Make, error: Any, threaded: bool) -> ActivityFailure:
    with pytest.raises(ActivityFailure) as failed:
        await registry(raising(error, threaded)).call("raise", {}, attempt())
    check(failed.value.error)
    return failed.value


both = pytest.mark.parametrize("threaded", [False, True])


@both
@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("bad"), "ValueError", "bad"),
        (KeyError("k"), "KeyError", "'k'"),
        (DeclinedError("no"), f"{__name__}.DeclinedError", "no"),
        (TimeoutError(), "TimeoutError", ""),
        (SystemExit(3), "SystemExit", "3"),
        (RecursionError("deep"), "RecursionError", "deep"),
        (MemoryError(), "MemoryError", ""),
        (ExceptionGroup("all", [ValueError("one")]), "ExceptionGroup", "all (1 sub-exception)"),
        (BaseExceptionGroup("all", [SystemExit()]), "BaseExceptionGroup", "all (1 sub-exception)"),
        (asyncio.CancelledError(), "asyncio.exceptions.CancelledError", ""),
        (StopAsyncIteration("x"), None, None),
        (StopIteration("x"), None, None),
        (RudeError(), f"{__name__}.RudeError", "<RudeError whose text cannot be had: RuntimeError>"),
        (ValueError("half \ud800"), "ValueError", "half ?"),
    ],
)
async def test_any_exception_is_activity_failed_and_may_be_retried(
    registry: Make, attempt: Make, error: Any, kind: str | None, message: str | None, threaded: bool
) -> None:
    found = await failure(registry, attempt, error, threaded)
    assert found.retryable is True
    if kind is None:  # Python itself turns these into RuntimeError inside coroutines
        assert found.error["type"] == "ActivityFailed"
        return
    assert found.error == {
        "type": "ActivityFailed",
        "message": message or kind,
        "details": None,
        "cause": {"type": kind, "message": message},
    }


@both
async def test_the_raised_exception_and_its_traceback_stay_at_hand(
    registry: Make, attempt: Make, threaded: bool
) -> None:
    error = ValueError("bad")
    found = await failure(registry, attempt, error, threaded)
    assert found.__cause__ is error
    assert error.__traceback__ is not None


@both
async def test_an_activity_error_chooses_type_details_and_retry(registry: Make, attempt: Make, threaded: bool) -> None:
    error = ActivityError("payments.Declined", "no funds", {"left": 3}, retryable=False)
    found = await failure(registry, attempt, error, threaded)
    assert found.retryable is False
    assert found.error == {
        "type": "payments.Declined", "message": "no funds", "details": {"left": 3}, "cause": None,
    }  # fmt: skip


async def test_what_an_activity_error_was_raised_from_is_its_cause(registry: Make, attempt: Make) -> None:
    @activity("charge")
    async def charge() -> None:
        try:
            raise DeclinedError("code 51")
        except DeclinedError as declined:
            raise ActivityError("payments.Declined") from declined

    with pytest.raises(ActivityFailure) as failed:
        await registry(charge).call("charge", {}, attempt())
    assert failed.value.retryable is True
    assert failed.value.error == {
        "type": "payments.Declined",
        "message": "payments.Declined",
        "details": None,
        "cause": {"type": f"{__name__}.DeclinedError", "message": "code 51"},
    }


@pytest.mark.parametrize(
    ("details", "kept"),
    [
        ({1, }, [1]),
        (ValueError("x"), "x"),
        ({"o": RudeError()}, {"o": "<RudeError whose text cannot be had: RuntimeError>"}),
        (float("nan"), "nan"),
        (b"\xff", "b'\\xff'"),
    ],
)  # fmt: skip
async def test_details_that_are_not_json_become_text(registry: Make, attempt: Make, details: Any, kept: Any) -> None:
    found = await failure(registry, attempt, ActivityError("x", details=details), False)
    assert found.error["details"] == kept


@both
async def test_long_texts_are_cut(registry: Make, attempt: Make, threaded: bool) -> None:
    found = await failure(registry, attempt, ValueError("é" * 100_000), threaded)
    assert found.error["message"] == "é" * 4095 + "…"
    assert found.error["cause"]["message"] == "é" * 4095 + "…"
    huge = await failure(registry, attempt, ActivityError("t" * 999, "m", ["d" * 99] * 9999), threaded)
    assert (len(huge.error["type"]), len(huge.error["details"])) == (200, 4096)


async def test_odd_arguments_of_an_activity_error_do_no_harm(registry: Make, attempt: Make) -> None:
    odd: Any = ActivityError(DeclinedError, RudeError(), retryable="yes")  # type: ignore[arg-type]
    found = await failure(registry, attempt, odd, False)
    assert (found.error["type"], found.retryable) == (f"<class '{__name__}.DeclinedError'>", True)
    nameless: Any = ActivityError("")
    assert (await failure(registry, attempt, nameless, False)).error["type"] == "ActivityFailed"


@both
async def test_endless_recursion_fails_the_attempt_only(registry: Make, attempt: Make, threaded: bool) -> None:
    def deeper(level: int) -> int:
        return deeper(level + 1) + 1

    if threaded:

        @activity("raise")
        def plain() -> int:
            return deeper(0)
    else:

        @activity("raise")
        async def coroutine() -> int:
            return deeper(0)

    before = sys.getrecursionlimit()
    with pytest.raises(ActivityFailure) as failed:
        await registry(plain if threaded else coroutine).call("raise", {}, attempt())
    assert failed.value.error["cause"]["type"] == "RecursionError"
    assert sys.getrecursionlimit() == before


@both
async def test_an_interrupt_from_the_keyboard_goes_through(registry: Make, attempt: Make, threaded: bool) -> None:
    with pytest.raises(KeyboardInterrupt):
        await registry(raising(KeyboardInterrupt(), threaded)).call("raise", {}, attempt())


async def test_a_failure_of_a_nested_call_is_passed_on_as_it_is(registry: Make, attempt: Make) -> None:
    inner = registry(raising(ActivityError("inner.Error", "deep", retryable=False), False))

    @activity("outer")
    async def outer() -> Any:
        return await inner.call("raise", {}, attempt(address="inner"))

    with pytest.raises(ActivityFailure) as failed:
        await registry(outer).call("outer", {}, attempt())
    assert (failed.value.error["type"], failed.value.retryable) == ("inner.Error", False)
