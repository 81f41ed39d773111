"""The examples of the rules about tests: each bad one is found, no good one is."""

from __future__ import annotations

import pytest

from perdure import activity
from perdure.definition.rules.testing import TESTING

DEFINITION = """
workflow: it
steps:
  - {id: mail, activity: mail.send}
  - {id: charge, activity: payments.charge}
  - {id: flight, activity: flights.book}
  - {id: word, wait: {signal: approve}}
"""


@activity("flights.book")
def book() -> dict[str, str | int]:
    return {}


@activity("mail.send")
def send() -> str:
    return ""


@activity("payments.charge")
def charge() -> str:
    return ""


def found(check, piece: str) -> list[str]:
    head = piece if piece.startswith("test:") else ""
    if piece.startswith("- "):
        piece = f"mocks: [{piece[2:]}]"
    if piece.startswith("input:"):
        piece = f"matrix: [{{card: 1}}]\n    {piece}"
    case = f"  - name: it\n    {'expect: {}' if head else piece}\n"
    session = check(case, definition=DEFINITION, head="", activities=[book, send, charge],
                    files={"book-trip.yaml": DEFINITION}, test=head.removeprefix("test: ") or "./it.yaml")  # fmt: skip
    return [one.code for suite in session.suites for one in suite.diagnostics]


@pytest.mark.parametrize("rule", TESTING.values(), ids=lambda rule: rule.code)
def test_the_bad_example_of_a_rule_is_found_and_the_good_one_is_not(check, rule):
    assert rule.code in found(check, rule.bad)
    assert rule.code not in found(check, rule.good)
