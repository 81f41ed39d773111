"""What `@activity` accepts, and what it refuses at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from perdure.activities import DeclarationError, Registry, activity


def test_a_decorated_function_stays_directly_callable() -> None:
    @activity("sums.double")
    def double(value: int) -> int:
        return value * 2

    assert double(4) == 8


def test_without_a_name_the_function_name_counts() -> None:
    @activity
    async def bare() -> None: ...

    @activity()
    async def called() -> None: ...

    assert Registry.load([bare, called], entry_points=False, builtin=False).names() == ["bare", "called"]


@pytest.mark.parametrize("name", ["", ".", "a..b", "a-b", "a b", "1a", "a.1", "flights.", "a\n"])
def test_a_name_that_is_not_dotted_identifiers_is_refused(name: str) -> None:
    with pytest.raises(DeclarationError, match="made of identifiers and dots"):

        @activity(name)
        def broken() -> None: ...


def test_a_lambda_has_no_name_to_take() -> None:
    with pytest.raises(DeclarationError, match="identifiers"):
        activity()(lambda: None)


def variadic(*values: int) -> None: ...
def positional(value: int, /) -> None: ...
def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (variadic, r"\*values cannot be given by name"),
        (positional, "value is positional-only"),
        (generator, "is a generator"),
        (async_generator, "is a generator"),
    ],
)
def test_functions_that_arguments_by_name_cannot_call_are_refused(function: Any, complaint: str) -> None:
    with pytest.raises(DeclarationError, match=complaint):
        activity("x")(function)


def test_only_functions_and_classes_are_decorated() -> None:
    with pytest.raises(DeclarationError, match="functions and classes"):
        activity("x")(42)  # type: ignore[type-var]


def test_a_class_without_public_methods_is_refused() -> None:
    with pytest.raises(DeclarationError, match="no public methods"):

        @activity("empty")
        class Empty:
            def _private(self) -> None: ...
            def setup(self) -> None: ...


def test_an_annotation_that_does_not_resolve_is_refused_when_registered() -> None:
    @activity("x")
    def uses_the_unknown(value: Unknown) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(DeclarationError, match="name 'Unknown' is not defined"):
        Registry.load([uses_the_unknown], entry_points=False)


def test_two_activities_of_one_name_are_refused_naming_both() -> None:
    @activity("twice")
    def first() -> None: ...
    @activity("twice")
    def second() -> None: ...

    with pytest.raises(DeclarationError, match=r"two activities are called twice: .*first and .*second"):
        Registry.load([first, second], entry_points=False)


def test_the_same_activity_twice_is_one() -> None:
    @activity("once")
    def once() -> None: ...

    assert Registry.load([once, [once]], entry_points=False, builtin=False).names() == ["once"]


def test_a_built_in_name_is_taken_unless_built_ins_are_left_out() -> None:
    @activity("log")
    def log() -> None: ...

    with pytest.raises(DeclarationError, match="two activities are called log"):
        Registry.load([log], entry_points=False)
    assert Registry.load([log], entry_points=False, builtin=False).names() == ["log"]
