"""Error types in `catch` and `retry`: which are suspected, and which are not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from perdure.definition import inspect
from perdure.definition.error_types import BY_ENGINE

CATALOGUE = {"pay.charge": {"input": {"type": "object"}, "errors": ["pay.Declined"]}}


def told(keys: str, more: str = "") -> list[tuple[int, int, str | None]]:
    """Line, column and hint of each WF423 of a definition with a step that has these keys."""
    text = f"workflow: t\nsteps:\n  - id: a\n    activity: pay.charge\n    {keys}\n{more}"
    found = inspect(text, catalogue=CATALOGUE).diagnostics
    return [(one.place.line, one.place.column, one.hint) for one in found if one.code == "WF423"]


@pytest.mark.parametrize(
    ("keys", "meant"),
    [
        ("catch: [{errors: [Timeuot], steps: [{publish: 1}]}]", "Timeout"),
        ("catch: [{errors: [timeout], steps: [{publish: 1}]}]", "Timeout"),
        ("catch: [{errors: [pay.Declinde], steps: [{publish: 1}]}]", "pay.Declined"),
        ("retry: {attempts: 3, on: [WorkerLots]}", "WorkerLost"),
        ("retry: {attempts: 3, except: [shop.Closd]}", "shop.Closed"),
    ],
)
def test_a_misspelt_type_is_found_and_the_right_one_offered(keys, meant) -> None:
    [(line, _, hint)] = told(keys, "  - {if: steps.a is none, fail: {type: shop.Closed, message: m}}\n")
    assert (line, hint) == (5, f'did you mean "{meant}"?')


@pytest.mark.parametrize("type", ["CompensationFailed", "Terminated", "Stuck"])
def test_a_type_that_no_step_fails_with_is_found(type) -> None:
    assert len(told(f"catch: [{{errors: [{type}], steps: [{{publish: 1}}]}}]")) == 1


@pytest.mark.parametrize(
    "type", ["Timeout", "Time*", "pay.Declined", "mail.Bounced", "Timer", "pay.Declined2", "shop.Full", "'{{ 1 }}'"]
)
def test_any_other_type_may_be_one_that_an_activity_chooses(type) -> None:
    assert told(f"catch: [{{errors: [{type}], steps: [{{publish: 1}}]}}]") == []


def test_the_whole_run_and_the_defaults_are_looked_at_too() -> None:
    more = (
        "catch: [{errors: [JoinFaild], steps: [{publish: 1}]}]\ndefaults: {'*': {retry: {attempts: 2, on: [Timeot]}}}\n"
    )
    assert [(line, column) for line, column, _ in told("timeout: 1m", more)] == [(6, 19), (7, 44)]


def test_the_types_of_the_engine_are_those_of_the_reference() -> None:
    text = Path("docs/reference/language.md").read_text()
    table = text.partition("\n## Errors\n")[2].partition("\nAny other type")[0]
    named = re.findall(
        r"`(\w+)`", "\n".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    )
    assert set(named) == BY_ENGINE
