"""`validate`, `explain` and `schema`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from cli_project import document

from perdure.cli.validate import picked
from perdure.definition.diagnostics import Place, report
from perdure.definition.rules import RULES
from perdure.definition.schema import text

WRONG = """workflow: wrong
steps:
  - id: fetch
    activity: text.say
    with: {text: "{{ steps.fetchh }}"}
    timeout: 5s
"""
SLOPPY = "workflow: sloppy\nsteps:\n  - id: say\n    activity: text.say\n    with: {text: NO}\n    timeout: 5s\n"


def test_a_project_without_problems_has_exit_code_0(perdure):
    result = perdure("validate")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "4 files checked: no problems\n")


def test_a_problem_is_shown_with_its_place_and_a_hint(project: Path, perdure):
    (project / "definitions" / "wrong.yaml").write_text(WRONG)
    result = perdure("validate")
    assert result.exit_code == 1
    assert "definitions/wrong.yaml:5:" in result.stdout
    assert "WF301 unknown-step" in result.stdout
    assert '5 |     with: {text: "{{ steps.fetchh }}"}' in result.stdout
    assert "^" in result.stdout
    assert result.stderr.startswith("5 files checked: 1 error")


def test_json_is_one_object(project: Path, perdure):
    (project / "definitions" / "wrong.yaml").write_text(WRONG)
    for words in (["--format", "json"], ["-o", "json"]):
        found = document(perdure("validate", *words))
        assert found["format_version"] == 1
        assert [(one["code"], one["place"]["line"]) for one in found["diagnostics"]] == [("WF301", 5)]


def test_jsonl_is_one_object_a_line_and_yaml_is_yaml(project: Path, perdure):
    (project / "wrong.yaml").write_text(WRONG.replace("text.say", "text.sya"))
    for words in (["--format", "jsonl"], ["-o", "jsonl"]):
        lines = [json.loads(line) for line in perdure("validate", "wrong.yaml", *words).stdout.splitlines()]
        assert [(line["format_version"], line["code"]) for line in lines] == [(1, "WF601"), (1, "WF301")]
    for words in (["--format", "yaml"], ["-o", "yaml"]):
        found = yaml.safe_load(perdure("validate", "wrong.yaml", *words).stdout)
        assert found == document(perdure("validate", "wrong.yaml", "-o", "json"))
    assert perdure("validate", "-o", "jsonl").stdout == ""
    assert perdure("validate", "wrong.yaml", "-o", "jsonl", "--format", "concise").stdout.startswith("wrong.yaml:4:")


def test_nothing_to_check_is_a_usage_error(project: Path, perdure, monkeypatch):
    (project / "empty").mkdir()
    (project / "a.test.yaml").write_text("test: x\n")
    found = perdure("validate", "empty", "a.test.yaml")
    said = "error: no definitions found in empty, a.test.yaml\n"
    assert (found.exit_code, found.stdout, found.stderr) == (2, "", said)
    monkeypatch.chdir(project / "empty")
    found = perdure("validate")
    assert (found.exit_code, found.stderr) == (2, "error: no definitions found in .\n")


def test_github_gets_annotations_and_a_summary(project: Path, perdure, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project / "summary.md"))
    (project / "wrong.yaml").write_text(WRONG)
    result = perdure("validate", "--format", "github", "wrong.yaml")
    assert result.stdout.startswith("::error file=wrong.yaml,line=5,")
    assert "wrong.yaml:5:" in result.stderr
    assert "WF301" in (project / "summary.md").read_text()


def test_warnings_fail_only_when_asked_to(project: Path, perdure):
    (project / "sloppy.yaml").write_text(SLOPPY)
    words = ("validate", "sloppy.yaml", "--select", "WF104")
    assert perdure(*words).exit_code == 0
    assert "WF104" in perdure(*words).stdout
    assert perdure(*words, "--fail-on", "warning").exit_code == 1
    (project / "wrong.yaml").write_text(WRONG)
    assert perdure("validate", "wrong.yaml", "--fail-on", "never").exit_code == 0


def test_findings_are_picked_by_code_prefix_or_name(project: Path, perdure):
    (project / "wrong.yaml").write_text(WRONG)
    for word in ("WF301", "WF3", "unknown-step", "WF1,WF301"):
        assert perdure("validate", "wrong.yaml", "--select", word).exit_code == 1
        assert perdure("validate", "wrong.yaml", "--ignore", word).exit_code == 0
    assert perdure("validate", "wrong.yaml", "--select", "WF1").exit_code == 0
    unknown = perdure("validate", "--select", "unknown-stepp")
    assert unknown.exit_code == 2
    assert "unknown-step" in unknown.stderr


def test_a_rule_that_is_off_counts_only_when_selected_and_then_as_a_warning():
    found = report("WF410", "a branch without else", Place("a.yaml", 1, 1, 1, 2))
    assert picked([found], set(), set()) == []
    assert [one.severity for one in picked([found], {"WF410"}, set())] == ["warning"]
    assert picked([found], {"WF4"}, {"branch-without-else"}) == []


def test_standard_input_is_checked(perdure):
    result = perdure("validate", "-", "--format", "concise", input=WRONG)
    assert result.exit_code == 1
    assert result.stdout.startswith("<stdin>:5:")
    assert perdure("validate", "-", input="").exit_code == 1
    assert perdure("validate", "-", input="workflow: [").exit_code == 1


def test_bytes_that_are_no_text_are_a_finding(project: Path, perdure):
    (project / "latin.yaml").write_bytes(b"workflow: caf\xe9\nsteps: []\n")
    result = perdure("validate", "latin.yaml")
    assert (result.exit_code, "WF107" in result.stdout) == (1, True)
    assert perdure("validate", "-", input=b"workflow: caf\xe9\n").exit_code == 1


def test_unknown_activities_are_found_unless_told_not_to_look(project: Path, perdure):
    (project / "a.yaml").write_text("workflow: a\nsteps:\n  - id: x\n    activity: text.sya\n    timeout: 5s\n")
    assert "WF601" in perdure("validate", "a.yaml").stdout
    assert perdure("validate", "a.yaml", "--no-activities").exit_code == 0


def test_directories_are_searched_for_definitions_only(project: Path, perdure):
    folder = project / "more"
    (folder / ".hidden").mkdir(parents=True)
    (folder / "node_modules").mkdir()
    for name in (".hidden/a.yaml", "node_modules/b.yaml", "c.test.yaml", "d.txt"):
        (folder / name).write_text("workflow: 3\n")
    (folder / "compose.yaml").write_text("services:\n  workflow: {}\n")
    (folder / "broken.yaml").write_text("workflow: broken\nsteps: [\n")
    (folder / "of.json").write_text(json.dumps({"steps": [{"id": "s", "set": {"a": 1}}], "workflow": "j"}))
    (folder / "list.json").write_text('["workflow:"]')
    result = perdure("validate", "more", "--format", "concise")
    assert result.exit_code == 1
    assert {line.partition(":")[0] for line in result.stdout.splitlines()} == {"more/broken.yaml"}
    assert result.stderr.startswith("2 files checked")


def test_files_of_fragments_are_checked_as_imported_files(project: Path, perdure):
    (project / "more").mkdir()
    parts = project / "more" / "parts.yaml"
    parts.write_text("fragments:\n  say:\n    steps: [{id: s, activity: text.say, with: {text: hi}, timeout: 5s}]\n")
    assert perdure("validate", "more").exit_code == 0
    parts.write_text("fragments:\n  say:\n    steps: [{id: s, activty: text.say}]\n")
    assert perdure("validate", "more").exit_code == 1


def test_a_path_that_is_not_there_has_exit_code_3(perdure):
    result = perdure("validate", "nowhere.yaml")
    assert (result.exit_code, result.stderr) == (3, "error: there is no file nowhere.yaml\n")


def test_colour_is_for_terminals_unless_forced(project: Path, perdure, monkeypatch):
    (project / "wrong.yaml").write_text(WRONG)
    assert "\x1b[" not in perdure("validate", "wrong.yaml").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in perdure("validate", "wrong.yaml").stdout
    assert "\x1b[31m" in perdure("validate", "wrong.yaml", "--color", "always").stdout


@pytest.mark.parametrize("code", RULES)
def test_every_rule_is_explained(perdure, code):
    rule = RULES[code]
    for word in (code, code.lower(), rule.name):
        told = perdure("explain", word).stdout
        assert told.startswith(f"{code} {rule.name} ")
        assert rule.why in told
    assert document(perdure("explain", code, "-o", "json"))["group"] == rule.group


def test_without_a_rule_all_are_listed(perdure):
    assert [line.split()[0] for line in perdure("explain").stdout.splitlines()] == ["CODE", *RULES]
    lines = [json.loads(line) for line in perdure("explain", "-o", "jsonl").stdout.splitlines()]
    assert [(line["format_version"], line["code"]) for line in lines] == [(1, code) for code in RULES]


def test_an_unknown_rule_has_exit_code_3(perdure):
    result = perdure("explain", "WF999")
    assert (result.exit_code, result.stdout) == (3, "")


def test_the_schema_is_one_line_or_yaml_when_asked(perdure):
    assert perdure("schema", "-o", "json").stdout == text()
    [line] = perdure("schema", "-o", "jsonl").stdout.splitlines()
    assert json.loads(line) == json.loads(text()) == yaml.safe_load(perdure("schema", "-o", "yaml").stdout)


def test_schema_is_printed_or_written(project: Path, perdure):
    assert perdure("schema").stdout == text()
    assert perdure("schema", "--write").exit_code == 0
    assert (project / "schemas" / "workflow.schema.json").read_text() == text()


def test_a_pipe_in_a_directory_is_passed_over(perdure, project):
    os.mkfifo(project / "definitions/pipe.yaml")
    for words in (("validate", "--no-activities"), ("fmt", "--check")):
        assert "pipe.yaml" not in perdure(*words).stderr
