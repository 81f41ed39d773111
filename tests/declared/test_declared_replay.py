"""The replay that follows every case: a history that does not lead to the same is found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perdure.core.events import ActivityCompleted
from perdure.definition import load
from perdure.testing import Harness, laws
from perdure.testing.laws import check_replay

DEFINITION = """
workflow: it
steps:
  - {id: a, activity: shop.a}
  - {id: b, activity: shop.b, with: {of: "{{ steps.a }}"}}
  - {id: word, wait: {signal: go}}
"""


@pytest.fixture
def harness() -> Harness:
    harness = Harness(load(DEFINITION).program, {"shop.a": lambda call: 1, "shop.b": lambda call: call.arguments})
    harness.at(5, lambda: harness.signal("go", 3))
    return harness.run()


def test_a_history_leads_to_the_same_again(harness):
    check_replay(harness.program, harness.journal, harness.commands, harness.state)


def test_a_history_that_asks_for_something_else_is_found(harness):
    journal = [replace(one, result=2) if isinstance(one, ActivityCompleted) else one for one in harness.journal]
    with pytest.raises(AssertionError, match=r"asks for something else: .*'of': 2"):
        check_replay(harness.program, journal, harness.commands, harness.state)


def test_a_history_that_ends_otherwise_is_found(harness):
    harness.state.vars["other"] = 1
    with pytest.raises(AssertionError, match="gives another state"):
        check_replay(harness.program, harness.journal, harness.commands, harness.state)


def test_a_long_history_is_restarted_at_some_of_its_events(harness, monkeypatch):
    monkeypatch.setattr(laws, "MOST_RESTARTS", 1)
    check_replay(harness.program, harness.journal, harness.commands, harness.state)
