"""`perdure test`: what it prints and writes, how it ends, and what it says to slips of the pen."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cli_project import Process
from click.testing import Result

from perdure.cli.testing.watch import times

Perdure = Callable[..., Result]

GOOD = """
test: ./book-trip.yaml
mocks:
  - {activity: flights.book, return: {id: F1, price: 100}}
  - {activity: hotels.book, return: {id: H1, price: 80}}
  - {activity: payments.charge, return: {id: R1}}
cases:
  - name: a trip is booked
    input: {flight: LH1, hotel: Ritz, card: "4242"}
    expect: {output: {receipt: R1}}
  - name: a trip has its price
    input: {flight: LH1, hotel: Ritz, card: "4242"}
    expect: {calls: [{step: charge, with: {amount: 180}}]}
"""


@pytest.fixture
def good(project: Path) -> Path:
    file = project / "definitions" / "book-trip.test.yaml"
    file.write_text(GOOD)
    return file


@pytest.fixture
def bad(project: Path) -> Path:
    file = project / "definitions" / "bad.test.yaml"
    file.write_text(GOOD.replace("{receipt: R1}", "{receipt: R2}"))
    return file


def test_tests_that_hold_end_with_0_and_say_how_many(perdure: Perdure, good: Path) -> None:
    result = perdure("test")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "1 file, 2 cases: 2 hold\n")
    assert "holds definitions/book-trip.test.yaml:8: a trip is booked\n" in perdure("test", "-v").stdout
    assert perdure("test", "-q", str(good)).stderr == ""


def test_a_test_that_fails_ends_with_1_and_is_told(perdure: Perdure, bad: Path) -> None:
    result = perdure("test", "definitions/bad.test.yaml")
    assert result.exit_code == 1
    assert result.stdout == (
        "fails definitions/bad.test.yaml:8: a trip is booked\n"
        "  definitions/bad.test.yaml:10: expect.output.receipt\n"
        '    expected "R2"\n'
        '    found    "R1"\n'
        "  path: flight → hotel → charge\n"
    )
    assert result.stderr == "1 file, 2 cases: 1 holds, 1 fails\n"


def test_cases_are_picked_by_a_part_of_their_name(perdure: Perdure, bad: Path) -> None:
    assert perdure("test", "-k", "PRICE").exit_code == 0
    assert perdure("test", "-k", "booked").exit_code == 1
    assert perdure("test", "-k", "price", "-k", "booked").stderr == "1 file, 2 cases: 1 holds, 1 fails\n"
    result = perdure("test", "-k", "nothing")
    assert (result.exit_code, result.stderr) == (2, "error: no case has nothing in its name\n")


def test_coverage_is_shown_and_may_be_demanded(perdure: Perdure, good: Path) -> None:
    result = perdure("test", "--coverage")
    assert result.exit_code == 0
    assert "book-trip: " in result.stdout
    assert "flight/compensate begins: never" in result.stdout
    assert perdure("test", "--min-coverage", "10").exit_code == 0
    result = perdure("test", "--min-coverage", "99.5")
    assert result.exit_code == 1
    assert "were reached, less than 99.5%" in result.stderr
    assert perdure("test", "--min-coverage", "101").exit_code == 2


def test_results_and_coverage_are_written_for_other_programs(perdure: Perdure, good: Path, project: Path) -> None:
    assert perdure("test", "--junit", "j.xml", "--cobertura", "c.xml").exit_code == 0
    assert ElementTree.parse(project / "j.xml").getroot()[0].get("tests") == "2"
    [found] = ElementTree.parse(project / "c.xml").getroot().iter("class")
    assert found.get("filename") == "definitions/book-trip.yaml"


def test_the_report_as_json_has_all_of_it(perdure: Perdure, bad: Path) -> None:
    result = perdure("test", "-o", "json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (found["format_version"], found["holds"]) == (1, False)
    assert [case["holds"] for case in found["cases"]] == [False, True]
    assert found["cases"][0]["failures"] == [
        {"place": "definitions/bad.test.yaml:10:32", "what": "expect.output.receipt", "reason": None,
         "expected": "R2", "found": "R1"},
    ]  # fmt: skip
    assert found["coverage"][0]["workflow"] == "book-trip"
    lines = perdure("test", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["a trip is booked", "a trip has its price"]


def test_what_is_wrong_with_a_file_is_told_as_validate_tells_it(perdure: Perdure, good: Path) -> None:
    good.write_text(GOOD.replace("step: charge", "step: chrage"))
    result = perdure("test")
    assert result.exit_code == 1
    told = 'definitions/book-trip.test.yaml:13:29: WF330 unknown-in-test: the definition has no step "chrage"'
    assert told in result.stdout
    assert '  hint: did you mean "charge"?' in result.stdout
    assert result.stderr == "1 file, 0 cases: 0 hold, 1 file cannot be used\n"


def test_paths_that_lead_nowhere_are_told(perdure: Perdure, project: Path) -> None:
    result = perdure("test", "nowhere")
    assert (result.exit_code, result.stderr) == (3, "error: there is no file nowhere\n")
    result = perdure("test")
    assert result.exit_code == 2
    assert "no tests found in definitions; they are called *.test.yaml" in result.stderr


def test_a_test_is_recorded_from_a_run_and_holds(perdure: Perdure, project: Path) -> None:
    start = ("run", "book-trip", "-i", "flight=A", "-i", "hotel=B", "--id", "trip-1")
    assert perdure(*start, "-i", "card=4000").exit_code == 1
    target = "definitions/trip-1.test.yaml"
    result = perdure("test", "record", "trip-1", "--to", target, "--name", "it was declined")
    assert (result.exit_code, result.stderr) == (0, f"written: {target}\n")
    assert "payments.Declined" in (project / target).read_text()
    assert perdure("test", "-v").stdout == f"holds {target}:5: it was declined\n"
    assert perdure("test", "record", "trip-1", "--to", target).exit_code == 7
    assert perdure("test", "record", "trip-1", "--to", "x.yaml").exit_code == 2
    assert perdure("test", "record", "trip-1").stdout.startswith("test: ./book-trip.yaml\n")
    assert perdure("test", "record", "nothing").exit_code == 3


def test_a_run_of_a_definition_that_has_changed_is_recorded_with_a_warning(perdure: Perdure, project: Path) -> None:
    assert perdure("run", "book-trip", "-i", "flight=A", "-i", "hotel=B", "-i", "card=1", "--id", "t").exit_code == 0
    file = project / "definitions" / "book-trip.yaml"
    file.write_text(file.read_text() + "\n# changed\n")
    assert "has changed since the run began" in perdure("test", "record", "t").stderr


def test_help_names_both_ways(perdure: Perdure) -> None:
    assert "Usage: perdure test [OPTIONS] [PATHS]..." in perdure("test", "--help").stdout
    assert "Usage: perdure test record [OPTIONS] RUN" in perdure("test", "record", "--help").stdout


def test_the_schema_of_tests_is_printed_and_written(perdure: Perdure, project: Path) -> None:
    printed = perdure("schema", "--tests").stdout
    assert json.loads(printed)["title"] == "Perdure tests of a workflow definition"
    perdure("schema", "--write")
    assert (project / "schemas" / "test.schema.json").read_text() == printed


# -- watching


def test_watching_sees_a_changed_a_new_and_a_lost_file(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a")
    seen = [times([tmp_path])]
    os.utime(file, ns=(1, 1))
    seen.append(times([tmp_path]))
    (tmp_path / "b.py").write_text("b")
    seen.append(times([tmp_path]))
    file.unlink()
    seen.append(times([tmp_path]))
    assert all(before != after for before, after in pairwise(seen))


def test_watching_does_not_look_at_what_others_wrote(tmp_path: Path) -> None:
    for name in (".git", "node_modules"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text("a")
    (tmp_path / "notes.txt").write_text("a")
    assert times([tmp_path]) == {}


def test_watch_runs_again_when_a_file_changes(spawn: Callable[..., Process], good: Path) -> None:
    process = spawn("test", "--watch")
    process.line("2 cases: 2 hold")
    process.line("waiting for a change")
    good.write_text(GOOD.replace("receipt: R1}", "receipt: R9}"))
    process.line("2 cases: 1 holds, 1 fails")
    process.line("waiting for a change")
    process.send(signal.SIGINT)
    assert process.ended()[0] == 0
