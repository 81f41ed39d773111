"""The top-level `defaults`: policies by activity-name pattern. A step's own key replaces a default."""

from __future__ import annotations

from collections.abc import Mapping

from perdure.definition.models import Step
from perdure.program import matches
from perdure.values import JSON


def with_defaults(step: Step, defaults: Mapping[str, Mapping[str, JSON]]) -> Mapping[str, JSON]:
    """The step's keys with those of the most specific fitting pattern behind them."""
    if step.kind != "activity" or not defaults:
        return step.keys
    fitting = [pattern for pattern in defaults if matches((pattern,), step.keys["activity"])]
    if not fitting:
        return step.keys
    return {**defaults[max(fitting, key=_specificity)], **step.keys}


def _specificity(pattern: str) -> tuple[bool, int]:
    """A full name before any glob, then the pattern with more literal characters."""
    return "*" not in pattern, len(pattern.replace("*", ""))
