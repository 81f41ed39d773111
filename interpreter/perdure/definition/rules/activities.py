"""Rules 6xx: the activities a definition calls. WF605 was never reported; its code is not used again."""

from __future__ import annotations

from typing import Final

from perdure.definition.rules.rule import Rule, table

ACTIVITIES: Final = table(
    Rule(
        "WF601", "unknown-activity", "error",
        "an activity that is not installed",
        "The step would fail with UnknownActivity when the run gets there.",
        "- activity: payments.chrage",
        "- activity: payments.charge",
    ),
    Rule(
        "WF602", "unknown-argument", "error",
        "an argument the activity does not take",
        "The call would fail each time.",
        "- activity: mail.send\n  with: {too: a@example.com}",
        "- activity: mail.send\n  with: {to: a@example.com}",
    ),
    Rule(
        "WF603", "missing-argument", "error",
        "an argument the activity requires is absent",
        "The call would fail each time.",
        "- activity: mail.send",
        "- activity: mail.send\n  with: {to: a@example.com}",
    ),
    Rule(
        "WF604", "wrong-argument-type", "error",
        "an argument of a type the activity does not take",
        "The call would fail each time.",
        "- activity: mail.send\n  with: {to: 3}",
        "- activity: mail.send\n  with: {to: a@example.com}",
    ),
    Rule(
        "WF606", "deprecated-activity", "warning",
        "an activity its author has deprecated",
        "It will be taken away; its description says what to use instead.",
        "- activity: mail.send_old",
        "- activity: mail.send",
    ),
)  # fmt: skip
