"""`plan`: what is new, what has changed, and which open runs could move."""

from __future__ import annotations

import json
from pathlib import Path

from cli_project import followed

OLD = "workflow: waiting\nsteps:\n  - id: go\n    wait: {signal: go}\n  - id: end\n    wait: 1s\n"


def planned(perdure, *words: str) -> dict:
    [found] = json.loads(perdure("plan", "waiting.yaml", "-o", "json", *words).stdout)["definitions"]
    return found


def test_a_plan_says_which_open_runs_could_move_and_why_the_others_could_not(perdure) -> None:
    file = Path("waiting.yaml")
    file.write_text(OLD)
    found = planned(perdure)
    assert (found["change"], found["there"], found["compatible"], found["held"]) == ("new", 0, 0, [])
    assert perdure("plan", "waiting.yaml", "--detailed-exitcode").exit_code == 10
    perdure("deploy", "waiting.yaml")
    followed(perdure, "run", "waiting.yaml", "--id", "a")
    assert (planned(perdure)["change"], planned(perdure)["there"]) == ("unchanged", 1)
    assert perdure("plan", "waiting.yaml", "--detailed-exitcode").exit_code == 0
    file.write_text(OLD.replace("1s", "2s"))
    found = planned(perdure)
    assert (found["change"], found["there"], found["compatible"], found["held"]) == ("changed", 0, 1, [])
    file.write_text(OLD.replace("id: go", "id: gone"))
    found = planned(perdure)
    assert (found["compatible"], [held["run"] for held in found["held"]]) == (0, ["a"])
    text = perdure("plan", "waiting.yaml").stdout
    assert "in the way of a" in text
    assert "waiting.yaml:3" in text
    assert perdure("runs", "show", "a").stdout.count("running") == 1


def test_what_does_not_hold_is_not_planned(perdure) -> None:
    Path("waiting.yaml").write_text("workflow: waiting\nsteps: 3\n")
    result = perdure("plan", "waiting.yaml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "WF" in result.stderr
