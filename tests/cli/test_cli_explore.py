"""`explore`: findings with their way, tests that show them, formats, exit codes, suppressions."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

GIFT = """workflow: gift
steps:
  - {id: seat, activity: seats.take, compensate: {activity: seats.free}}
  - {id: gift, if: input.gift, activity: gifts.wrap}
  - {id: card, activity: cards.print, with: {of: "{{ steps.gift.name }}"}}
"""


@pytest.fixture
def gift(project: Path) -> str:
    (project / "gift.yaml").write_text(GIFT)
    return "gift.yaml"


def explored(perdure, file: str, *args: str):
    return perdure("explore", file, "--no-activities", *args)


def test_findings_are_told_with_the_way_and_make_the_exit_code(perdure, gift: str) -> None:
    result = explored(perdure, gift)
    assert result.exit_code == 1
    assert (
        "gift.yaml:5:5: warning WF415 expression-fails-on-a-path: card fails here: steps.gift is null" in result.stdout
    )
    assert "  path: seat completes → gift is skipped → card fails: steps.gift is null" in result.stdout
    assert "shown by a run of it as a test" in result.stdout
    assert "gift: 4 steps and blocks" in result.stdout


def test_a_definition_with_errors_is_told_with_its_lines_and_a_folder_is_refused(perdure, project: Path) -> None:
    (project / "wrong.yaml").write_text("workflow: wrong\nsteps:\n  - {wait: 3}\n")
    result = explored(perdure, "wrong.yaml")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: wrong.yaml cannot be explored\n\nwrong.yaml:3:12: WF206 bad-duration")
    assert "3 |   - {wait: 3}" in result.stderr
    folder = explored(perdure, "definitions")
    assert (folder.exit_code, folder.stderr) == (2, "error: definitions is a directory: name one definition in it\n")


def test_a_definition_without_findings_is_well(perdure) -> None:
    result = perdure("explore", "book-trip")
    assert (result.exit_code, result.stdout.count("\n")) == (0, 1)
    assert "paths: no problems" in result.stdout


def test_findings_are_written_as_json_with_the_test_that_shows_each(perdure, gift: str) -> None:
    found = json.loads(explored(perdure, gift, "-o", "json").stdout)
    assert found["format_version"] == 1
    assert found["workflow"] == "gift"
    assert int(found["paths"]) >= found["outcomes"] > 0
    expression = next(one for one in found["findings"] if one["code"] == "WF415")
    assert expression["shown"] is True
    assert expression["path"][-1] == "card fails: steps.gift is null"
    assert expression["test"]["expect"] == {"status": "failed", "error": {"type": "ExpressionFailed", "step": "card"}}
    lines = explored(perdure, gift, "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["code"] for line in lines] == [one["code"] for one in found["findings"]]


def test_the_tests_that_are_written_hold_when_they_are_run(perdure, gift: str, project: Path) -> None:
    result = explored(perdure, gift, "--write", "gift.test.yaml", "--fail-on", "never")
    assert result.exit_code == 0
    assert "tests written to gift.test.yaml" in result.stderr
    (project / "perdure.toml").write_text("")
    ran = perdure("test", "gift.test.yaml", "-o", "json")
    cases = json.loads(ran.stdout)["cases"]
    assert (ran.exit_code, [case["holds"] for case in cases]) == (0, [True] * len(cases))
    assert len(cases) >= 2
    again = explored(perdure, gift, "--write", "gift.test.yaml")
    assert (again.exit_code, "exists already" in again.stderr) == (7, True)


def test_the_tests_go_to_standard_output(perdure, gift: str) -> None:
    made = yaml.safe_load(explored(perdure, gift, "--tests").stdout)
    assert made["test"] == "./gift.yaml"
    assert all(case["name"].startswith("WF4") for case in made["cases"])


def test_a_comment_silences_a_finding_and_validate_does_not_mind_it(perdure, gift: str, project: Path) -> None:
    silenced = GIFT.replace("  - {id: card", "  # perdure: ignore[WF415] everybody has a gift\n  - {id: card")
    (project / gift).write_text(silenced)
    assert "WF415" not in explored(perdure, gift).stdout
    assert "WF901" not in perdure("validate", gift, "--no-activities").stdout


def test_the_project_weighs_findings_as_it_does_others(perdure, gift: str, project: Path) -> None:
    settings = project / "perdure.toml"
    settings.write_text(settings.read_text() + '\n[lint]\nignore = ["WF415", "WF418"]\n')
    assert explored(perdure, gift).exit_code == 0


UNSTEERED = """workflow: unsteered
steps:
  - {set: {low: "{{ input.price | min }}"}}
  - {id: approval, if: 'CONDITION', ask: {prompt: ok?}}
"""


def test_a_finding_whose_way_could_not_be_steered_counts_and_says_why_it_is_not_shown(perdure, project: Path) -> None:
    (project / "unsteered.yaml").write_text(UNSTEERED.replace("CONDITION", "vars.low > 200"))
    result = explored(perdure, "unsteered.yaml")
    assert (result.exit_code, "warning WF416" in result.stdout) == (1, True)
    assert "  not shown by a test: no values were found that make vars.low > 200 hold\n" in result.stdout
    (found,) = json.loads(explored(perdure, "unsteered.yaml", "-o", "json").stdout)["findings"]
    assert (found["shown"], found["obstacle"], found["test"]) == (False, "make vars.low > 200 hold", None)
    assert "nothing to show" in explored(perdure, "unsteered.yaml", "--tests").stderr


def test_a_finding_behind_conditions_that_contradict_each_other_is_a_note(perdure, project: Path) -> None:
    (project / "unsteered.yaml").write_text(UNSTEERED.replace("CONDITION", "input.n > 5 and input.n < 3"))
    result = explored(perdure, "unsteered.yaml")
    assert (result.exit_code, "note WF416" in result.stdout) == (0, True)
    assert "  a run of it as a test went another way: it may not be possible\n" in result.stdout


def test_a_file_of_tests_is_called_as_tests_are(perdure, gift: str) -> None:
    result = explored(perdure, gift, "--write", "gift.yaml")
    assert (result.exit_code, "NAME.test.yaml" in result.stderr) == (2, True)


def test_a_definition_with_errors_is_not_explored(perdure, project: Path) -> None:
    (project / "bad.yaml").write_text("workflow: bad\nsteps: []\n")
    result = explored(perdure, "bad.yaml")
    assert (result.exit_code, "Traceback" in result.stderr) == (1, False)
    assert explored(perdure, "nothing.yaml").exit_code == 3


def test_the_page_about_it_shows_what_it_says(perdure, project: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "explore-a-workflow.md").read_text("utf-8")
    definition, told, case = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    (project / "gift.yaml").write_text(definition)
    (project / "perdure.toml").write_text("")
    assert perdure("explore", "gift.yaml").stdout == told
    assert case in perdure("explore", "gift.yaml", "--tests").stdout
