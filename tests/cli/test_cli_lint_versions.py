"""`validate --changed-since`, as to callers and open runs; and rules that look at several files at once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

OLD = """workflow: deciding
version: "1"
input: {type: object, required: [a], properties: {a: {type: string}, b: {}}}
steps:
  - id: block
    steps:
      - {id: decision, ask: {prompt: "{{ input.a }}", timeout: 3d}}
  - {id: last, wait: 3d}
"""


@pytest.fixture
def file(project: Path) -> Path:
    """A definition that is in the last commit."""
    found = project / "definitions" / "deciding.yaml"
    found.write_text(OLD)
    named = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (("init",), ("add", "."), ("commit", "-m", "all")):
        subprocess.run([*named, *words], cwd=project, check=True, capture_output=True)
    return found


def told(perdure, file: Path, text: str) -> list[str]:
    file.write_text(text.replace('"1"', '"2"'))
    shown = perdure("validate", "--changed-since", "HEAD", "--format", "concise").stdout
    return [line.partition("deciding.yaml:")[2] for line in shown.splitlines()]


def test_an_input_that_callers_gave_must_still_be_accepted(perdure, file: Path) -> None:
    assert told(perdure, file, OLD.replace("required: [a]", "required: [a, b]")) == [
        "3:1: WF802 input-narrowed: input.b is required now"
    ]
    assert told(perdure, file, OLD.replace("required: [a]", "required: []")) == []
    narrowed = OLD.replace("[a], properties: {a: {type: string}, b: {}}}", "[a, b]}  # perdure: ignore[WF802] told")
    assert told(perdure, file, narrowed) == []


def test_runs_that_wait_in_a_step_that_has_gone_stay_behind(perdure, file: Path) -> None:
    gone = "WF803 open-runs-stay-behind: runs that wait in block/decision stay behind"
    assert told(perdure, file, OLD.replace("id: decision", "id: verdict")) == [
        f"6:5: {gone}: there is no such step now"
    ]
    assert told(perdure, file, OLD.replace('ask: {prompt: "{{ input.a }}", timeout: 3d}', "wait: {signal: a}")) == [
        f"7:24: {gone}: it is wait now"
    ]
    assert told(perdure, file, OLD.replace("id: last, wait: 3d", "id: final, wait: 3d")) == [
        "1:1: WF803 open-runs-stay-behind: runs that wait in last stay behind: there is no such step now"
    ]
    assert told(perdure, file, OLD.replace("timeout: 3d", "timeout: 4d")) == []
    assert perdure("validate", "--changed-since", "HEAD", "--fail-on", "warning").exit_code == 0


def test_another_workflow_in_the_same_file_is_no_change(perdure, file: Path) -> None:
    assert told(perdure, file, "workflow: other\nversion: '1'\nsteps: [{id: x, wait: 1s}]\n") == []


def test_workflows_that_always_start_one_another_are_found_among_the_files(perdure, project: Path) -> None:
    for name, child in (("ping", "pong"), ("pong", "ping")):
        (project / f"{name}.yaml").write_text(f"workflow: {name}\nsteps:\n  - workflow: {child}\n")
    shown = perdure("validate", "ping.yaml", "pong.yaml", "--format", "concise")
    assert shown.stdout.startswith("ping.yaml:3:15: WF421 endless-children-in-turn: these start one another")
    assert "WF421" not in perdure("validate", "ping.yaml").stdout
    (project / "ping.yaml").write_text("workflow: ping\nsteps:\n  - workflow: pong  # perdure: ignore[WF421] a test\n")
    assert perdure("validate", "ping.yaml", "pong.yaml", "--format", "concise").stdout == ""
