"""The formats other programs read, against their own schemas.

`formats/sarif-2.1.0.schema.json` is the schema of OASIS and SchemaStore as the npm package @microsoft/jest-sarif has it
(MIT; without its descriptions), `rdformat.schema.json` that of the npm package @umbrelladocs/rdformat-validator
(Apache-2.0). GitLab publishes no schema in a package: `CODE_QUALITY` says what its documentation asks for. `JUNIT` is
made by hand as well, after Jenkins' junit-10.xsd and Ant's XSD: no reader of XSD is among the dependencies.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import validators
from jsonschema.protocols import Validator

from perdure.activities import Registry
from perdure.definition import inspect
from perdure.definition.diagnostics import Diagnostic, Place, Related, report
from perdure.definition.render import FORMATS
from perdure.testing.declared.files import junit
from perdure.testing.declared.session import run_session

SCHEMAS = Path(__file__).parent / "formats"
CODE_QUALITY: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "not": {"pattern": r"^(\./|/)"}},
                    "lines": {"type": "object", "required": ["begin"], "properties": {"begin": {"type": "integer"}}},
                },
            },
        },
    },
}

JUNIT: dict[str, tuple[set[str], set[str], dict[str, str]]] = {
    "testsuites": (set(), {"name", "tests", "failures", "errors", "time"}, {"testsuite": "*"}),
    "testsuite": (
        {"name", "tests"},
        {"failures", "errors", "skipped", "time", "timestamp", "hostname", "file"},
        {"testcase": "*"},
    ),
    "testcase": (
        {"name", "classname"},
        {"time", "file"},
        {"failure": "*", "error": "*", "skipped": "?", "system-out": "?", "system-err": "?"},
    ),
    "failure": (set(), {"type", "message"}, {}),
    "error": (set(), {"type", "message"}, {}),
    "skipped": (set(), {"type", "message"}, {}),
}
"""Element → the attributes it must have, those it may have, and the elements it may hold, `?` at most once."""
COUNTS = {"tests", "failures", "errors", "skipped"}

TEXT = """\
workflow: size
steps:
  - id: fetch
    activity: a.b
    with: {"größe 😀": "{{ steps.fetchh }}"}
  - id: fetch
    activity: a.b
