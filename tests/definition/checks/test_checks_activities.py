"""Calls of activities against a catalogue."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.activities import Registry
from perdure.definition.checks.activities import BUILT_IN


def entry(properties: dict[str, Any], *required: str, deprecated: str | None = None, **more: Any) -> dict[str, Any]:
    arguments = {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}
    return {"arguments": {**arguments, **more}, "result": {}, "summary": "", "deprecated": deprecated}


LEG = {"type": "object", "properties": {"code": {"type": "string"}, "n": {"type": "integer"}}, "required": ["code"]}
CATALOGUE = {
    "mail.send": entry({"to": {"type": "string"}, "copies": {"type": "integer", "minimum": 1}}, "to"),
    "mail.post": entry({}, deprecated="use mail.send"),
    "flights.book": entry(
        {
            "legs": {"type": "array", "items": {"$ref": "#/$defs/Leg"}, "maxItems": 2},
            "class": {"anyOf": [{"enum": ["eco", "first"]}, {"type": "null"}]},
            "options": {"type": "object", "properties": {"seat": {"type": "string"}}, "additionalProperties": False},
        },
        "legs",
        **{"$defs": {"Leg": LEG}},
    ),
    "open.call": {"arguments": {"type": "object", "additionalProperties": True}, "result": {}},
}


def test_without_a_catalogue_nothing_is_known_about_activities(holds):
    holds("""
        workflow: t
        steps: [{activity: what.ever, with: {x: 1}}]
        """)


def test_unknown_and_deprecated_activities_are_told(diagnose):
    text = """
        workflow: t
        steps: [{activity: mail.sent, with: {to: x}}, {activity: mail.post}, {activity: open.call, with: {a: 1}}]
        """
    assert [(d.code, d.severity, d.message, d.hint) for d in diagnose(text, catalogue=CATALOGUE)] == [
        ("WF601", "error", 'there is no activity "mail.sent"', 'did you mean "mail.send"?'),
        ("WF606", "warning", "mail.post is deprecated", "use mail.send"),
    ]


def test_unknown_and_missing_arguments_are_told(diagnose):
    text = """
        workflow: t
        steps:
          - {activity: mail.send, with: {too: x}}
          - {activity: mail.send}
          - {activity: mail.post, with: {x: 1}}
        """
    found = [(d.place.line, d.code, d.message, d.hint) for d in diagnose(text, catalogue=CATALOGUE)]
    assert found == [
        (3, "WF602", 'mail.send takes no "too"', 'did you mean "to"?'),
        (4, "WF603", 'mail.send needs "to"', "add to to `with:`"),
        (5, "WF606", "mail.post is deprecated", "use mail.send"),
        (5, "WF602", 'mail.post takes no "x"', "it takes none"),
    ]


def test_a_missing_argument_that_no_slip_stands_for_is_told_beside_the_unknown_one(diagnose):
    text = """
        workflow: t
        steps: [{activity: mail.send, with: {copeis: 1}}]
        """
    found = [(d.code, d.hint) for d in diagnose(text, catalogue=CATALOGUE)]
    assert found == [("WF603", "add to to `with:`"), ("WF602", 'did you mean "copies"?')]


def test_where_only_built_in_activities_are_known_the_hint_says_how_to_name_others(diagnose):
    text = """
        workflow: t
        steps: [{activity: shop.pay}, {activity: lgo}]
        """
    builtin = Registry.load(entry_points=False).catalogue()
    assert builtin.keys() == BUILT_IN
    named = {**builtin, **CATALOGUE}
    how = "no project activities are loaded: --activities MODULE, or activities in perdure.toml"
    assert [d.hint for d in diagnose(text, catalogue=builtin)] == [how, 'did you mean "log"?']
    assert [d.hint for d in diagnose(text, catalogue=named)] == [None, 'did you mean "log"?']


@pytest.mark.parametrize(
    ("given", "tokens"),
    [
        ("mail.send, with: {to: ana, copies: 2}", []),
        ("mail.send, with: {to: '{{ input.to }}', copies: '{{ input.n }}'}", []),
        ("mail.send, with: {to: 3, copies: 2}", ["3"]),
        ("mail.send, with: {to: ana, copies: 0}", ["0"]),
        ("mail.send, with: {to: ana, copies: two}", ["two"]),
        ("flights.book, with: {legs: [{code: LH1, n: 2}], class: eco, options: {seat: 1A}}", []),
        ("flights.book, with: {legs: '{{ input.legs }}', class: null}", []),
        ("flights.book, with: {legs: ['{{ input.leg }}', {code: '{{ input.code }}', n: 1}]}", []),
        ("flights.book, with: {legs: [{code: '{{ input.code }}', n: one}]}", ["one"]),
        ("flights.book, with: {legs: [{n: 1}, '{{ input.leg }}']}", ["{n: 1}"]),
        ("flights.book, with: {legs: ['{{ input.leg }}', LH1]}", ["LH1"]),
        ("flights.book, with: {legs: [{code: a}, {code: b}, {code: c}]}", ["[{code: a}, {code: b}, {code: c}]"]),
        ("flights.book, with: {legs: [], class: third}", ["third"]),
        ("flights.book, with: {legs: [], options: {saet: '{{ input.seat }}'}}", ["saet"]),
        ("flights.book, with: {legs: [], options: {seat: 1}}", ["1"]),
        ("flights.book, with: {legs: none}", ["none"]),
    ],
)
def test_literal_arguments_are_checked_and_templates_are_not(diagnose, given, tokens):
    found = diagnose(f"workflow: t\nsteps:\n  - {{activity: {given}}}\n", catalogue=CATALOGUE)
    line = f"  - {{activity: {given}}}"
    assert [(d.code, line[d.place.column - 1 : d.place.end_column - 1]) for d in found] == [
        ("WF604", token) for token in tokens
    ]


def test_a_wrong_argument_inside_a_fragment_is_told_once(diagnose):
    text = """
        workflow: t
        fragments: {f: {steps: [{activity: mail.send, with: {to: 3}}]}}
        steps: [{use: f}, {use: f}]
        """
    found = diagnose(text, catalogue=CATALOGUE)
    assert [(d.code, d.place.line, d.message) for d in found] == [("WF604", 2, '"to": 3 is not of type "string"')]
