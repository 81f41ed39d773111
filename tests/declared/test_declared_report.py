"""What people and programs read of tests: the report of a failure, JUnit's and Cobertura's XML."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from perdure.testing.declared import files, report

BAD = """
  - name: the receipt is said
    expect:
      status: failed
      steps: {approval: {status: completed}}
  - name: it expires
    expect: {error: Timeout}
"""


def test_a_failure_is_told_with_its_place_a_diff_and_the_path(check):
    [result, _] = check(BAD).results
    file = result.case.source.file
    assert report.failed(result) == (
        f"{file}:7: the receipt is said\n"
        f"  {file}:10: expect.steps.approval.status: Timeout: nothing came within 1d\n"
        '    expected "completed"\n'
        '    found    "failed"\n'
        "  path: charge → publish → approval (failed) → charge/compensate\n"
    )


def test_long_values_are_told_line_by_line():
    expected = {"items": [{"sku": "a", "price": 1}, {"sku": "b", "price": 2}], "note": "as it was ordered by ana"}
    found = {**expected, "items": [{"sku": "a", "price": 1}, {"sku": "c", "price": 2}]}
    lines = report.difference(expected, found)
    assert lines[0] == "- expected, + found"
    assert [line for line in lines[1:] if line[0] in "+-"] == ['-       "sku": "b"', '+       "sku": "c"']


def test_steps_that_begin_many_times_are_told_once(check):
    definition = "workflow: it\nsteps: [{id: work, activity: shop.work, retry: {attempts: 4, delay: 1s}}]\n"
    session = check("  - {name: it, mocks: [{step: work, raise: X}]}", definition=definition, head="")
    assert report.path(session.results[0]) == "work (failed) ×4"


def test_turns_of_one_step_are_told_once(check):
    definition = "workflow: it\nsteps: [{id: each, foreach: input.n, steps: [{id: a, set: {n: 1}}]}]\n"
    session = check("  - {name: it, input: {n: [1, 2, 3]}}", definition=definition, head="")
    assert report.path(session.results[0]) == "each → each[…]/a ×3"


def test_a_path_of_many_steps_is_cut_in_the_middle(check):
    definition = """
        workflow: it
        steps: [{id: each, foreach: input.n, steps: [{id: a, set: {n: 1}}, {id: b, publish: 1}]}]
        """
    session = check(f"  - {{name: it, input: {{n: {list(range(300))}}}}}", definition=definition, head="")
    path = report.path(session.results[0])
    assert path.startswith("each → each[0]/a → each[0]/b →")
    assert "… 541 more …" in path
    assert path.endswith("each[299]/b")


def test_the_summary_counts_cases_and_files(check):
    assert report.summary(check(BAD)) == "1 file, 2 cases: 1 holds, 1 fails"
    assert report.summary(check("  - {nam: it}")) == "1 file, 0 cases: 0 hold, 1 file cannot be used"


def test_junit_has_a_case_for_each_and_the_report_of_what_failed(check):
    root = ElementTree.fromstring(files.junit(check(BAD)))
    [suite] = root
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    [bad, good] = suite
    assert bad.get("name") == "the receipt is said"
    [failure] = bad
    assert failure.get("message").endswith("it.test.yaml:10: expect.steps.approval.status")
    assert 'expected "completed"' in failure.text
    assert list(good) == []


def test_junit_tells_of_a_file_that_cannot_be_used(check):
    root = ElementTree.fromstring(files.junit(check("  - {nam: it}")))
    [[case]] = root
    assert (case.get("name"), case[0].tag) == ("the file can be used", "error")
    assert "WF201" in case[0].get("message")


def test_characters_that_xml_cannot_hold_are_replaced(check):
    session = check('  - {name: it, expect: {output: "\\u0001 \\uffff"}}')
    root = ElementTree.fromstring(files.junit(session))
    assert "\\u0001" in root[0][0][0].text


def test_cobertura_has_a_line_for_each_step_and_its_ways_out_as_branches(check, tmp_path: Path):
    session = check(BAD)
    root = ElementTree.fromstring(files.cobertura(session.coverage.values(), tmp_path.resolve()))
    [found] = root.iter("class")
    lines = {int(line.get("number")): dict(line.attrib) for line in found.iter("line")}
    definition = (tmp_path / "it.yaml").read_text().split("\n")
    steps = [number for number, text in enumerate(definition, 1) if text.startswith("  - ")]
    assert found.get("filename") == "it.yaml"
    assert set(steps) <= set(lines)
    assert lines[steps[0]]["condition-coverage"] == "0% (0/1)"
    assert lines[steps[3]]["hits"] == "0"
    assert 0 < float(root.get("line-rate")) < 1
