"""`init`: the project it makes holds, passes its tests and runs; what is there is left alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

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
    assert (tested.exit_code, "7 hold" in tested.stdout + tested.stderr) == (0, True)
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


def commands(file: Path) -> list[str]:
    """The commands of a CI file that are Perdure's own."""
    content = yaml.safe_load(file.read_text())
    if file.name == ".gitlab-ci.yml":
        found = content["workflows"]["script"]
    else:
        found = [step["run"] for step in content["jobs"]["check"]["steps"] if "run" in step]
    return [command for command in found if command.startswith("perdure ")]


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_the_commands_of_the_ci_file_hold_in_an_empty_directory(tmp_path: Path, ci: str) -> None:
    shell = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, map(str, sys.path)))}
    shell = {name: value for name, value in shell.items() if not name.startswith(("PERDURE_", "GITHUB_"))}

    def run(command: str) -> str:
        words = re.sub(r"^perdure ", f"{sys.executable} -m perdure.cli ", command)
        done = subprocess.run(words, shell=True, cwd=tmp_path, env=shell, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    run(f"perdure init --ci {ci}")
    (file,) = (tmp_path / name for name in CI[ci])
    told = "".join(run(command) for command in commands(file))
    assert "no problems" in told
    assert "order: 100%" in told
    suite = ElementTree.parse(tmp_path / "tests.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("7", "0")
    if ci == "gitlab":
        assert json.loads((tmp_path / "codequality.json").read_text()) == []
        named = yaml.safe_load(file.read_text())["workflows"]["artifacts"]["reports"]
        assert all((tmp_path / report).is_file() for report in named.values())
