"""Retries, timeouts and defaults that say something else than they seem to."""

from __future__ import annotations

from collections.abc import Mapping

from perdure.definition.checks.findings import Findings
from perdure.definition.checks.spaces import Spaces
from perdure.definition.diagnostics import quoted
from perdure.definition.models import Path
from perdure.program import matches
from perdure.values import JSON, parse_duration


def check_policies(spaces: Spaces, findings: Findings) -> None:
    """The timeouts of all steps, and the defaults of the document."""
    for space in spaces.all:
        for placed in space.placed:
            _check_timeout(placed.step.keys, space.file, placed.path, findings)
    defaults: Mapping[str, Mapping[str, JSON]] = spaces.main.keys.get("defaults") or {}
    names = {
        placed.step.keys["activity"]
        for space in spaces.all
        for placed in space.steps()
        if placed.step.kind == "activity"
    } if defaults else set()  # fmt: skip
    file = spaces.main.file
    for pattern, keys in defaults.items():
        path = ("defaults", pattern)
        _check_timeout(keys, file, path, findings)
        if not any(matches((pattern,), name) for name in names):
            hint = findings.suggestion(pattern, names)
            message = f"no activity here fits {quoted(pattern)}"
            findings.add("WF506", message, file, path, hint, key=True)


def _check_timeout(keys: Mapping[str, JSON], file: str, path: Path, findings: Findings) -> None:
    timeout = keys.get("timeout")
    if not isinstance(timeout, dict):
        return
    attempt, total = _literal(timeout.get("attempt")), _literal(timeout.get("total"))
    if attempt is not None and total is not None and attempt >= total:
        message = "an attempt may take as long as all of them together"
        hint = "the total expires first; make it longer"
        findings.add("WF505", message, file, (*path, "timeout", "attempt"), hint)


def _literal(duration: JSON) -> int | None:
    if not isinstance(duration, str):
        return 0 if duration == 0 and not isinstance(duration, bool) else None
    try:
        return parse_duration(duration)
    except ValueError:
        return None
