"""The examples of the rules: each bad one is found, no good one is."""

from __future__ import annotations

from textwrap import indent
from typing import Any

import pytest

from perdure.definition import inspect
from perdure.definition.rules import RULES
from perdure.definition.rules.testing import TESTING

NOT_FOUND = ("WF421", "WF801", "WF802", "WF803", "WF904", "WF415", "WF416", "WF417", "WF418", "WF419", *TESTING)
"""Rules that look at more than the definition, and those of `explore`."""

TOP = ("input", "schedule", "vars", "steps", "fragments", "defaults", "output", "finally", "wait", "catch")
MAIL = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"], "additionalProperties": False}
CATALOGUE: dict[str, Any] = {
    "mail.send": {"arguments": MAIL, "result": {}, "deprecated": None},
    "mail.send_old": {"arguments": {}, "result": {}, "deprecated": "use mail.send"},
    "payments.charge": {"arguments": {}, "result": {}, "deprecated": None},
}
CLOSED = "{type: object, properties: {order: {}, address: {}}, additionalProperties: false}"
HEADS = {
    "WF311": f"input: {CLOSED}\n",
    "WF411": f"fragments: {{notify: {{input: {CLOSED}, steps: [{{activity: a.b}}]}}}}\n",
}
"""What an example takes for granted."""


def whole(code: str, piece: str) -> str:
    """A definition around the example: steps, top-level keys, or keys of a step."""
    if piece.startswith("workflow:"):
        return f"{piece}\n"
    head = "workflow: t\n" + HEADS.get(code, "")
    key = piece.partition(":")[0]
    if piece.startswith("- "):
        return f"{head}steps:\n{indent(piece, '  ')}\n"
    if key in TOP and key != "wait":
        steps = "" if "\nsteps:" in f"\n{piece}" else "steps: [{id: fetch, activity: a.b}]\n"
        return f"{head}{piece}\n{steps}"
    kind = {"foreach": "steps: []", "prompt": "", "wait": ""}.get(key, "activity: a.b")
    if key == "prompt":
        piece = f"ask:\n{indent(piece, '  ')}"
    return f"{head}steps:\n  - id: x\n{indent(piece, '    ')}\n" + (f"    {kind}\n" if kind else "")


def found(code: str, piece: str) -> list[str]:
    catalogue = CATALOGUE if code.startswith("WF6") else None
    inspection = inspect(whole(code, piece), catalogue=catalogue)
    return [diagnostic.code for diagnostic in (*inspection.diagnostics, *inspection.quiet)]


@pytest.mark.parametrize(
    "rule",
    [rule for rule in RULES.values() if rule.code[2] in "345679" and rule.code not in NOT_FOUND],
    ids=lambda r: r.code,
)
def test_the_bad_example_of_a_rule_is_found_and_the_good_one_is_not(rule):
    assert rule.code in found(rule.code, rule.bad)
    assert rule.code not in found(rule.code, rule.good)
