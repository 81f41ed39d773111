"""The formats diagnostics are shown in."""

from __future__ import annotations

import json

from perdure.definition.diagnostics import Place, Related, report
from perdure.definition.reader import read
from perdure.definition.render import FORMATS, as_concise, as_github, as_json, as_text
from perdure.definition.shape import check_shape

SOURCE = read("workflow: x\nstpes: []\nsteps:\n  - wait: 3d\n", file="trip.yaml")
FOUND = check_shape(SOURCE)
LINES = {"trip.yaml": SOURCE.lines}


def test_text_shows_the_line_with_carets_and_the_hint() -> None:
    assert as_text(FOUND, LINES) == (
        'trip.yaml:2:1: WF201 unknown-key: the key "stpes" is not known here\n'
        "  |\n"
        "2 | stpes: []\n"
        "  | ^^^^^\n"
        '  hint: did you mean "steps"?\n'
    )


def test_text_without_the_lines_still_tells_all() -> None:
    assert as_text(FOUND) == (
        'trip.yaml:2:1: WF201 unknown-key: the key "stpes" is not known here\n  hint: did you mean "steps"?\n'
    )


def test_colour_is_only_there_when_asked_for() -> None:
    assert "\x1b" not in as_text(FOUND, LINES)
    assert "\x1b[31mWF201 unknown-key\x1b[0m" in as_text(FOUND, LINES, colour=True)


def test_carets_stand_under_wide_characters_and_tabs() -> None:
    found = report("WF201", "x", Place("f", 1, 4, 1, 6))
    assert as_text([found], {"f": ["字\té日b"]}).splitlines()[2:4] == ["1 | 字 é日b", "  |     ^^^"]


def test_a_problem_over_several_lines_is_underlined_to_the_end_of_the_first() -> None:
    found = report("WF201", "x", Place("f", 1, 3, 4, 1))
    assert as_text([found], {"f": ["a: bcd", "e", "f"]}).splitlines()[3] == "  |   ^^^^"


def test_a_long_line_is_cut_around_the_problem() -> None:
    found = report("WF201", "x", Place("f", 1, 501, 1, 504))
    shown, carets = as_text([found], {"f": ["a" * 500 + "bcd" + "e" * 500]}).splitlines()[2:4]
    assert len(shown) < 130
    assert shown[carets.index("^") : carets.rindex("^") + 1] == "bcd"


def test_control_characters_of_a_source_never_reach_the_terminal() -> None:
    found = report("WF108", "x", Place("f\x1b", 1, 1, 1, 2))
    assert "\x1b" not in as_text([found], {"f\x1b": ["\x1b]0;evil\x07"]})


def test_a_place_behind_the_end_of_its_line_gets_one_caret() -> None:
    found = report("WF101", "x", Place("f", 1, 3, 1, 4))
    assert as_text([found], {"f": ["a:"]}).splitlines()[3] == "  |   ^"


def test_related_places_are_noted() -> None:
    found = report("WF102", "x", Place("f", 2, 1, 2, 2), related=[Related(Place("f", 1, 1, 1, 2), "first here")])
    assert "  note: f:1:1: first here" in as_text([found])


def test_concise_is_one_line_a_problem() -> None:
    assert as_concise(FOUND) == "".join(f"{found}\n" for found in FOUND)


def test_json_has_a_format_version_and_all_facts() -> None:
    assert json.loads(as_json(FOUND)) == {
        "format_version": 1,
        "diagnostics": [
            {
                "code": "WF201",
                "name": "unknown-key",
                "message": 'the key "stpes" is not known here',
                "place": {"file": "trip.yaml", "line": 2, "column": 1, "end_line": 2, "end_column": 6},
                "severity": "error",
                "hint": 'did you mean "steps"?',
                "related": [],
            }
        ],
    }


def test_github_commands_are_escaped() -> None:
    place = Place("a,b:c%.yaml", 2, 1, 2, 6)
    assert as_github([report("WF104", "100% sure: a, b", place, "h", severity="info")]) == (
        "::notice file=a%2Cb%3Ac%25.yaml,line=2,endLine=2,col=1,endColumn=6,title=WF104 ambiguous-scalar"
        "::100%25 sure: a, b; h\n"
    )


def test_github_gets_no_columns_over_several_lines() -> None:
    assert as_github([report("WF101", "x", Place("f", 2, 1, 4, 6))]) == (
        "::error file=f,line=2,endLine=4,title=WF101 syntax::x\n"
    )


def test_every_format_takes_no_problems_at_all() -> None:
    reports = ("sarif", "gitlab", "rdjson", "junit")
    assert {name: form([], {}) for name, form in FORMATS.items() if name not in reports} == {
        "text": "", "concise": "", "github": "", "json": '{\n  "format_version": 1,\n  "diagnostics": []\n}\n',
        "jsonl": "", "yaml": "format_version: 1\ndiagnostics: []\n",
    }  # fmt: skip
