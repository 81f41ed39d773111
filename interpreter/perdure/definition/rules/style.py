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
)  # fmt: skip
