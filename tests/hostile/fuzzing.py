"""What the fuzz tests share: how many examples, JSON made up, and JSON with a place changed.

In CI examples are few and always the same. `PERDURE_FUZZ=100000 pytest -n 0 tests/hostile` makes a long run with new
ones; a failure prints the smallest input that breaks something.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

HISTORIES = Path(__file__).parents[1] / "histories"
EXAMPLES = int(os.environ.get("PERDURE_FUZZ", "0"))


def bounded(examples: int) -> settings:
    """So many examples, unless the environment asks for more."""
    return settings(
        max_examples=EXAMPLES or examples,
        derandomize=not EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def told(problem: Exception, *words: str) -> None:
    """An error says something, and these words are in it."""
    message = str(problem)
    assert message
    assert all(word in message for word in words), message


NUMBERS = st.sampled_from([0, 1, -1, 2**31, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30, 0.5, 1e308])
SCALARS = st.none() | st.booleans() | NUMBERS | st.integers() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """The value with one to three of its places replaced, left out, doubled or swapped."""
    copy = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(1, 3))):
        copy = _change(draw, copy)
    return copy


def _change(draw: st.DrawFn, value: Any) -> Any:
    holder, key = None, None
    found = value
    for _ in range(draw(st.integers(1, 7))):
        if not isinstance(found, dict | list) or not found:
            break
        keys = sorted(found) if isinstance(found, dict) else range(len(found))
        holder, key = found, draw(st.sampled_from(list(keys)))
        found = holder[key]
    if holder is None:
        return draw(VALUES)
    deed = draw(st.sampled_from(["replace", "replace", "drop", "double"]))
    if deed == "replace":
        holder[key] = draw(VALUES)
    elif deed == "drop":
        del holder[key]
    elif isinstance(holder, list):
        holder.append(found)
    return value


def exports() -> list[list[bytes]]:
    """Runs that were exported, small ones of each sort."""
    names = ("cart", "checkout-migrated", "book-trip-crashed", "expense-approval-open", "dashboard", "onboarding")
    folder = sorted(HISTORIES.glob("[0-9]*"))[-1]
    return [(folder / f"{name}.jsonl").read_bytes().splitlines() for name in names]
