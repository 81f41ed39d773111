"""What may go on for ever: waits, activities and retries without a limit, their own or one around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from perdure.definition.checks.activities import BUILT_IN
from perdure.definition.checks.findings import Findings
from perdure.definition.checks.spaces import Placed, Space, Spaces
from perdure.definition.checks.written import triggers
from perdure.definition.defaults import with_defaults
from perdure.definition.diagnostics import quoted
from perdure.values import JSON

_TIMERS: Final = ("after", "until", "for")
_MESSAGES: Final = ("signal", "event")
_SHIELDED: Final = ("finally", "undo")
"""Roles of lists that the timeouts around them do not cut short."""


class Patience:
    """Which steps some timeout ends, fragments by where they are used."""

    def __init__(self, spaces: Spaces) -> None:
        self.defaults: Mapping[str, Mapping[str, JSON]] = spaces.main.keys.get("defaults") or {}
        self.uses: dict[int, list[Placed]] = {}
        self.known: dict[int, bool] = {}
        for space in spaces.all:
            for placed, used in space.uses:
                if used is not None:
                    self.uses.setdefault(id(used), []).append(placed)

    def check(self, space: Space, findings: Findings) -> None:
        """The steps of a space that nothing ends."""
        for placed in space.placed:
            keys = with_defaults(placed.step, self.defaults)
            kind = "block" if placed.parent is None else placed.step.kind
            retry = keys.get("retry")
            endless = isinstance(retry, dict) and "attempts" not in retry and "within" not in retry
            waits = placed.parent is not None and _waits(placed)
            calls = kind == "activity" and "timeout" not in keys and keys["activity"] not in BUILT_IN
            if not (endless or waits or calls) or _has_total(keys) or self.is_bounded(placed):
                continue
            if waits:
                message = f"{quoted(placed.label)} may wait for ever"
                path = (*placed.path, placed.step.kind)
                findings.add("WF503", message, space.file, path, "add a `timeout:`", key=True)
            if calls:
                message = f"{keys['activity']} may take for ever"
                findings.add("WF511", message, space.file, (*placed.path, "activity"), "add a `timeout:`")
            if endless and "retry" in placed.step.keys:
                hint = "add `attempts:` or `within:`"
                findings.add("WF512", "this is tried for ever", space.file, (*placed.path, "retry"), hint, key=True)

    def is_bounded(self, placed: Placed) -> bool:
        """Whether a timeout around a step ends it."""
        while placed.parent is not None:
            if placed.within is not None and placed.within.role in _SHIELDED:
                return False
            placed = placed.parent
            if _has_total(placed.step.keys):
                return True
        known = self.known.get(id(placed))
        if known is None:
            self.known[id(placed)] = False  # a fragment that uses itself
            uses = self.uses.get(id(placed.space), [])
            known = bool(uses) and all(_has_total(use.step.keys) or self.is_bounded(use) for use in uses)
            self.known[id(placed)] = known
        return known


def _has_total(keys: Mapping[str, JSON]) -> bool:
    timeout = keys.get("timeout")
    return timeout is not None and (not isinstance(timeout, dict) or "total" in timeout)


def _waits(placed: Placed) -> bool:
    """Whether a step waits for a message or an answer, and has no time of its own at which it gives up."""
    step, terms = placed.step, placed.step.keys.get(placed.step.kind)
    if step.kind not in ("wait", "select", "ask", "receive") or (isinstance(terms, dict) and "timeout" in terms):
        return False
    if step.kind in ("ask", "receive"):
        return True
    entries = [entry for _, entry in triggers(step)] if isinstance(terms, dict | list) else []
    if not any(key in entry for entry in entries for key in _MESSAGES):
        return False
    timed = any(key in entry for entry in entries for key in _TIMERS)
    return not timed or (isinstance(terms, dict) and "all" in terms)
