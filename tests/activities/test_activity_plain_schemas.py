"""The schemas that are written without pydantic: what it would write, to the letter."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from typing import Annotated, Any, Generic, Literal, NotRequired, Required, TypeVar

import pytest
from pydantic import Field
from typing_extensions import TypedDict

from perdure.activities.plain import plain_arguments, plain_result
from perdure.activities.signature import Signature
from perdure.values import JSON

Item = TypeVar("Item")


class Documented(TypedDict):
    """What a shop has.

    More lines.
    """

    sku: str
    price: NotRequired[float | None]


class Sparse(TypedDict, total=False):
    sku: Required[str]
    tags: list[str]
    sizes: dict[str, int]


class Empty(TypedDict):
    pass


class Derived(Documented):
    more: int


class Nested(TypedDict):
    inner: Documented


class Holding(TypedDict, Generic[Item]):
    item: Item


def _none() -> None: ...
def _bare(a, b=None): ...  # type: ignore[no-untyped-def]
def _plain(a: str, b: int, c: float, d: bool, e: None, f: Any, g: JSON) -> str: ...
def _lists(a: list, b: list[int], c: list[Any], d: list[list[str]]) -> list[float]: ...  # type: ignore[type-arg]
def _mappings(a: dict, b: dict[str, int], c: dict[str, Any], d: dict[int, str]) -> dict[str, bool]: ...  # type: ignore[type-arg]
def _unions(a: int | None, b: None | int, c: str | int | None, d: int | list[str | int]) -> int | None: ...  # noqa: RUF036
def _odd_unions(a: Any | None, b: int | bool | float, c: Literal["x"] | None) -> str | dict[str, int | None]: ...
def _choices(a: Literal["x"], b: Literal[1, 2], c: Literal["x", "y"] = "y") -> Literal["x", "y"]: ...
def _mixed_choices(a: Literal["x", 1, None], b: Literal[True]) -> Literal[False]: ...
def _defaults(a: str = "x", b: int = 1, c: bool = False, d: int | None = 5, e: Any = None) -> None: ...
def _odd_defaults(a: float = 1, b: Any = 1, c: list[int] = [], d: float = 0.5, e: str | None = "x") -> None: ...  # noqa: B006
def _more(a: int, **rest: int) -> None: ...
def _annotated(a: Annotated[int, Field(ge=1)], b: int = Field(3, description="b")) -> None: ...
def _documented() -> Documented: ...
def _sparse(a: Sparse) -> Sparse: ...
def _empty() -> Empty: ...
def _derived() -> Derived: ...
def _nested() -> Nested: ...
def _holding() -> Holding[int]: ...
def _listed() -> list[Documented]: ...
def _tuple(a: tuple[int, str], b: set[int], c: bytes) -> tuple[int, ...]: ...


_FUNCTIONS = [found for name, found in globals().copy().items() if name.startswith("_") and inspect.isfunction(found)]


@pytest.mark.parametrize("function", _FUNCTIONS, ids=lambda function: function.__name__.strip("_"))
def test_what_is_written_without_pydantic_is_what_it_writes(function: Any) -> None:
    signature = Signature(function)
    plain = plain_arguments(signature._parameters)
    if plain is not None:
        assert _text(plain) == _text(signature._schema(signature._for_arguments(), "validation"))
    result = plain_result(signature._result)
    if result is not None and signature._result is not Any:  # where nothing is said, nothing is asked
        assert _text(result) == _text(signature._schema(signature._for_result(), "serialization"))


def test_annotations_that_most_activities_have_need_no_pydantic() -> None:
    for function in (_none, _bare, _plain, _lists, _unions, _choices, _defaults):
        signature = Signature(function)
        assert plain_arguments(signature._parameters) is not None, function
        assert plain_result(signature._result) is not None
    assert plain_result(Documented) is not None
    assert plain_result(Sparse) is not None


def test_what_only_pydantic_can_tell_is_left_to_it() -> None:
    for function in (_more, _annotated, _tuple, _odd_defaults):
        assert plain_arguments(Signature(function)._parameters) is None
    for annotation in (Derived, Nested, Holding[int], list[Documented]):
        assert plain_result(annotation) is None


def test_describing_what_is_built_in_imports_no_pydantic_and_no_asyncio() -> None:
    code = (
        "import sys; from perdure.activities import Registry; found = Registry.load(entry_points=False);"
        "[found.describe(name) for name in found.names()];"
        "print([name for name in ('pydantic', 'asyncio') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema)
