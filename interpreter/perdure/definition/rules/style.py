"""Rules 9xx: style — what runs well but reads badly."""

from __future__ import annotations

from typing import Final

from perdure.definition.rules.rule import Rule, table

STYLE: Final = table(
    Rule(
        "WF901", "unused-suppression", "warning",
        "an ignore comment that silences nothing",
        "What it once excused is gone, or its code is mistyped; left alone it would excuse the next mistake.",
        "timeout: 5m  # perdure: ignore[WF503] answered by phone",
        "timeout: 5m",
    ),
    Rule(
        "WF902", "unnamed-wait", "warning",
        "a step that waits and has no id",
        "A waiting step is found by its address, which is made of ids; a named one survives an edit above it.",
        "- wait: {signal: paid}",
        "- id: payment\n  wait: {signal: paid}",
    ),
    Rule(
        "WF903", "naming", "off",
        "a name or id that is not written in lower case with one kind of separator",
        "Names are typed in commands, queries and expressions; one spelling for all needs no looking up.",
        "- id: chargeCard\n  activity: payments.charge",
        "- id: charge-card\n  activity: payments.charge",
    ),
    Rule(
        "WF904", "no-tests", "off",
        "a definition without a file of tests beside it",
        "What no test runs is first run in earnest, its errors and timeouts too.",
        "workflow: order   # order.yaml, alone in its directory\nsteps:\n  - activity: payments.charge",
        "workflow: order   # order.yaml, with order.test.yaml beside it\nsteps:\n  - activity: payments.charge",
    ),
    Rule(
        "WF905", "no-description", "off",
        "a definition that does not say what it is for",
        "Lists of definitions and pictures show the description; its name is all they have without it.",
        "workflow: order\nsteps:\n  - activity: payments.charge",
        "workflow: order\ndescription: Charge the card.\nsteps:\n  - activity: payments.charge",
    ),
    Rule(
        "WF906", "no-version-label", "off",
        "a definition without a version label",
        "People tell versions apart by the label; without one there is only the digest of the text.",
        "workflow: order\nsteps:\n  - activity: payments.charge",
        "workflow: order\nversion: '1.0'\nsteps:\n  - activity: payments.charge",
    ),
)  # fmt: skip
