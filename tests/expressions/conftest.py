"""A still world and the two ways to ask it: `evaluate` an expression, `fill` a template."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from perdure.expressions import compile_expression, compile_template

NAMES: dict[str, Any] = {
    "input": {
        "text": "abc",
        "empty": "",
        "none": None,
        "ratio": 1.5,
        "yes": True,
        "rows": [{"id": 2, "kind": "a", "n": {"x": 3}}, {"id": 1, "kind": "b"}],
        "a-b": {"c": 7},
        "items": ["first"],
    },
    "steps": {"flight": {"id": "F1", "price": 10}, "hotel": {"price": 20}},
    "vars": {},
}


class StillWorld:
    """An ambient world in which it is always the same moment."""

    def now(self) -> int:
        return 1_700_000_000_000_000

    def random(self) -> float:
        return 0.25

    def uuid(self) -> str:
        return "123e4567-e89b-42d3-a456-426614174000"


@pytest.fixture(scope="session")
def ambient() -> StillWorld:
    return StillWorld()


@pytest.fixture(scope="session")
def evaluate(ambient: StillWorld) -> Callable[..., Any]:
    def ask(text: str, **names: Any) -> Any:
        return compile_expression(text).evaluate({**NAMES, **names}, ambient)

    return ask


@pytest.fixture(scope="session")
def fill(ambient: StillWorld) -> Callable[..., Any]:
    def ask(value: Any, **names: Any) -> Any:
        return compile_template(value).evaluate({**NAMES, **names}, ambient)

    return ask
