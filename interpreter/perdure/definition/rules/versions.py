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
    Rule(
        "WF802", "input-narrowed", "warning",
        "an input that was accepted and is refused now; looked for with `--changed-since`",
        "Callers, schedules and parents that were right yesterday have their runs refused. `perdure diff` shows each "
        "change of the schema.",
        "input: {required: [item, card]}   # card was not required at the revision",
        "input: {required: [item], properties: {card: {type: [string, 'null'], default: null}}}",
    ),
    Rule(
        "WF803", "open-runs-stay-behind", "info",
        "a step in which runs wait has gone, by its address or its kind; looked for with `--changed-since`",
        "Runs that wait there stay with the definition that began them: they cannot be migrated to this one. "
        "`perdure plan` counts them in a store and says why for each.",
        "- id: approval   # was called decision at the revision\n  ask: {prompt: May it be sold?}",
        "- id: decision   # as at the revision\n  ask: {prompt: May it be sold?}",
    ),
)  # fmt: skip
