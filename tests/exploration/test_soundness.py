"""Exploration against the machine: what random programs really come to is among what exploration says is possible.

The programs and the fakes are those of `tests/oracle`. `PERDURE_EXPLORATIONS=10000` makes a long run.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from hypothesis import assume, given, note

sys.path.append(str(Path(__file__).parent.parent / "oracle"))

from fakes import child, fake, post
from programs import programs
from sampling import drawn
from test_oracle import INPUT, plan_machine

from perdure.definition import inspect
from perdure.exploration import Exploration, explore
from perdure.program import Program
from perdure.testing.declared.coverage import points, reached_by
from perdure.testing.declared.names import Names
from perdure.testing.declared.observed import Observed
from perdure.testing.declared.trace import Trace
from perdure.testing.harness import Harness

USUAL = 100
PROGRAMS = int(os.environ.get("PERDURE_EXPLORATIONS", USUAL))
OPEN = ("running", "paused")


def run(program: Program, script: list[dict[str, Any]]) -> Observed:
    trace = Trace(program)
    observed = Observed(Names(program), trace)
    observed.harness = Harness(
        program, lambda name: fake, children=lambda name: child, post=post, input=INPUT, watched=trace.turn
    )
    for number, entry in enumerate(script):
        plan_machine(observed.harness, entry, number)
    observed.harness.run()
    return observed


def surprises(explored: Exploration, observed: Observed) -> list[str]:
    """What the run came to that exploration holds for impossible."""
    found = [
        f"reaches {point.name}"
        for point in points(explored.program)
        if reached_by(observed)[point.name] and point.name not in explored.reached
    ]
    status, error = observed.status, observed.outcome.get("error") or {}
    if status not in OPEN and status not in explored.statuses | {"cancelled", "terminated"}:
        found.append(f"ends {status} {error}")
    if status == "failed" and error.get("type") not in explored.errors and "*" not in explored.errors:
        found.append(f"fails with {error}")
    return found


@drawn(PROGRAMS, USUAL)
@given(programs())
def test_what_a_run_comes_to_is_among_what_exploration_says(made: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    document, script = made
    definition = inspect(json.dumps(document)).definition
    assume(definition is not None)
    assert definition is not None
    explored = explore(definition.program)
    found = surprises(explored, run(definition.program, script))
    if found:
        note(json.dumps(document, indent=1))
        note("\n".join(map(json.dumps, script)))
    assert not found