"""
PLACE = Place("./some dir/a&b.yaml", 3, 5, 3, 9)
FOUND = [
    report("WF301", 'unknown step "a<b>\x00"', PLACE, 'did you mean & "this"?', related=[Related(PLACE, "here")]),
    report("WF301", 'unknown step "a<b>\x00"', Place("some dir/a&b.yaml", 7, 1, 9, 1)),
    report("WF503", "it may wait for ever", PLACE),
    report("WF509", "it comes twice", Place("/tmp/other.yaml", 1, 1, 1, 2)),
]


def checker(name: str) -> Validator:
    schema = json.loads((SCHEMAS / name).read_text())
    return validators.validator_for(schema)(schema)


def written(form: str, found: list[Diagnostic], lines: Any = None) -> Any:
    return json.loads(FORMATS[form](found, lines or {}))


def real() -> tuple[list[Diagnostic], dict[str, list[str]]]:
    inspection = inspect(TEXT, file="a.yaml")
    assert len(inspection.diagnostics) > 1
    return inspection.diagnostics, {"a.yaml": TEXT.splitlines()}


@pytest.mark.parametrize("found", [[], FOUND, real()[0]], ids=["none", "hostile", "real"])
@pytest.mark.parametrize(("form", "schema"), [("sarif", "sarif-2.1.0.schema.json"), ("rdjson", "rdformat.schema.json")])
def test_a_report_holds_against_the_schema_of_its_format(form: str, schema: str, found: list[Diagnostic]) -> None:
    told = written(form, found)
    assert [problem.message for problem in checker(schema).iter_errors(told)] == []


def test_sarif_names_rule_level_and_place() -> None:
    run = written("sarif", FOUND)["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["WF301", "WF503", "WF509"]
    first, _, third, fourth = run["results"]
    assert (first["ruleId"], first["ruleIndex"], first["level"]) == ("WF301", 0, "error")
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "some%20dir/a%26b.yaml"
    assert place["region"] == {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 9}
    assert first["relatedLocations"][0]["message"]["text"] == "here"
    assert (third["level"], fourth["level"]) == ("none", "note")
    assert fourth["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "file:///tmp/other.yaml"


def test_gitlab_takes_the_report() -> None:
    checked = validators.Draft202012Validator(CODE_QUALITY)
    assert [problem.message for problem in checked.iter_errors(written("gitlab", FOUND[:3]))] == []
    assert written("gitlab", []) == []
    assert [one["severity"] for one in written("gitlab", FOUND)] == ["major", "major", "info", "info"]


def test_a_fingerprint_is_unique_and_stays_when_lines_move() -> None:
    prints = [one["fingerprint"] for one in written("gitlab", FOUND)]
    assert len(set(prints)) == len(prints)
    moved = written("gitlab", [report("WF301", FOUND[0].message, Place("some dir/a&b.yaml", 99, 1, 99, 2))])
    assert moved[0]["fingerprint"] == prints[0]


def test_rdjson_counts_columns_in_bytes() -> None:
    found, lines = real()
    one = next(one for one in written("rdjson", found, lines)["diagnostics"] if one["code"]["value"] == "WF301")
    start, end = one["location"]["range"]["start"], one["location"]["range"]["end"]
    line = TEXT.splitlines()[start["line"] - 1].encode()
    assert line[start["column"] - 1 : end["column"] - 1] == b"fetchh"


def unfit(element: ElementTree.Element) -> list[str]:
    """What is wrong with an element of JUnit's, and with all it holds."""
    if element.tag not in JUNIT:
        return [f"{element.tag} is not known"]
    needed, allowed, inside = JUNIT[element.tag]
    found = [f"{element.tag} lacks {name}" for name in needed - element.attrib.keys()]
    found += [f"{element.tag} has {name}" for name in element.attrib.keys() - needed - allowed]
    for name, value in element.attrib.items():
        if (name in COUNTS and not value.isdigit()) or (name == "time" and not value.replace(".", "", 1).isdigit()):
            found.append(f"{element.tag} has {name}={value!r}")
    tags = [child.tag for child in element]
    found += [f"{element.tag} holds {tag}" for tag in tags if tag not in inside]
    found += [f"{element.tag} holds {tag} twice" for tag, most in inside.items() if most == "?" and tags.count(tag) > 1]
    return [*found, *(problem for child in element for problem in unfit(child))]


@pytest.mark.parametrize("found", [[], FOUND, real()[0]], ids=["none", "hostile", "real"])
def test_findings_as_junit_fit_what_its_readers_accept(found: list[Diagnostic]) -> None:
    assert unfit(ElementTree.fromstring(FORMATS["junit"](found, {"fine.yaml": []}))) == []


def test_tests_as_junit_fit_what_its_readers_accept(tmp_path: Path) -> None:
    (tmp_path / "it.yaml").write_text("workflow: it\nsteps: [{id: a, wait: 3s}]\n")
    cases = "cases:\n  - {name: 'it <waits>', expect: {elapsed: 3s}}\n  - {name: it fails, expect: {status: failed}}\n"
    (tmp_path / "it.test.yaml").write_text(f"test: ./it.yaml\n{cases}")
    (tmp_path / "broken.test.yaml").write_text("test: ./it.yaml\ncases: 3\n")
    session = run_session([tmp_path / "it.test.yaml", tmp_path / "broken.test.yaml"], Registry.load([]))
    root = ElementTree.fromstring(junit(session))
    assert unfit(root) == []
    assert len(root.findall(".//failure")) + len(root.findall(".//error")) == 2


def test_junit_has_a_suite_for_each_file_and_a_failure_for_each_problem() -> None:
    root = ElementTree.fromstring(FORMATS["junit"](FOUND, {"fine.yaml": []}))
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "5", "4")
    for suite in root:
        cases = list(suite)
        assert suite.tag == "testsuite"
        assert set(suite.attrib) == {"name", "tests", "failures", "errors", "time"}
        assert int(suite.attrib["tests"]) == len(cases)
        assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure"))
        for case in cases:
            assert case.tag == "testcase"
            assert set(case.attrib) == {"name", "classname", "time"}
            assert [set(part.attrib) for part in case] in ([], [{"type", "message"}])
    assert next((suite.get("name"), suite.get("failures")) for suite in root) == ("fine.yaml", "0")
    assert "a<b>�" in (root.find(".//failure").text or "")
