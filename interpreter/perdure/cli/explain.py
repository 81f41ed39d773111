"""`perdure explain`: what a rule finds, why it matters, and how the cure looks. Without a rule, all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from perdure.cli.exits import NotFound
from perdure.cli.lazy import command
from perdure.cli.output import emit, table
from perdure.cli.settings import settings
from perdure.cli.showable import one_line

if TYPE_CHECKING:
    from perdure.definition.rules import Rule


@command("explain")
@click.argument("rule", required=False, metavar="[CODE|NAME]")
def explain(rule: str | None) -> None:
    """Say what a rule of `validate` is about: WF301 or unknown-step; without one, list all rules."""
    from perdure.definition.rules import RULES

    chosen = settings()
    if rule is None:
        rows = [asdict(one) for one in RULES.values()]
        text = table(
            ("code", "name", "severity", "about"),
            [(one.code, one.name, one.severity, one.summary) for one in RULES.values()],
        )
        emit(chosen.output, {"rules": rows}, text, rows=rows)
        return
    found = _rule(rule, RULES)
    emit(chosen.output, {**asdict(found), "group": found.group}, _text(found))


def no_such_rule(word: str) -> str:
    """What is said about a rule that does not exist, with the nearest."""
    from perdure.definition.diagnostics import nearest
    from perdure.definition.rules import RULES

    near = nearest(word, [*RULES, *(one.name for one in RULES.values())])
    hint = f"did you mean {near}?" if near else "`perdure explain` lists all rules"
    return f"there is no rule {one_line(word, 60)}; {hint}"


def _rule(word: str, rules: Mapping[str, Rule]) -> Rule:
    for one in rules.values():
        if word.upper() == one.code or word.lower() == one.name:
            return one
    raise NotFound(no_such_rule(word))


def _text(rule: Rule) -> str:
    return "\n".join(
        [
            f"{rule.code} {rule.name} ({rule.severity}, {rule.group})",
            "",
            f"What it finds: {rule.summary}.",
            f"Why it matters: {rule.why}",
            "",
            "Instead of",
            *(f"    {line}" for line in rule.bad.split("\n")),
            "write",
            *(f"    {line}" for line in rule.good.split("\n")),
        ]
    )
