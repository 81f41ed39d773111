"""`graph`: every format, a file to write to, and how the steps of a run stand."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from cli_project import TRIP, followed


@pytest.mark.parametrize(
    ("form", "first"),
    [("text", "book-trip: workflow"), ("mermaid", "flowchart TB"), ("dot", "digraph {"), ("svg", "<svg")],
)
def test_a_definition_is_drawn_in_every_format(perdure, form: str, first: str) -> None:
    result = perdure("graph", "definitions/book-trip.yaml", "--format", form)
    assert result.exit_code == 0
    assert result.stdout.startswith(first)
    assert "flight" in result.stdout


def test_the_name_of_the_file_says_the_format(perdure, tmp_path: Path) -> None:
    target = tmp_path / "trip.svg"
    result = perdure("graph", "definitions/book-trip.yaml", "--write", str(target))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "written to" in result.stderr
    assert ElementTree.parse(target).getroot().get("aria-label") == "book-trip"


def standing(perdure, run: str) -> dict[str, str]:
    """The state in brackets of each line of a run's tree that begins with a name."""
    lines = perdure("graph", "--run", run).stdout.splitlines()
    named = [(line.strip("│├└─ ").partition(":")[0], line) for line in lines if line.endswith("]") and ": " in line]
    return {name: line.rpartition("[")[2].rstrip("]") for name, line in named}


def test_a_run_says_how_its_steps_stand(perdure) -> None:
    perdure("run", "book-trip", *TRIP, "-i", "card=4000", "--id", "trip")
    found = standing(perdure, "trip")
    assert (found["flight"], found["hotel"], found["charge"]) == ("undone", "undone", "failed")
    followed(perdure, "run", "approval", "--id", "a")
    assert standing(perdure, "a") == {"before": "done", "approval": "waiting"}
    assert 'class="box waiting"' in perdure("graph", "--run", "a", "--format", "svg").stdout


EVERY = """
workflow: every
steps:
  - {id: never, if: run.attempt > 1, set: {n: 1}}
  - id: loop
    repeat: {max: 2, until: index == 1}
    steps: [{id: turn, publish: "{{ index }}"}]
  - id: tried
    fail: {type: Boom, message: it fails}
    catch: [{steps: [{id: caught, publish: 2}]}]
  - id: race
    parallel:
      join: any
      branches:
        fast: [{id: fast, wait: 1ms}]
        slow: [{id: slow, wait: 1h}]
  - id: leave
    steps: [{id: over, return: 7}]
  - {id: rest, publish: 3}
vars: {n: 0}
"""


def test_every_kind_of_step_says_how_it_ended(project: Path, perdure) -> None:
    (project / "every.yaml").write_text(EVERY.lstrip())
    assert perdure("run", "every.yaml", "--id", "e").exit_code == 0
    found = standing(perdure, "e")
    assert "rest" not in found
    assert {name: found[name] for name in found if name not in ("every", "loop")} == {
        "never": "skipped", "turn": "done", "tried": "done", "caught": "done", "race": "done", "fast": "done",
        "slow": "cancelled", "leave": "done", "over": "done",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "name a definition file, or a run"),
        (("none.yaml",), 3, "there is no file none.yaml"),
        (("--run", "none"), 3, "none"),
        (("definitions/book-trip.yaml", "--write", "/none/at/all.svg"), 2, "cannot be written"),
    ],
)
def test_what_cannot_be_drawn_is_said(perdure, words: tuple[str, ...], code: int, said: str) -> None:
    result = perdure("graph", *words)
    assert (result.exit_code, said in result.stderr) == (code, True), result.stderr
