"""What a project may say about the rules, and what comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.definition.diagnostics import Diagnostic, Place, report
from perdure.definition.lint import Lint, LintProblem, read_lint


def found(code: str, file: str = "a.yaml", line: int = 1) -> Diagnostic:
    return report(code, "something", Place(file, line, 1, line, 2))


def weights(lint: Lint, *codes: str, file: str = "a.yaml") -> list[str]:
    return [one.severity for one in lint.weighed(found(code, file, line) for line, code in enumerate(codes, 1))]


def test_without_settings_rules_weigh_what_they_do() -> None:
    assert weights(Lint(), "WF301", "WF405", "WF503") == ["error", "warning", "off"]


def test_select_switches_rules_on_that_are_off() -> None:
    assert weights(read_lint({"select": ["WF5"]}), "WF503", "WF410", "WF509") == ["warning", "off", "info"]
    assert weights(read_lint({"select": ["no-timeout"]}), "WF503", "WF511") == ["warning", "off"]


def test_ignore_switches_rules_off_but_no_error_that_keeps_a_definition_from_running() -> None:
    assert weights(read_lint({"ignore": ["WF4"]}), "WF405", "WF402") == ["off", "error"]
    assert weights(read_lint({"ignore": ["WF601"]}), "WF601") == ["off"]
    assert weights(read_lint({"ignore": ["WF503"], "select": ["WF5"]}), "WF503") == ["off"]


def test_the_most_exact_word_decides_how_much_a_rule_weighs() -> None:
    lint = read_lint({"severity": {"WF4": "info", "WF405": "error", "unused-fragment": "off", "WF413": "error"}})
    assert weights(lint, "WF405", "WF406", "WF413", "WF402") == ["error", "info", "off", "error"]


def test_a_severity_switches_a_rule_on() -> None:
    assert weights(read_lint({"severity": {"WF503": "error"}}), "WF503") == ["error"]


def test_rules_are_ignored_where_a_path_fits() -> None:
    lint = read_lint({"per_path_ignore": {"drafts/*": ["WF4"], "*.json": ["unused-default"]}})
    assert weights(lint, "WF405", "WF402", file="drafts/deep/a.yaml") == ["off", "error"]
    assert weights(lint, "WF405", "WF506", file="b.json") == ["warning", "off"]
    given = lint.weighed([found("WF405", "../other/drafts/a.yaml")], lambda file: file.removeprefix("../other/"))
    assert given[0].severity == "off"


@pytest.mark.parametrize(
    ("table", "path", "complaint"),
    [
        (3, (), "must be a table"),
        ({"selct": []}, ("selct",), 'did you mean "select"'),
        ({"select": "WF5"}, ("select",), "must be a list"),
        ({"select": [""]}, ("select",), "must be a list"),
        ({"select": ["WF999"]}, ("select",), "there is no rule 'WF999'"),
        ({"ignore": ["no-timeuot"]}, ("ignore",), 'did you mean "no-timeout"'),
        ({"ignore": ["WF301"]}, ("ignore",), "WF301 is an error, which cannot be ignored"),
        ({"severity": ["WF405"]}, ("severity",), "must be a table"),
        ({"severity": {"WF405": "loud"}}, ("severity", "WF405"), "must be one of error, warning, info, off"),
        ({"severity": {"WF301": "warning"}}, ("severity", "WF301"), "cannot be made less"),
        ({"severity": {"": "warning"}}, ("severity", ""), "there is no rule"),
        ({"per_path_ignore": []}, ("per_path_ignore",), "must be a table of paths"),
        ({"per_path_ignore": {"a/*": "WF5"}}, ("per_path_ignore", "a/*"), "must be a list"),
        ({"per_path_ignore": {"a/*": ["WF301"]}}, ("per_path_ignore", "a/*"), "cannot be ignored"),
    ],
)
def test_a_wrong_setting_is_named(table: Any, path: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(LintProblem, match=complaint) as raised:
        read_lint(table)
    assert raised.value.path == path
