"""Calls of activities against the catalogue: the name, its arguments, and whether it is still to be used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from perdure.definition.checks.arguments import Call, check_arguments
from perdure.definition.checks.findings import Findings
from perdure.definition.checks.spaces import Space
from perdure.definition.checks.types import Types
from perdure.definition.diagnostics import quoted

BUILT_IN: Final = frozenset(("http.request", "log", "noop"))
"""The activities that come with Perdure; where a catalogue has no others, none were named."""

_NONE_NAMED: Final = "no project activities are loaded: --activities MODULE, or activities in perdure.toml"


def check_activities(
    space: Space, catalogue: Mapping[str, Mapping[str, Any]], types: Types, findings: Findings
) -> None:
    """The calls in a space."""
    none_named = None if catalogue.keys() - BUILT_IN else _NONE_NAMED
    for placed in space.steps():
        if placed.step.kind != "activity":
            continue
        name = placed.step.keys["activity"]
        path = (*placed.path, "activity")
        entry = catalogue.get(name)
        if entry is None:
            hint = findings.suggestion(name, catalogue.keys()) or none_named
            findings.add("WF601", f"there is no activity {quoted(name)}", space.file, path, hint)
            continue
        deprecated = entry.get("deprecated")
        if deprecated is not None:
            hint = str(deprecated) or None
            findings.add("WF606", f"{name} is deprecated", space.file, path, hint)
        call = Call(name, entry.get("arguments") or {}, "WF602", "WF603", "WF604", coerces=True)
        given = placed.step.keys.get("with") or {}
        check_arguments(call, given, space.file, placed.path, "activity", types, findings)
