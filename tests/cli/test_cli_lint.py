"""`validate` in a project: its settings, what changed in git, counting, watching, reports, and the hooks."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from cli_project import document

ROOT = Path(__file__).parents[2]
BRANCH = """workflow: branching
version: "1"
steps:
  - id: choice
    branch:
      - {when: "input.a == 1", steps: [{activity: text.say, with: {text: a}, timeout: 5s}]}
"""
WRONG = 'workflow: wrong\nsteps:\n  - id: x\n    set: {a: "{{ steps.y }}"}\n'
PARTS = "fragments:\n  say:\n    steps: [{id: s, activity: text.say, with: {text: hi}, timeout: 5s}]\n"
USER = "workflow: user\nversion: a\nimports: {parts: ./parts.yaml}\nsteps: [{use: parts.say}]\n"


def configure(project: Path, text: str) -> None:
    (project / "perdure.toml").write_text(f'activities = ["shop_activities.py"]\n{text}')


def git(project: Path, *words: str) -> None:
    named = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *named, *words], cwd=project, check=True, capture_output=True)


@pytest.fixture
def repository(project: Path) -> Path:
    """The project in git, with everything in one commit."""
    folder = project / "definitions"
    (folder / "branching.yaml").write_text(BRANCH)
    (folder / "parts.yaml").write_text(PARTS)
    (folder / "user.yaml").write_text(USER)
    git(project, "init")
    git(project, "add", ".")
    git(project, "commit", "-m", "all")
    return project


def checked(result) -> int:
    return int(re.search(r"(\d+) files? checked", result.stderr)[1])


def test_the_project_decides_what_rules_weigh(project: Path, perdure):
    (project / "definitions" / "branching.yaml").write_text(BRANCH)
    assert perdure("validate").stdout == ""
    configure(project, '[lint]\nselect = ["branch-without-else"]\n')
    told = perdure("validate")
    assert (told.exit_code, "WF410" in told.stdout, "1 warning" in told.stderr) == (0, True, True)
    configure(project, '[lint]\nseverity = {WF410 = "error"}\n')
    assert perdure("validate").exit_code == 1
    assert perdure("validate", "--ignore", "WF410").exit_code == 0
    configure(project, '[lint]\nselect = ["WF4"]\nper_path_ignore = {"definitions/br*" = ["WF410"]}\n')
    assert perdure("validate").stdout == ""


def test_paths_are_those_of_the_project_wherever_it_is_called(project: Path, perdure, monkeypatch):
    (project / "definitions" / "branching.yaml").write_text(BRANCH)
    configure(project, '[lint]\nselect = ["WF4"]\nper_path_ignore = {"definitions/br*" = ["WF410"]}\n')
    monkeypatch.chdir(project / "definitions")
    assert perdure("validate", "branching.yaml").stdout == ""
    monkeypatch.chdir(project.parent)


def test_a_wrong_setting_is_told_with_its_line_and_nothing_is_checked(project: Path, perdure):
    configure(project, '[lint]\nseverity = {WF301 = "off"}\n')
    told = perdure("validate")
    assert (told.exit_code, told.stdout) == (2, "")
    assert "perdure.toml:3: lint.severity.WF301: WF301 is an error" in told.stderr


def test_only_what_changed_is_checked(repository: Path, perdure):
    folder = repository / "definitions"
    assert checked(perdure("validate", "--changed-since", "HEAD")) == 0
    (folder / "new.yaml").write_text(WRONG)
    (folder / "branching.yaml").write_text(BRANCH.replace("a == 1", "a == 2"))
    told = perdure("validate", "--changed-since", "HEAD", "--format", "concise")
    assert (told.exit_code, checked(told)) == (1, 2)
    git(repository, "add", ".")
    git(repository, "commit", "-m", "more")
    assert checked(perdure("validate", "--changed-since", "HEAD")) == 0
    assert checked(perdure("validate", "--changed-since", "HEAD~1")) == 2


def test_what_imports_a_changed_file_is_checked_too(repository: Path, perdure):
    (repository / "definitions" / "parts.yaml").write_text(PARTS.replace("text: hi", "text: '{{ steps.nothing }}'"))
    told = perdure("validate", "--changed-since", "HEAD", "--format", "concise")
    assert (told.exit_code, checked(told)) == (1, 2)
    assert "parts.yaml:3:" in told.stdout


def test_a_changed_definition_needs_a_new_label(repository: Path, perdure):
    file = repository / "definitions" / "branching.yaml"
    words = ("validate", "--changed-since", "HEAD", "--format", "concise")
    file.write_text(f"# a comment\n{BRANCH}")
    assert "WF801" not in perdure(*words).stdout
    file.write_text(BRANCH.replace("a == 1", "a == 2"))
    told = perdure(*words)
    assert told.stdout.startswith("definitions/branching.yaml:2:10: WF801 unchanged-label")
    assert perdure(*words, "--fail-on", "warning").exit_code == 1
    assert "WF801" not in perdure("validate").stdout
    file.write_text(BRANCH.replace("a == 1", "a == 2").replace('"1"', '"2"'))
    assert "WF801" not in perdure(*words).stdout


def test_a_changed_import_needs_a_new_label_too(repository: Path, perdure):
    (repository / "definitions" / "parts.yaml").write_text(PARTS.replace("hi", "ho"))
    words = ("validate", "--changed-since", "HEAD", "--format", "concise")
    assert "user.yaml:2:10: WF801" in perdure(*words).stdout


def test_a_comment_silences_the_label_and_is_never_unused(repository: Path, perdure):
    file = repository / "definitions" / "branching.yaml"
    quiet = BRANCH.replace('"1"', '"1"  # perdure: ignore[WF801] not deployed yet').replace("a == 1", "a == 2")
    file.write_text(quiet)
    assert perdure("validate", "--changed-since", "HEAD").stdout == ""
    assert perdure("validate").stdout == ""


def test_git_says_what_it_does_not_know(project: Path, repository: Path, perdure, monkeypatch, tmp_path):
    told = perdure("validate", "--changed-since", "nowhere")
    assert (told.exit_code, "git knows no revision 'nowhere'" in told.stderr) == (2, True)
    assert perdure("validate", "--changed-since", "--output=x").exit_code == 2
    (tmp_path / "bare").mkdir()
    monkeypatch.chdir(tmp_path / "bare")
    (tmp_path / "bare" / "a.yaml").write_text(WRONG)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    told = perdure("validate", "--changed-since", "HEAD")
    assert (told.exit_code, "--changed-since: there is no git repository around" in told.stderr) == (2, True)


def test_statistics_count_rules_instead_of_showing_them(project: Path, perdure):
    (project / "wrong.yaml").write_text(WRONG + '  - id: z\n    set: {b: "{{ steps.q }}", c: "{{ vars.nope }}"}\n')
    told = perdure("validate", "wrong.yaml", "--statistics")
    assert told.exit_code == 1
    assert [line.split() for line in told.stdout.splitlines()[1:]] == [
        ["2", "WF301", "unknown-step", "error"], ["1", "WF303", "unknown-variable", "error"],
    ]  # fmt: skip
    counted = document(perdure("validate", "wrong.yaml", "--statistics", "--format", "json"))
    assert (counted["format_version"], counted["statistics"][0]["count"]) == (1, 2)
    assert perdure("validate", "--statistics").stdout == ""
    assert perdure("validate", "--statistics", "--format", "sarif").exit_code == 2


def test_reports_are_for_other_programs(project: Path, perdure):
    (project / "wrong.yaml").write_text(WRONG)
    sarif = json.loads(perdure("validate", "wrong.yaml", "--format", "sarif").stdout)
    place = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("wrong.yaml", 4)
    gitlab = json.loads(perdure("validate", "wrong.yaml", "--format", "gitlab").stdout)
    assert gitlab[0]["location"] == {"path": "wrong.yaml", "lines": {"begin": 4, "end": 4}}
    rdjson = json.loads(perdure("validate", "wrong.yaml", "--format", "rdjson").stdout)
    assert rdjson["diagnostics"][0]["location"]["path"] == "wrong.yaml"
    junit = ElementTree.fromstring(perdure("validate", "--format", "junit").stdout)
    assert (junit.get("tests"), junit.get("failures")) == ("4", "0")


def test_definitions_without_tests_are_found_when_asked_for(project: Path, perdure):
    told = perdure("validate", "--select", "WF904", "--format", "concise")
    assert [line.partition(":")[0] for line in told.stdout.splitlines()] == [
        f"definitions/{name}.yaml" for name in ("approval", "book-trip", "gate", "question")
    ]
    (project / "definitions" / "gate.test.yaml").write_text("test: ./gate.yaml\n")
    assert "gate.yaml" not in perdure("validate", "--select", "WF904", "--format", "concise").stdout


def test_watching_checks_again_when_a_file_changes(project: Path, spawn):
    file = project / "definitions" / "changing.yaml"
    file.write_text(WRONG)
    process = spawn("validate", "--watch", "--format", "concise")
    process.line("5 files checked: 1 error")
    process.line("waiting for a change")
    file.write_text("workflow: right\nsteps: [{id: x, set: {a: 1}}]\n")
    process.line("5 files checked: no problems")
    process.line("waiting for a change")
    file.unlink()
    process.line("4 files checked: no problems")
    process.line("waiting for a change")
    process.send(signal.SIGINT)
    assert process.ended()[0] == 0


def test_standard_input_cannot_be_watched(perdure):
    assert perdure("validate", "-", "--watch", input=WRONG).exit_code == 2


def test_the_schema_has_the_activities_of_the_project(project: Path, perdure):
    schema = json.loads(perdure("schema", "--with-activities").stdout)
    assert "payments.charge" in schema["$defs"]["step.activity"]["properties"]["activity"]["enum"]
    assert perdure("schema", "--with-activities", "--write").exit_code == 0
    assert json.loads((project / "schemas" / "workflow.schema.json").read_text()) == schema
    tests = json.loads(perdure("schema", "--tests", "--with-activities").stdout)
    assert "payments.charge" in tests["$defs"]["mock.activity"]["properties"]["activity"]["enum"]
    assert json.loads((project / "schemas" / "test.schema.json").read_text()) == tests
    config = json.loads(perdure("schema", "--config").stdout)
    assert json.loads((project / "schemas" / "config.schema.json").read_text()) == config
    assert perdure("schema", "--config", "--tests").exit_code == 2


@pytest.mark.parametrize(
    "hook", yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text()), ids=lambda hook: hook["id"]
)
def test_a_hook_takes_definitions_and_runs(project: Path, perdure, hook):
    assert {"id", "name", "entry", "language", "files"} <= set(hook)
    assert re.search(hook["files"], "definitions/shop/order.yaml")
    assert not re.search(hook["files"], "definitions/readme.md")
    if "exclude" in hook:
        assert re.search(hook["exclude"], "definitions/order.test.yaml")
    command, *words = hook["entry"].split()
    named = [] if hook.get("pass_filenames") is False else ["definitions/gate.yaml", "definitions/approval.yaml"]
    assert command == "perdure"
    assert perdure(*words, *named).exit_code == 0
    (project / "definitions" / "gate.yaml").write_text("workflow: [\n" if words[0] == "fmt" else WRONG)
    assert perdure(*words, *named).exit_code == 1
