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
)  # fmt: skip
