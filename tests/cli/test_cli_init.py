"""`init`: the project it makes holds, passes its tests and runs; what is there is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perdure.cli.init import CI, FILES


@pytest.fixture
def made(perdure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "new" / "project"
    assert perdure("init", str(folder)).exit_code == 0
    monkeypatch.chdir(folder)
    return folder


def test_a_new_project_validates_tests_and_runs_at_once(perdure, made: Path) -> None:
    assert perdure("validate", "--fail-on", "warning").exit_code == 0
    tested = perdure("test")
    assert (tested.exit_code, "4 hold" in tested.stdout + tested.stderr) == (0, True)
    run = perdure("run", "order", "-i", "item=teapot", "-i", "card=4242")
    assert json.loads(run.stdout) == {"parcel": "P-S-teapot", "receipt": "R-4242-20"}
    declined = perdure("run", "order", "-i", "item=teapot", "-i", "card=4000")
    assert (declined.exit_code, "undone: reserve" in declined.stderr) == (1, True)
    assert (made / ".perdure" / "runs.db").exists()


@pytest.mark.parametrize("ci", CI)
def test_the_files_are_those_that_were_asked_for(perdure, tmp_path: Path, ci: str) -> None:
    folder = tmp_path / "new"
    result = perdure("init", str(folder), "--ci", ci)
    written = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    schemas = {f"schemas/{name}.schema.json" for name in ("workflow", "test", "config")}
    assert written == {*FILES, *CI[ci], *schemas} == set(result.stdout.split())
    assert json.loads((folder / "schemas/test.schema.json").read_text())["$schema"]


def test_what_is_there_is_left_alone(perdure, tmp_path: Path) -> None:
    (tmp_path / "activities.py").write_text("mine")
    result = perdure("init", str(tmp_path))
    assert (result.exit_code, "activities.py" in result.stderr) == (2, True)
    assert (tmp_path / "activities.py").read_text() == "mine"
    assert not (tmp_path / "definitions").exists()
