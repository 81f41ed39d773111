"""The top-level `defaults`: policies by activity-name pattern. A step's own key replaces a default, and so
do the queue and the priority of a block around it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from perdure.definition.models import Step
from perdure.program import matches
from perdure.values import JSON


def with_defaults(
    step: Step, defaults: Mapping[str, Mapping[str, JSON]], said: Collection[str] = ()
) -> Mapping[str, JSON]:
    """The step's keys with those of the most specific fitting pattern behind them, but for what a block around the
    step has `said`."""
    if step.kind != "activity" or not defaults:
        return step.keys
    fitting = [pattern for pattern in defaults if matches((pattern,), step.keys["activity"])]
    if not fitting:
        return step.keys
    default = defaults[max(fitting, key=_specificity)]
    return {**{key: value for key, value in default.items() if key not in said}, **step.keys}


def _specificity(pattern: str) -> tuple[bool, int]:
    """A full name before any glob, then the pattern with more literal characters."""
    return "*" not in pattern, len(pattern.replace("*", ""))
