"""The simulation notices an engine that is broken: each sabotage of the table is found within a few cases.

`PERDURE_SABOTAGE=n` looks for the heavier ones too, and plays up to n cases for each.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sabotage import SABOTAGES, Sabotage, hunt

LONG = int(os.environ.get("PERDURE_SABOTAGE", "0"))
MOST = LONG or 400
"""Cases in which one is found at the latest; from its own seed on it takes a few."""


@pytest.mark.timeout(0 if LONG else 120)
@pytest.mark.parametrize("sabotage", SABOTAGES.values(), ids=SABOTAGES)
def test_the_simulation_notices(sabotage: Sabotage, request: pytest.FixtureRequest) -> None:
    if sabotage.heavy and not LONG:
        pytest.skip("it takes many cases; see PERDURE_SABOTAGE")
    cases, noticed = hunt(sabotage, MOST)
    assert noticed is not None, f"{cases} cases, and none noticed: {request.node.name}"


def test_the_documentation_names_every_sabotage() -> None:
    text = (Path(__file__).parents[2] / "docs" / "explanation" / "reliability.md").read_text()
    assert [name for name in SABOTAGES if f"| {name} |" not in text] == []


@pytest.mark.parametrize("name", ["an answer is acknowledged and dropped", "a lock is granted above its limit"])
def test_what_is_noticed_is_the_sabotage(name: str) -> None:
    """The same cases, up to the one that notices, break no promise when the engine is sound."""
    sabotage = SABOTAGES[name]
    cases, _ = hunt(sabotage, MOST)
    sound = Sabotage(lambda stack: None, sabotage.plots, sabotage.first, sabotage.at_large)
    assert hunt(sound, cases) == (cases, None)
