"""What a rule is: a stable code with its name, its severity, and the words that explain it.

Knows no diagnostic and no check; the tables beside this file hold the rules, one file per group.
"""

from __future__ import annotations

from typing import Final, Literal

from perdure.record import record

Severity = Literal["error", "warning", "info", "off"]
"""How much a finding weighs by default; `off` is reported only when asked for."""

GROUPS: Final = {
    "1": "YAML",
    "2": "structure",
    "3": "expressions",
    "4": "control flow",
    "5": "time and reliability",
    "6": "activities",
    "7": "security",
    "8": "versions",
    "9": "style",
}
"""The digit behind `WF` and what the group is about."""


@record
class Rule:
    """One rule; codes are stable and never reused, `bad` and `good` are pieces of a definition."""

    code: str
    name: str
    severity: Severity
    summary: str
    why: str
    bad: str
    good: str

    @property
    def group(self) -> str:
        """What the rule is about, in words."""
        return GROUPS[self.code[2]]


def table(*rules: Rule) -> dict[str, Rule]:
    """The rules by code, in the order given."""
    return {rule.code: rule for rule in rules}
