"""Rules 8xx: versions — what a change does to those who rely on a definition."""

from __future__ import annotations

from typing import Final

from perdure.definition.rules.rule import Rule, table

VERSIONS: Final = table(
    Rule(
        "WF801", "unchanged-label", "warning",
        "a definition that has changed, while its version label has not; looked for with `--changed-since`",
        "The label is how people tell versions apart; two that differ under one label leave it to guesswork. "
        "Comments and spelling do not count as a change.",
        'version: "1.4"\nsteps:\n  - activity: mail.send   # was mail.queue at the revision, with the label 1.4 too',
        'version: "1.5"\nsteps:\n  - activity: mail.send',
    ),
)  # fmt: skip
