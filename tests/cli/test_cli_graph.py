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


def test_a_run_says_how_its_steps_stand(perdure) -> None:
    perdure("run", "book-trip", *TRIP, "-i", "card=4000", "--id", "trip")
    lines = perdure("graph", "--run", "trip").stdout.splitlines()
    states = [line.rpartition(" ")[2] for line in lines if "flight:" in line or "charge:" in line]
    assert states == ["[done]", "[failed]"]
    followed(perdure, "run", "approval", "--id", "a")
    assert "[waiting]" in perdure("graph", "--run", "a").stdout


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
